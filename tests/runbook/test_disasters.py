"""The bad days of docs/runbook.md: each disaster is made to happen, and its recipe followed to the letter."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta

import pytest
from temporalio import workflow
from temporalio.client import Client, WorkflowExecutionStatus
from temporalio.contrib.pydantic import pydantic_data_converter
from temporalio.worker import UnsandboxedWorkflowRunner, Worker

from activities.ledger import LedgerActivities
from domain.errors import TemporarilyUnavailableError
from settings import TASK_QUEUE
from starter.agreement import shown_by_workflow
from starter.embedded.temporal import DATABASE_FILE
from starter.start import workflow_id_of
from tests.chaos.story import CLERK, LATE, Act, accept
from tests.patience import until
from tests.runbook.stage import Stage
from worker import WORKFLOWS
from workflows.whistle import WhistleWorkflow

pytestmark = pytest.mark.timeout(240)
APPEND = Act(CLERK, "append", {"text": "又来电", "kind": "MORE"})
ANOTHER = Act(CLERK, "append", {"text": "再来电", "kind": "MORE"})
FLAW = """
create function fail() returns trigger language plpgsql as $$
    begin raise exception 'no room' using errcode = 'disk_full'; end
$$;
create trigger flaw before insert on command for each row when (new.command_id = '{}') execute function fail();
"""
MENDED = "drop trigger flaw on command; drop function fail()"


async def lose_temporal(stage: Stage) -> None:
    """Kill the server and remove everything that it knew."""
    await stage.stack.take_down("temporal", timedelta(0))
    for file in stage.stack.data_dir.glob(f"{DATABASE_FILE}*"):
        file.unlink()


async def agrees(stage: Stage, whistle_id: str) -> bool:
    """Tell whether a workflow shows what the ledger holds."""
    shown = await shown_by_workflow(stage.client.temporal.get_workflow_handle(workflow_id_of(whistle_id)))
    return bool(shown) and shown == (await stage.client.view(whistle_id)).model_dump(mode="json")


async def test_every_whistle_comes_back_when_temporal_is_lost(stage: Stage):
    """With its timer: a limit that passed meanwhile is struck, one that did not pass is waited for."""
    waiting, late = await stage.blown(), await stage.emergency()
    due = await stage.client.pool.fetchval(
        "select min(due_at) from clock where whistle_id = $1 and responder = $2", late, LATE
    )
    version = await stage.version(late)
    await lose_temporal(stage)

    async def passed() -> bool:
        return bool(await stage.client.pool.fetchval("select now() > $1", due))

    await until(passed)
    assert await stage.version(late) == version
    await stage.follow("Lost Temporal")

    async def struck() -> bool:
        view = await stage.client.view(late)
        return any(r.overdue for r in view.report_ins if r.responder == LATE)

    await until(struck)
    overdue = "select count(*), min(data ->> 'due_at') from event where whistle_id = $1 and type = 'ClockStruck'"
    assert (await stage.client.pool.fetchrow(overdue, late))["count"] >= 1
    for whistle_id in (waiting, late):
        await until(lambda one=whistle_id: agrees(stage, one))
    handle = stage.client.temporal.get_workflow_handle(workflow_id_of(waiting))
    timers = [e.timer_started_event_attributes for e in (await handle.fetch_history()).events]
    assert any(timer.timer_id for timer in timers)
    before = await stage.version(waiting)
    assert (await stage.do(waiting, accept(), "accept")).version > before


async def test_a_ledger_restored_to_an_earlier_time_is_never_written_over(stage: Stage):
    """Its workflows wait and say why; the recipe names what was lost, keeps it, and puts everything into service."""
    whistle_id = await stage.blown()
    await stage.follow("Back up")
    kept = await stage.version(whistle_id)
    await stage.do(whistle_id, accept(), "lost")
    stray = await stage.blown()
    await stage.follow("Lost database", 0)
    await stage.stack.bring_up("worker")
    assert await stage.version(whistle_id) == kept
    with pytest.raises(TemporarilyUnavailableError):
        await stage.try_once(whistle_id, APPEND, "k")
    assert await stage.version(whistle_id) == kept

    async def says_why() -> bool:
        described = await stage.client.temporal.get_workflow_handle(workflow_id_of(whistle_id)).describe()
        pending = described.raw_description.pending_activities
        failures = [one.last_failure for one in pending]
        return any(one.application_failure_info.type == "LedgerBehindError" for one in failures)

    await until(says_why)
    await stage.follow("Lost database", 1)
    lost = {one["whistle_id"]: one for one in json.loads((stage.backup / "lost.json").read_text())["items"]}
    assert lost[whistle_id]["outcome"] == "WOULD_REPLACE"
    assert [one["command"] for one in lost[whistle_id]["unrecorded"]] == ["accept", "append"]
    assert lost[stray]["outcome"] == "UNKNOWN"
    history = next((stage.stack.data_dir / "replaced").glob(f"{whistle_id.replace(':', '-')}-*.json"))
    assert "WORKFLOW_EXECUTION_TERMINATED" in history.read_text()
    ended = await stage.client.temporal.get_workflow_handle(workflow_id_of(stray)).describe()
    assert ended.status is WorkflowExecutionStatus.TERMINATED
    assert (await stage.do(whistle_id, accept(), "lost")).version > kept
    await until(lambda: agrees(stage, whistle_id))


@asynccontextmanager
async def a_release_at_fault(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[None]:
    """Run, in place of the worker, one that writes a command into histories which no other release writes."""
    await stage.stack.take_down("worker")
    settle = WhistleWorkflow._settle

    def settle_otherwise(self: WhistleWorkflow) -> None:
        workflow.upsert_memo({"at_fault": True})
        settle(self)

    with monkeypatch.context() as patched:
        patched.setattr(WhistleWorkflow, "_settle", settle_otherwise)
        client = await Client.connect(stage.stack.temporal_address, data_converter=pydantic_data_converter)
        worker = Worker(
            client,
            task_queue=TASK_QUEUE,
            workflows=WORKFLOWS,
            activities=LedgerActivities(stage.client.pool, "demo").every,
            no_remote_activities=True,
            workflow_runner=UnsandboxedWorkflowRunner(),
            graceful_shutdown_timeout=timedelta(seconds=1),
        )
        async with worker:
            yield
    await stage.stack.bring_up("worker")


async def two_stuck(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Give whistles whose histories do not replay, with a command sent to each that nobody can take."""
    async with a_release_at_fault(stage, monkeypatch):
        whistle_ids = [await stage.register() for _ in range(2)]
        for one in whistle_ids:
            await stage.do(one, APPEND, f"first-{one}")
    sent = (stage.try_once(one, ANOTHER, f"second-{one}") for one in whistle_ids)
    outcomes = await asyncio.gather(*sent, return_exceptions=True)
    assert [type(outcome) for outcome in outcomes] == [TemporarilyUnavailableError] * 2
    return whistle_ids


