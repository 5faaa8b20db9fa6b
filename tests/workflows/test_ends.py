"""How a whistle's workflow ends, goes on as a new run, and is cancelled."""

import asyncio
from datetime import timedelta

import pytest
from temporalio.api.enums.v1 import EventType
from temporalio.client import WorkflowFailureError, WorkflowUpdateFailedError
from temporalio.exceptions import CancelledError
from temporalio.testing import WorkflowEnvironment

from domain.events import WhistleCancelled
from domain.vocabulary import Outcome, Role, State
from tests.fakes import FakeLedger
from tests.stage import CLERK, LEADER, SOURCE, THREE, Begin
from workflows import policies

MORE = {"text": "补充情况", "kind": "MORE"}


async def test_a_rejected_whistle_ends_with_its_commands_in_flight_answered(begin: Begin, ledger: FakeLedger) -> None:
    """An end waits for its open handlers: what was accepted with it is answered, stored or refused."""
    play = await begin()
    await play.view()
    ledger.fail(4)
    before = [await play.admit("append", SOURCE, **MORE) for _ in range(3)]
    reject = await play.admit("review", CLERK, decision="REJECT", rejection="UNFOUNDED", reason="查无此事")
    after = [await play.admit("append", SOURCE, **MORE) for _ in range(3)]
    stored = [await handle.result() for handle in [*before, reject]]
    refused = await asyncio.gather(*(handle.result() for handle in after), return_exceptions=True)
    end = await play.handle.result()
    assert [a.sequence for a in stored] == [2, 3, 4, 5]
    assert all(isinstance(r, WorkflowUpdateFailedError) for r in refused)
    assert (end.state, end.version) == (State.REJECTED, 5)


async def test_a_closed_whistle_ends_when_its_windows_are_over(
    env: WorkflowEnvironment, begin: Begin, ledger: FakeLedger
) -> None:
    """CLOSED stays open to reopen and appeal for its windows, then the workflow completes."""
    play = await begin()
    await play.play_every_step()
    await env.sleep(timedelta(days=29))
    assert (await play.view()).state is State.CLOSED
    end = await play.handle.result()
    assert (end.state, end.outcome) == (State.CLOSED, Outcome.RESOLVED)
    assert ledger.values[play.whistle_id].archived


async def test_a_temporal_cancel_is_the_command_of_an_admin(begin: Begin, ledger: FakeLedger) -> None:
    """It is stored as `cancel` by ADMIN with Temporal's reason, and the workflow shows as Canceled."""
    play = await begin()
    await play.accept_enforcement(*THREE)
    await play.handle.cancel(reason="系统演练结束")
    with pytest.raises(WorkflowFailureError) as ended:
        await play.handle.result()
    assert isinstance(ended.value.cause, CancelledError)
    record = next(r for r in ledger.trail[play.whistle_id] if isinstance(r.event, WhistleCancelled))
    assert (record.actor.subject, record.actor.role) == ("temporal", Role.ADMIN)
    assert isinstance(record.event, WhistleCancelled)
    assert ledger.values[play.whistle_id].state is State.CANCELLED


async def test_a_cancel_waits_for_the_store(begin: Begin, ledger: FakeLedger) -> None:
    """A cancel while the store is away is not lost, and neither is the command before it."""
    play = await begin()
    await play.accept_enforcement(*THREE)
    ledger.fail(5)
    sent = await play.admit("append", SOURCE, **MORE)
    await play.handle.cancel()
    assert (await sent.result()).sequence
    with pytest.raises(WorkflowFailureError):
        await play.handle.result()
    assert ledger.values[play.whistle_id].state is State.CANCELLED


async def test_a_cancel_that_comes_during_a_strike_forgets_nothing(
    env: WorkflowEnvironment, begin: Begin, ledger: FakeLedger
) -> None:
    """The strike that is being stored is finished first, then the cancel is stored."""
    play = await begin()
    await play.blow_emergency("water")
    ledger.fail(6)
    await env.sleep(timedelta(minutes=5, seconds=1))
    await play.handle.cancel()
    with pytest.raises(WorkflowFailureError):
        await play.handle.result()
    rows = ledger.trail[play.whistle_id]
    assert [r.sequence for r in rows] == list(range(1, len(rows) + 1))
    assert ledger.values[play.whistle_id].state is State.CANCELLED


async def test_a_cancel_of_a_closed_whistle_is_refused_and_it_goes_on(env: WorkflowEnvironment, begin: Begin) -> None:
    """CLOSED is not open any more: its windows run on and the workflow completes as it would have."""
    play = await begin()
    await play.play_every_step()
    await play.handle.cancel()
    await env.sleep(timedelta(days=1))
    assert (await play.view()).state is State.CLOSED
    await play.do("reopen", CLERK, reason="问题反弹")
    assert (await play.view()).state is State.ASSEMBLING


async def test_a_leaders_cancel_completes_the_workflow(begin: Begin) -> None:
    """The command is no cancellation in Temporal's sense: the result tells the state."""
    play = await begin()
    await play.accept_enforcement(*THREE)
    await play.do("cancel", LEADER, reason="误报")
    end = await play.handle.result()
    assert (end.state, end.outcome) == (State.CANCELLED, Outcome.CANCELLED)


async def test_a_long_whistle_continues_as_new_with_value_and_clocks_intact(
    env: WorkflowEnvironment, begin: Begin, ledger: FakeLedger, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The next run carries the value, arms its timer anew and strikes the same deadlines at the same times."""
    monkeypatch.setattr(policies, "EVENTS_BEFORE_CONTINUING", 30)
    play = await begin()
    await play.blow_emergency("water", "police")
    due_at = (await play.view()).report_ins[0].due_at
    for _ in range(8):
        await play.do("append", SOURCE, **MORE)
    events = (await play.handle.fetch_history()).events
    started = events[0].workflow_execution_started_event_attributes
    assert started.continued_execution_run_id
    view = await play.view()
    assert view.report_ins[0].due_at == due_at
    assert view.version == ledger.values[play.whistle_id].sequence
    await env.sleep(timedelta(minutes=31))
    assert (await play.view()).report_ins[0].overdue
    late = [r.at for r in ledger.trail[play.whistle_id] if r.type == "OverdueMarked"]
    assert due_at is not None
    assert all(timedelta() <= at - due_at <= timedelta(seconds=2) for at in late)


async def test_a_continued_whistle_arms_its_timer_in_its_first_task(
    begin: Begin, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No row is read again and no command is needed for the clocks to run on."""
    monkeypatch.setattr(policies, "EVENTS_BEFORE_CONTINUING", 12)
    play = await begin()
    await play.blow_emergency("water")
    await play.do("append", SOURCE, **MORE)
    monkeypatch.setattr(policies, "EVENTS_BEFORE_CONTINUING", 4000)
    await play.view()
    events = (await play.handle.fetch_history()).events
    kinds = [e.event_type for e in events]
    assert events[0].workflow_execution_started_event_attributes.continued_execution_run_id
    assert EventType.EVENT_TYPE_MARKER_RECORDED not in kinds
    assert kinds.count(EventType.EVENT_TYPE_TIMER_STARTED) == 1
