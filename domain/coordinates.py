"""Coordinates in one system: GCJ-02 is what Chinese maps and hotline work orders speak, so it is what is stored.

CGCS2000 and WGS 84 differ by centimetres and are taken for one. The offset of GCJ-02 is defined inside China alone;
outside of it nothing is changed. The formula is the publicly known one of the 国测局 offset, exact to about a metre.
"""

from math import cos, pi, sin, sqrt
from typing import Any, NamedTuple, TypeVar

from domain.values import Evidence, Frozen, Location, Place
from domain.vocabulary import CoordinateSystem

STORED = CoordinateSystem.GCJ02
_AXIS_M = 6378245.0
_ECCENTRICITY_SQUARED = 0.00669342162296594323
_WEST, _EAST, _SOUTH, _NORTH = 73.66, 135.05, 3.86, 53.55
_DECIMALS = 7
_CLOSE_ENOUGH = 1e-8
_ROUNDS = 10

Model = TypeVar("Model", bound=Frozen)


class Degrees(NamedTuple):
    """Longitude and latitude."""

    lng: float
    lat: float


def to_gcj02(lng: float, lat: float) -> Degrees:
    """Convert WGS 84 or CGCS2000 to GCJ-02, rounded to a centimetre; identity outside China."""
    moved = _moved(lng, lat)
    return Degrees(round(moved.lng, _DECIMALS), round(moved.lat, _DECIMALS))


def to_wgs84(lng: float, lat: float) -> Degrees:
    """Convert GCJ-02 to WGS 84, rounded to a centimetre; identity outside China."""
    found = Degrees(lng, lat)
    for _ in range(_ROUNDS):
        back = _moved(*found)
        wrong = Degrees(back.lng - lng, back.lat - lat)
        found = Degrees(found.lng - wrong.lng, found.lat - wrong.lat)
        if max(abs(wrong.lng), abs(wrong.lat)) < _CLOSE_ENOUGH:
            break
    return Degrees(round(found.lng, _DECIMALS), round(found.lat, _DECIMALS))


def in_china(lng: float, lat: float) -> bool:
    """Tell whether a point lies in the rectangle to which the offset applies."""
    return _WEST <= lng <= _EAST and _SOUTH <= lat <= _NORTH


def in_one_system(model: Model) -> Model:
    """Give a registration, command or value with every coordinate pair in it as GCJ-02; idempotent."""
    changed = {name: new for name, old in model if (new := _converted(old)) is not old}
    if isinstance(model, Place | Location | Evidence):
        changed = _pair(model)
    return model.model_copy(update=changed) if changed else model


def _converted(value: Any) -> Any:  # noqa: ANN401 - any field of any model
    if isinstance(value, Frozen):
        return in_one_system(value)
    if isinstance(value, tuple):
        members = tuple(_converted(member) for member in value)
        return members if any(new is not old for new, old in zip(members, value, strict=True)) else value
    return value


def _pair(held: Place | Location | Evidence) -> dict[str, Any]:
    if held.crs in (None, STORED):
        return {}
    if held.lng is None or held.lat is None:
        return {"crs": None}
    return {**to_gcj02(held.lng, held.lat)._asdict(), "crs": STORED}


def _moved(lng: float, lat: float) -> Degrees:
    if not in_china(lng, lat):
        return Degrees(lng, lat)
    x, y, radians = lng - 105.0, lat - 35.0, lat / 180.0 * pi
    magic = 1 - _ECCENTRICITY_SQUARED * sin(radians) ** 2
    north = _north(x, y) * 180.0 / ((_AXIS_M * (1 - _ECCENTRICITY_SQUARED)) / (magic * sqrt(magic)) * pi)
    east = _east(x, y) * 180.0 / (_AXIS_M / sqrt(magic) * cos(radians) * pi)
    return Degrees(lng + east, lat + north)


def _north(x: float, y: float) -> float:
    offset = -100.0 + 2.0 * x + 3.0 * y + 0.2 * y * y + 0.1 * x * y + 0.2 * sqrt(abs(x)) + _waves(x)
    offset += (20.0 * sin(y * pi) + 40.0 * sin(y / 3.0 * pi)) * 2.0 / 3.0
    return offset + (160.0 * sin(y / 12.0 * pi) + 320.0 * sin(y * pi / 30.0)) * 2.0 / 3.0


def _east(x: float, y: float) -> float:
    offset = 300.0 + x + 2.0 * y + 0.1 * x * x + 0.1 * x * y + 0.1 * sqrt(abs(x)) + _waves(x)
    offset += (20.0 * sin(x * pi) + 40.0 * sin(x / 3.0 * pi)) * 2.0 / 3.0
    return offset + (150.0 * sin(x / 12.0 * pi) + 300.0 * sin(x / 30.0 * pi)) * 2.0 / 3.0


def _waves(x: float) -> float:
    return (20.0 * sin(6.0 * x * pi) + 20.0 * sin(2.0 * x * pi)) * 2.0 / 3.0
