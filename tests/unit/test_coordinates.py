"""Coordinates of three systems become one, and nothing is lost on the way."""

from datetime import UTC, datetime
from math import cos, hypot, radians

from hypothesis import given
from hypothesis import strategies as st

from domain.commands import Arrive
from domain.coordinates import in_china, in_one_system, to_gcj02, to_wgs84
from domain.registration import Registration
from domain.values import Evidence, Location, Officer, Place
from domain.vocabulary import CoordinateSystem, EvidenceKind, SourceChannel

inside = st.tuples(st.floats(74.7, 134.0), st.floats(4.9, 52.5))
anywhere = st.tuples(st.floats(-180, 180), st.floats(-90, 90))


def metres(one: tuple[float, float], other: tuple[float, float]) -> float:
    """The distance of two points that are near each other."""
    east = (one[0] - other[0]) * cos(radians(one[1]))
    return 111_320 * hypot(east, one[1] - other[1])


@given(inside)
def test_there_and_back_ends_within_a_metre_inside_china(point: tuple[float, float]):
    """WGS 84 to GCJ-02 and back."""
    assert metres(to_wgs84(*to_gcj02(*point)), point) < 1


@given(inside)
def test_the_offset_is_some_hundred_metres(point: tuple[float, float]):
    """Inside China a point moves, and not far."""
    assert 10 < metres(to_gcj02(*point), point) < 2_000


@given(anywhere.filter(lambda point: not in_china(*point)))
def test_nothing_moves_outside_china(point: tuple[float, float]):
    """Beyond the rectangle there is no offset."""
    assert metres(to_gcj02(*point), point) < 0.02
    assert metres(to_wgs84(*point), point) < 0.02


def test_a_known_point_of_beijing_lands_where_maps_show_it():
    """Tiananmen, WGS 84 116.39123, 39.90736."""
    assert metres(to_gcj02(116.39123, 39.90736), (116.397476, 39.908762)) < 5


@given(anywhere, st.sampled_from(CoordinateSystem))
def test_converting_twice_is_converting_once(point: tuple[float, float], crs: CoordinateSystem):
    """What is stored is converted no more."""
    once = in_one_system(Place(address="某处", lng=point[0], lat=point[1], crs=crs))
    assert in_one_system(once) is once
    assert once.crs is CoordinateSystem.GCJ02


def test_place_location_and_evidence_are_converted_wherever_they_stand():
    """A registration's place and evidence, an arrival's location and evidence."""
    photo = Evidence(
        url="https://oss/1.jpg", kind=EvidenceKind.SIGN_IN, lng=117.1, lat=40.2, crs=CoordinateSystem.WGS84
    )
    place = Place(address="某处", lng=117.1, lat=40.2, crs=CoordinateSystem.CGCS2000)
    matter = Registration(
        source_system="12345", external_id="1", channel=SourceChannel.HOTLINE_12345, received_at=datetime.now(UTC),
        title="路灯不亮", description="详情", township="jinhaihu", place=place, evidence=(photo,),
    )  # fmt: skip
    arrival = Arrive(
        responder="water", officers=(Officer(name="王五"),), evidence=(photo,),
        location=Location(lng=117.1, lat=40.2, crs=CoordinateSystem.WGS84),
    )  # fmt: skip
    expected = to_gcj02(117.1, 40.2)
    converted, arrived = in_one_system(matter), in_one_system(arrival)
    for found in (converted.place, converted.evidence[0], arrived.location, arrived.evidence[0]):
        assert found is not None
        assert (found.lng, found.lat, found.crs) == (*expected, CoordinateSystem.GCJ02)


def test_what_needs_no_conversion_is_left_as_it_was_told():
    """No system said means GCJ-02; a system without degrees is dropped."""
    told = Place(address="某处", lng=117.1, lat=40.2)
    assert in_one_system(told) is told
    assert in_one_system(Place(address="某处", crs=CoordinateSystem.WGS84)).crs is None
