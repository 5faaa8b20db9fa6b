"""Deadlines in the workflow, at their true length."""

from datetime import datetime, timedelta
from decimal import Decimal

import pytest
from temporalio.api.enums.v1 import EventType
from temporalio.testing import WorkflowEnvironment

from domain.events import ClockStruck, SupervisionRaised
from domain.records import Record
from domain.vocabulary import Phase, Point, ReportInState, State, SupervisionLevel
from domain.working_time import BEIJING, CalendarDay, WorkCalendar
from tests.fakes import FakeLedger, shipped_rules
from tests.stage import ADMIN, CLERK, LEADER, PLATFORM, THREE, Begin, Play

PROMPT = timedelta(seconds=2)


def struck(ledger: FakeLedger, play: Play, phase: Phase) -> list[tuple[Record, ClockStruck]]:
    """The strikes of one phase's clocks, in order."""
    return [
        (r, r.event)
        for r in ledger.trail[play.whistle_id]
        if isinstance(r.event, ClockStruck) and r.event.phase is phase
    ]


def assert_prompt(ledger: FakeLedger, play: Play) -> None:
    """Every strike came at its time or at most two seconds later."""
    for record in ledger.trail[play.whistle_id]:
        if isinstance(record.event, ClockStruck):
            assert timedelta() <= record.at - record.event.due_at <= PROMPT


def levels(ledger: FakeLedger, play: Play, organisation: str) -> list[SupervisionLevel]:
    """The supervisions raised against one organisation, in order."""
    events = (r.event for r in ledger.trail[play.whistle_id])
    return [e.level for e in events if isinstance(e, SupervisionRaised) and e.organisation == organisation]


async def test_an_emergency_is_overdue_at_thirty_minutes_and_a_no_show_at_sixty(
    env: WorkflowEnvironment, begin: Begin, ledger: FakeLedger
) -> None:
    """The published 30 minutes [A1] strike neither early nor late, urge, and mark a no-show at the second limit."""
    play = await begin()
    await play.blow_emergency("water", "police")
    await play.do("accept", PLATFORM, lead="water", cooperating=["police"])
    await play.arrive("water")
    await env.sleep(timedelta(minutes=29, seconds=55))
    police = (await play.view()).report_ins[1]
    assert not police.overdue
    await env.sleep(timedelta(seconds=10))
    police = (await play.view()).report_ins[1]
    assert (police.overdue, police.no_show) == (True, False)
    assert SupervisionLevel.URGE in levels(ledger, play, "police")
    await env.sleep(timedelta(minutes=30))
    assert (await play.view()).report_ins[1].no_show
    assert_prompt(ledger, play)


async def test_a_late_arrival_is_never_blocked_and_clears_no_mark(env: WorkflowEnvironment, begin: Begin) -> None:
    """Arriving after the limit is possible, is measured, and stops the supervision but not the mark."""
    play = await begin()
    await play.blow_emergency("water", "police")
    await play.arrive("water")
    await env.sleep(timedelta(minutes=45))
    await play.arrive("police")
    view = await play.view()
    police = view.report_ins[1]
    assert police.state is ReportInState.ARRIVED
    assert police.overdue
    assert timedelta(minutes=14) < timedelta(seconds=police.late_by_s) < timedelta(minutes=16)
    assert "police" not in [s.organisation for s in view.supervisions if s.phase is Phase.ARRIVE]


async def test_reminders_strike_at_half_and_four_fifths_of_the_limit(
    env: WorkflowEnvironment, begin: Begin, ledger: FakeLedger
) -> None:
    """An emergency's arrival reminds after 15 and 24 minutes and urges at 30."""
    play = await begin()
    await play.blow_emergency("water")
    await env.sleep(timedelta(minutes=31))
    strikes = struck(ledger, play, Phase.ARRIVE)
    (started,) = {s.due_at - timedelta(minutes=30) for _, s in strikes if s.point is Point.LIMIT}
    assert [(s.point, (s.due_at - started).total_seconds() / 60) for _, s in strikes] == [
        (Point.REMIND_HALF, 15),
        (Point.REMIND_NEAR, 24),
        (Point.LIMIT, 30),
    ]
    assert_prompt(ledger, play)


