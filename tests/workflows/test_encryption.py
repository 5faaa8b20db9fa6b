"""Whistles under encryption: nothing of them can be read in Temporal, and nothing else changes."""

from base64 import b64decode
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest
from temporalio.api.common.v1 import Payloads, WorkflowExecution
from temporalio.api.enums.v1 import EventType, UpdateWorkflowExecutionLifecycleStage
from temporalio.api.failure.v1 import Failure
from temporalio.api.update.v1 import Input, Meta, Request, WaitPolicy
from temporalio.api.workflowservice.v1 import UpdateWorkflowExecutionRequest
from temporalio.client import Client, WorkflowHistory
from temporalio.worker import Replayer

from domain.errors import IdempotencyConflictError, InvalidError, MoveNotAllowedError
from domain.values import Actor, compact
from starter.encryption.conversion import converter_with
from starter.encryption.envelope import ENCRYPTED, is_encrypted
from starter.encryption.errors import PayloadKeyMissingError
from starter.encryption.health import unreadable_workflows
from starter.encryption.in_use import keys_in_use
from starter.schedules import COMPLIANCE_SWEEP, SCHEDULES
from starter.scheduling import apply, pause, show_all, show_one
from tests.fakes import FakeLedger
from tests.patience import until
from tests.replay.record import tell
from tests.replay.stories import STORIES
from tests.servers import RingReader, make_test_worker, real_server
from tests.stage import CLERK, LEADER, SOURCE, THREE, Play
from tests.unit.encryption.keys import SM4, key, reading
from tests.workflows.test_refusals import refusal_of
from worker import WORKFLOWS
from workflows.sandbox import workflow_runner
from workflows.whistle import WhistleWorkflow

A, B = key("2026-a"), key("2026-b", SM4)
TITLE = "盗采砂石"
TELLING = ("closed", "cancelled_by_temporal", "continued_as_new", "store_away")
AT_ONCE = "system.numConsecutiveWorkflowTaskProblemsToTriggerSearchAttribute=1"
MORE = {"text": "补充", "kind": "MORE"}
COMPLETED = UpdateWorkflowExecutionLifecycleStage.UPDATE_WORKFLOW_EXECUTION_LIFECYCLE_STAGE_COMPLETED
NEVER_ENCRYPTED = {"searchAttributes", "data"}
TASK_FAILED = EventType.EVENT_TYPE_WORKFLOW_TASK_FAILED


def with_keys(client: Client, read: RingReader | None) -> Client:
    """Give a client of the same server with other keys."""
    return Client(**client.config() | {"data_converter": converter_with(read)})


async def replays(history: WorkflowHistory, read: RingReader | None) -> Exception | None:
    """Replay a history with these keys, and give what went wrong."""
    replayer = Replayer(workflows=WORKFLOWS, workflow_runner=workflow_runner(), data_converter=converter_with(read))
    return (await replayer.replay_workflow(history, raise_on_replay_failure=False)).replay_failure


def readable(part: Any, name: str = "") -> Iterator[str]:
    """Name the payloads that anybody may read: search attributes, and what the SDK notes of a local activity."""
    if isinstance(part, dict) and "encoding" in part.get("metadata", {}):
        if b64decode(part["metadata"]["encoding"]) != ENCRYPTED:
            yield name
    elif isinstance(part, dict):
        for key_, value in part.items():
            yield from readable(value, name if name in NEVER_ENCRYPTED else key_)
    elif isinstance(part, list):
        for value in part:
            yield from readable(value, name)


@pytest.mark.parametrize("story", TELLING)
async def test_an_encrypted_history_shows_nothing_and_replays(story: str) -> None:
    """Titles, summaries, clocks, answers and what failures say: all is closed, and opens with its key."""
    history = (await tell(STORIES[story], reading(A))).history
    shown = b"".join(event.SerializeToString() for event in history.events)
    assert set(readable(history.to_json_dict())) <= NEVER_ENCRYPTED
    for part in (TITLE, "登记", "受理", "报到", "the database is away", "Traceback"):
        assert part.encode() not in shown, part
    assert A.id.encode() in shown
    assert shown.count(ENCRYPTED) == shown.count(b"\x08workflow\x12")
    assert await replays(history, reading(B, A)) is None
    assert "PayloadKeyMissingError" in repr(await replays(history, reading(B)))


