"""What only the real server shows: free refusals, the cost of a command, runs that change under load, workers away."""

import asyncio
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest
from temporalio.client import Client

from domain.limits import DEMO_PROFILE
from tests.fakes import FakeLedger, shipped_rules
from tests.servers import make_test_worker
from tests.stage import CLERK, Play
from workflows import policies

MORE = {"text": "补充情况", "kind": "MORE"}


async def test_a_command_costs_at_most_eight_events_and_two_kilobytes(
    real_client: Client, ledger: FakeLedger, record_property: Callable[[str, object], None]
) -> None:
    """Three departments through all steps, with command ids as long as real ones, stay within the budget."""
    async with make_test_worker(real_client, ledger):
        play = await Play.begin(real_client, ledger, datetime.now(UTC))
        accepted = await play.play_every_step()
        events = (await play.handle.fetch_history()).events
    per_command = len(events) / accepted, sum(e.ByteSize() for e in events) / accepted
    record_property("events_per_command", per_command[0])
    record_property("bytes_per_command", per_command[1])
    assert per_command[0] <= 8
    assert per_command[1] <= 2048


async def test_commands_in_flight_survive_a_change_of_runs(
    real_client: Client, ledger: FakeLedger, monkeypatch: pytest.MonkeyPatch
) -> None:
    """While runs follow each other quickly, every command is answered, stored once, and known to the last run."""
    monkeypatch.setattr(policies, "EVENTS_BEFORE_CONTINUING", 25)
    async with make_test_worker(real_client, ledger):
        play = await Play.begin(real_client, ledger, datetime.now(UTC))
        for _ in range(6):
            await asyncio.gather(*(play.do("append", CLERK, **MORE) for _ in range(8)))
        view = await play.view()
        started = (await play.handle.fetch_history()).events[0].workflow_execution_started_event_attributes
    assert started.continued_execution_run_id
    assert view.version == len(ledger.trail[play.whistle_id]) == 49


async def test_what_fell_due_while_no_worker_ran_strikes_before_the_late_command(real_client: Client) -> None:
    """The late arrival that comes first on the worker's return finds the mark, and its lateness is measured."""
    ledger = FakeLedger(shipped_rules(profile=DEMO_PROFILE))
    async with make_test_worker(real_client, ledger):
        play = await Play.begin(real_client, ledger, datetime.now(UTC))
        await play.blow_emergency("water", "police")
        due_at = (await play.view()).report_ins[1].due_at
    assert due_at is not None
    # The real server's clock does not jump: the five seconds of the demo profile have to pass.
    await asyncio.sleep((due_at - datetime.now(UTC) + timedelta(seconds=1)).total_seconds())
    async with make_test_worker(real_client, ledger):
        await play.arrive("police")
        police = (await play.view()).report_ins[1]
    assert police.overdue
    assert police.late_by_s >= 1
    types = [r.type for r in ledger.trail[play.whistle_id]]
    assert types.index("OverdueMarked") < types.index("ResponderArrived")