async def everything_is_done_once(stage: Stage, whistle_id: str) -> None:
    """Send again what was answered and what was under way."""
    keys = (f"first-{whistle_id}", f"second-{whistle_id}")
    for act, key in zip((APPEND, ANOTHER), keys, strict=True):
        await stage.do(whistle_id, act, key)
    sent = [event.command_id for event in await stage.client.events(whistle_id)]
    assert [sent.count(f"{CLERK}:{key}") for key in keys] == [1, 1]
    await until(lambda: agrees(stage, whistle_id))


async def test_a_history_that_does_not_replay_is_made_anew_from_the_ledger_or_reset(stage: Stage, monkeypatch):
    """The fault is seen, and either recipe followed; what was done is there, what was under way can be sent again."""
    rebuilt, reset = await two_stuck(stage, monkeypatch)
    said = await stage.follow("Stuck whistle", 0, ID=rebuilt)
    assert "the workflow does not answer" in said
    assert "ondeterminis" in said
    await stage.follow("Stuck whistle", 1, ID=rebuilt)
    await stage.follow("Stuck whistle", 2, ID=reset)
    for one in (rebuilt, reset):
        await everything_is_done_once(stage, one)


async def test_a_command_that_always_fails_is_set_aside(stage: Stage):
    """It holds up its own whistle alone; without it the whistle goes on, and mended it is done once."""
    whistle_id = await stage.register()
    await stage.owner.execute(FLAW.format(f"{CLERK}:poison"))
    try:
        with pytest.raises(TemporarilyUnavailableError):
            await stage.try_once(whistle_id, APPEND, "poison")
        said = await stage.follow_until("Poison message", 0, "DiskFullError", ID=whistle_id)
        assert '"attempt"' in said
        rebuilt = await stage.follow("Poison message", 1, ID=whistle_id)
        [one] = json.loads(rebuilt[rebuilt.index("{") :])["items"]
        assert [lost["command_id"] for lost in one["unrecorded"]] == [f"{CLERK}:poison"]
        other = await stage.do(whistle_id, ANOTHER, "other")
    finally:
        await stage.owner.execute(MENDED)
    assert (await stage.do(whistle_id, APPEND, "poison")).version == other.version + 1
    told = await stage.follow("Poison message", 2, ID=whistle_id)
    assert "首个通知" in told or "channels" in told
