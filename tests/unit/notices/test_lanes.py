"""A channel's lane: emergencies first, ordinary notices by day, and never more than its provider takes."""

from datetime import datetime, timedelta
from typing import Any

import pytest

from activities.channels.log import Log
from activities.channels.opening import Configured
from activities.channels.sections import LogSection, RobotSection, Section
from activities.channels.wecom_robot import WecomRobot
from activities.lanes import COMBINED, EACH, PROBES, Lane
from domain.working_time import BEIJING
from storage.notice_deliveries import Parcel, Places

DAY, NIGHT = (datetime(2026, 11, 24, hour, tzinfo=BEIJING) for hour in (10, 23))


def shared(**section: Any) -> Lane:
    """A lane whose addresses share one server."""
    return Lane(Configured("shared", Section(**section), Log()))


def robots(**section: Any) -> Lane:
    """A lane whose addresses are robots of their own."""
    return Lane(Configured("robots", RobotSection(**section), WecomRobot(None)))


def parcel(recipient: str = "water/a", *, urgent: bool = True) -> Parcel:
    """A delivery of which only these matter."""
    return Parcel.model_construct(recipient=recipient, urgent=urgent, channel="x")


def room(found: list[Places]) -> tuple[int, int]:
    """Places for urgent and for ordinary deliveries."""
    return sum(p.places for p in found if p.urgent), sum(p.places for p in found if not p.urgent)


def test_one_place_is_kept_for_emergencies():
    """Ordinary notices never fill a lane."""
    assert room(shared(at_once=4).places(DAY)) == (4, 3)


def test_by_night_only_emergencies_go_out():
    """Quiet hours are the channel's; the log has none."""
    assert room(shared(at_once=4).places(NIGHT)) == (4, 0)
    assert room(Lane(Configured("log", LogSection(at_once=4), Log())).places(NIGHT)) == (4, 3)


def test_what_is_under_way_takes_its_place():
    """And gives it back."""
    lane = shared(at_once=2)
    begun = lane.begin("water/a")
    assert room(lane.places(DAY)) == (1, 0)
    lane.end("water/a", begun)
    assert room(lane.places(DAY)) == (2, 1)


def test_a_channel_that_fails_is_only_probed_until_it_works_again():
    """Many waiting deliveries do not all run into it."""
    lane = shared(at_once=10)
    lane.fail("water/a", None)
    assert room(lane.places(DAY)) == (PROBES, PROBES - 1)
    lane.fail("water/b", None)
    lane.fail("water/c", None)
    assert room(lane.places(DAY)) == (0, 0)
    assert lane.succeed("water/a")
    assert room(lane.places(DAY)) == (10, 9)
    assert not lane.succeed("water/a")


def test_one_message_that_always_fails_makes_no_recovery_of_the_others_success():
    """It would be tried anew at each of them, for a day."""
    for lane, recipients in ((shared(), ("water/a", "water/b")), (robots(), ("water/a", "water/a"))):
        for _ in range(3):
            lane.fail(recipients[0], None)
            assert not lane.succeed(recipients[1])


def test_a_channel_rests_as_long_as_its_provider_asks():
    """Retry-After is for everybody who shares the account."""
    lane = shared(at_once=10)
    lane.fail("water/a", timedelta(seconds=60))
    assert lane.places(DAY) == []


def test_the_rate_is_counted_and_a_part_of_it_kept_for_emergencies():
    """Of 10 a minute, two are the emergencies'."""
    lane = shared(at_once=20, per_minute=10)
    assert [lane.wait_s(parcel(urgent=False)) for _ in range(8)] == [0.0] * 8
    assert lane.wait_s(parcel(urgent=False)) > 50
    assert [lane.wait_s(parcel()) for _ in range(2)] == [0.0] * 2
    assert lane.wait_s(parcel()) > 50
    assert lane.places(DAY) == []


def test_each_robot_has_a_rate_of_its_own():
    """One that is spent rests, the others go on."""
    lane = robots(per_minute=1)
    assert lane.wait_s(parcel("water/a")) == 0.0
    assert lane.wait_s(parcel("water/a")) > 50
    assert lane.wait_s(parcel("police/b")) == 0.0
    assert "robots water/a" in lane.resting()
    assert room(lane.places(DAY)) == (8, 7)
    assert [p.each for p in lane.places(DAY)] == [1, COMBINED]


def test_a_robot_that_hangs_leaves_room_for_the_others():
    """Two attempts at once to one address."""
    lane = robots()
    for _ in range(EACH):
        assert lane.wait_s(parcel("water/a")) == 0.0
        lane.begin("water/a")
    assert lane.wait_s(parcel("water/a")) > 0
    assert lane.resting() == ["robots water/a"]
    assert lane.wait_s(parcel("police/b")) == 0.0


def test_robots_that_hang_give_their_places_up_and_take_no_more_than_as_many_again(monkeypatch: pytest.MonkeyPatch):
    """However many hang at once, others are heard after a second."""
    lane = robots(at_once=4)
    for code in ("a", "b", "c", "d"):
        lane.begin(code)
    assert lane.places(DAY) == []
    monkeypatch.setattr("activities.lanes.GIVES_WAY_AFTER_S", -1.0)
    assert room(lane.places(DAY)) == (4, 3)
    for code in ("e", "f", "g", "h"):
        lane.begin(code)
    assert lane.places(DAY) == []


def test_where_all_share_one_server_what_takes_long_keeps_its_place(monkeypatch: pytest.MonkeyPatch):
    """The next message would take as long."""
    monkeypatch.setattr("activities.lanes.GIVES_WAY_AFTER_S", -1.0)
    lane = shared(at_once=1)
    lane.begin("water/a")
    assert lane.places(DAY) == []


@pytest.mark.parametrize("failures", [1, 5, 50])
def test_a_robot_that_fails_rests_alone_and_never_for_long(failures: int):
    """Half a minute at most, so that recovery is soon seen."""
    lane = robots()
    for _ in range(failures):
        lane.fail("water/a", None)
    assert lane.resting() == ["robots water/a"]
    assert max(lane._rests_until.values()) - min(lane._rests_until.values()) <= 30
    assert room(lane.places(DAY))[0] == 8