async def test_refusals_are_known_by_name_under_encryption(ledger: FakeLedger) -> None:
    """From the validator and from the store, with their words and details."""
    async with real_server(reading(A)) as client, make_test_worker(client, ledger):
        play = await Play.begin(client, ledger, datetime.now(UTC))
        refused = await refusal_of(play.do("blow", LEADER))
        invalid = await refusal_of(play.do("supervise", SOURCE, level="SHOUT", responder="Not A Slug"))
        await play.do("append", CLERK, command_id="c:1", **MORE)
        other = {**MORE, "text": "别的", "actor": compact(CLERK), "command_id": "c:1"}
        conflict = await refusal_of(play.handle.execute_update("append", other))
        on_the_wire = await outcome_of(client, play, "blow", LEADER)
    assert refused.type == MoveNotAllowedError.problem
    assert "blow" in refused.message
    assert invalid.type == InvalidError.problem
    assert sorted(e["field"] for e in invalid.details[0]) == ["level", "responder"]
    assert conflict.type == IdempotencyConflictError.problem
    assert on_the_wire.application_failure_info.type == MoveNotAllowedError.problem
    assert (on_the_wire.message, on_the_wire.stack_trace) == ("Encoded failure", "")
    assert is_encrypted(on_the_wire.encoded_attributes)


async def test_a_whistle_goes_on_under_a_new_key(ledger: FakeLedger) -> None:
    """Begun in the open, continued under A, then under B: each worker reads all that was before, then A is lost.

    The loss is named in history and fails no whistle; with the key back, the command that waited is done.
    """
    async with real_server(configured=[AT_ONCE]) as client:
        async with make_test_worker(client, ledger, cached=0):
            play = await Play.begin(client, ledger, datetime.now(UTC))
            await play.accept_enforcement(*THREE)
        under_a, under_b = with_keys(client, reading(A)), with_keys(client, reading(B, A))
        for encrypted in (under_a, under_b):
            play.handle = encrypted.get_workflow_handle_for(WhistleWorkflow.run, play.handle.id)
            async with make_test_worker(encrypted, ledger, cached=0):
                await play.do("append", CLERK, **MORE)
                assert (await play.view()).title == TITLE
        async with make_test_worker(with_keys(client, reading(B)), ledger, cached=0):
            await play.handle.signal("catch_up")
            await until(lambda: has_failed_for(play, PayloadKeyMissingError))
            await until(lambda: is_reported(client, play))
        async with make_test_worker(under_b, ledger, cached=0):
            answer = await play.do("append", CLERK, **MORE)
        assert answer.version == len(ledger.trail[play.whistle_id])


async def outcome_of(client: Client, play: Play, name: str, actor: Actor) -> Failure:
    """Send a command as any client may, and give the failure as it is on the wire."""
    (argument,) = await client.data_converter.encode([{"actor": compact(actor), "command_id": "raw:1"}])
    request = UpdateWorkflowExecutionRequest(
        namespace=client.namespace,
        workflow_execution=WorkflowExecution(workflow_id=play.handle.id),
        wait_policy=WaitPolicy(lifecycle_stage=COMPLETED),
        request=Request(meta=Meta(update_id="raw:1"), input=Input(name=name, args=Payloads(payloads=[argument]))),
    )
    return (await client.workflow_service.update_workflow_execution(request)).outcome.failure


async def is_reported(client: Client, play: Play) -> bool:
    """Tell whether `whistle doctor` would name it."""
    return await unreadable_workflows(client) == {play.handle.id: PayloadKeyMissingError.__name__}


async def test_schedules_follow_the_key() -> None:
    """Begun in the open, they are encrypted when applied, and anew for each key, also where the last is lost."""
    async with real_server() as client:
        await apply(client)
        for read in (reading(A), reading(B)):
            under = with_keys(client, read)
            assert {one.outcome for one in await apply(under)} == {"UPDATED"}
            assert {one.outcome for one in await apply(under)} == {"UNCHANGED"}
            assert set(await keys_in_use(under)) == {read().current}
        assert [one.paused for one in await show_all(under)] == [False] * len(SCHEDULES)


async def test_a_schedule_that_an_operator_paused_stays_paused_under_a_new_key() -> None:
    """With the operator's note."""
    async with real_server(reading(A)) as client:
        await apply(client)
        await pause(client, COMPLIANCE_SWEEP, "盘点期间暂停")
        under_b = with_keys(client, reading(B, A))
        await apply(under_b)
        shown = await show_one(under_b, COMPLIANCE_SWEEP)
        assert (shown.paused, shown.note, shown.differences) == (True, "盘点期间暂停", ())


async def has_failed_for(play: Play, error: type[Exception]) -> bool:
    """Tell whether a task of the workflow failed with such an error, whose name anybody can read."""
    events = (await play.handle.fetch_history()).events
    failures = [e.workflow_task_failed_event_attributes.failure for e in events if e.event_type == TASK_FAILED]
    return any(f.application_failure_info.type == error.__name__ and f.message == "Encoded failure" for f in failures)