@pytest.mark.usefixtures("worker")
async def test_five_work_days_run_over_a_holiday(env: WorkflowEnvironment, ledger: FakeLedger) -> None:
    """A KEY_WORK whistle's five work days leave out a holiday and count the make-up workday."""
    now = await env.get_current_time()
    ledger.rules = shipped_rules(holiday_from(now))
    play = await Play.begin(env.client, ledger, now)
    await play.accept_enforcement(*THREE, kind="KEY_WORK")
    due_at = (await play.view()).report_ins[0].due_at
    assert due_at is not None
    dispatched_at = (await play.view()).report_ins[0].notified_at
    plain = WorkCalendar().add_work_days(dispatched_at, Decimal(5))
    assert due_at - plain >= timedelta(days=1)
    await env.sleep(due_at - await env.get_current_time() - timedelta(seconds=30))
    assert not (await play.view()).report_ins[0].overdue
    await env.sleep(timedelta(minutes=1))
    assert (await play.view()).report_ins[0].overdue
    assert_prompt(ledger, play)


def holiday_from(now: datetime) -> WorkCalendar:
    """A calendar whose next two weekdays from tomorrow on are off, and whose next Saturday is worked."""
    ahead = [(now.astimezone(BEIJING) + timedelta(days=n)).date() for n in range(1, 9)]
    off = [day for day in ahead if day.weekday() < 5][:2]
    saturday = next(day for day in ahead if day.weekday() == 5)
    return WorkCalendar.of([CalendarDay(date=day, workday=day == saturday) for day in (*off, saturday)])


async def test_a_suspension_is_added_back_to_every_deadline(
    env: WorkflowEnvironment, begin: Begin, ledger: FakeLedger
) -> None:
    """Nothing strikes while suspended; afterwards the arrival limit lies later by exactly the pause."""
    play = await begin()
    await play.accept_enforcement(*THREE)
    before = (await play.view()).report_ins[0].due_at
    assert before is not None
    review_at = (await env.get_current_time()) + timedelta(days=30)
    await play.do("suspend", PLATFORM, reason="待上级批复", review_at=review_at.isoformat())
    suspended_at = (await play.view()).suspended_at
    await env.sleep(timedelta(days=10))
    assert struck(ledger, play, Phase.ARRIVE) == []
    await play.do("resume", PLATFORM)
    resumed_at = ledger.trail[play.whistle_id][-1].at
    view = await play.view()
    assert view.state is State.ASSEMBLING
    assert suspended_at is not None
    assert view.report_ins[0].due_at == before + (resumed_at - suspended_at)
    await env.sleep(timedelta(days=12))
    assert (await play.view()).report_ins[0].overdue
    assert_prompt(ledger, play)


async def test_a_postponed_clock_leaves_the_timer_alone_and_an_earlier_one_replaces_it(begin: Begin) -> None:
    """Of two later deadlines neither starts a timer; the earlier acceptance limit replaces the review's."""
    play = await begin()
    await play.do("append", CLERK, text="又来电", kind="REPEATED_CALL")
    assert await timers(play) == (1, 0)
    await play.do(
        "review",
        CLERK,
        decision="WHISTLE",
        kind="ENFORCEMENT",
        urgency="NORMAL",
        tier="COMPREHENSIVE",
        proposed_responders=list(THREE),
    )
    assert await timers(play) == (1, 0)
    await play.do("blow", LEADER)
    assert await timers(play) == (2, 1)


async def test_a_timer_says_which_clock_it_waits_for(begin: Begin) -> None:
    """The summary names the clock, whom it binds and the due time in Beijing."""
    play = await begin()
    await play.blow_emergency("water")
    events = (await play.handle.fetch_history()).events
    summaries = [
        e.user_metadata.summary.data.decode() for e in events if e.event_type == EventType.EVENT_TYPE_TIMER_STARTED
    ]
    assert all("研判" in s or "受理" in s for s in summaries)
    assert all(len(s) > len("受理 2026") for s in summaries)


async def timers(play: Play) -> tuple[int, int]:
    """Count the timers started and cancelled so far."""
    kinds = [e.event_type for e in (await play.handle.fetch_history()).events]
    return kinds.count(EventType.EVENT_TYPE_TIMER_STARTED), kinds.count(EventType.EVENT_TYPE_TIMER_CANCELED)


async def test_nothing_strikes_any_more_once_a_whistle_is_cancelled(begin: Begin, ledger: FakeLedger) -> None:
    """A cancelled whistle's workflow completes at once and no clock is left."""
    play = await begin()
    await play.blow_emergency("water")
    await play.do("cancel", ADMIN, reason="误报")
    end = await play.handle.result()
    assert end.state is State.CANCELLED
    assert struck(ledger, play, Phase.ARRIVE) == []
