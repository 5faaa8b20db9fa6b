"""Timers and activities say in Temporal's tools what they are for."""

from datetime import timedelta

from domain.clocks import next_strike
from domain.ledger import ADOPT, activity_of, every_activity
from domain.submission import STRIKE
from domain.vocabulary import Phase, Point
from tests.life import Life
from workflows.presentation import command_summary, timer_summary
from workflows.wording import some, span


def armed(life: Life) -> str:
    """The summary of the timer that would be armed now."""
    strike = next_strike(life.whistle)
    assert strike
    return timer_summary(life.whistle, strike)


def test_a_timer_names_every_clock_that_strikes_with_it():
    """Who is concerned and when, not the first in order alone."""
    life = Life().emergency("water", "police")
    life.do("platform", "accept", lead="water", cooperating=["police"])
    life.do("department@water", "sign", responder="water")
    life.wait(minutes=10)
    assert armed(life) == "报到·时限过半 公安分局、区水务局 2026-11-24 10:15:00"
    assert armed(Life()) == "研判·时限过半 2026-11-24 15:00:00"


def test_a_timer_of_many_stays_within_the_server_s_limit():
    """Three of a clock are named, and the number of the rest."""
    departments = [o.code for o in Life().rules.organisations.departments()]
    summary = armed(Life().assembling(*departments))
    assert f"等 {len(departments)} 家" in summary
    assert len(summary.encode()) <= 400


def test_an_activity_names_the_command_and_whom_it_concerns():
    """In Chinese, with the name on the wire."""
    whistle = Life().assembling("water").whistle
    assert command_summary(whistle, "arrive", {"responder": "water"}) == "报到 arrive 区水务局"
    assert command_summary(None, ADOPT, {}) == "读取已存事件 adopt"
    strike = {"phase": "ARRIVE", "point": "LIMIT", "due_at": "2026-11-24T02:30:00Z", "responder": "water"}
    assert command_summary(whistle, STRIKE, strike) == "报到·时限已到 区水务局"


def test_a_local_activity_is_named_by_what_it_does():
    """Temporal's timeline shows nothing else of it; the names are few, and never follow a label."""
    assert activity_of("arrive", {}) == "record_command"
    assert activity_of(STRIKE, {"phase": "ARRIVE", "point": "LIMIT"}) == "strike_arrive_limit"
    assert len(set(every_activity())) == 2 + len(Phase) * len(Point)


def test_spans_and_lists_read_like_speech():
    """Two units at most, and never a wrong rounding up."""
    assert span(timedelta(seconds=6)) == "6 秒"
    assert span(timedelta(minutes=59, seconds=59)) == "59 分"
    assert span(timedelta(days=1, hours=2, minutes=5)) == "1 天 2 小时"
    assert some(["甲", "乙"], 2) == "甲、乙"
    assert some(["甲", "乙", "丙"], 2) == "甲、乙 等 3 家"
