"""The store as ledger: outages delay, lost answers repeat nothing, and what Temporal never recorded is adopted."""

import asyncio
from datetime import timedelta
from itertools import pairwise
from typing import Any

import pytest
from temporalio.api.enums.v1 import EventType
from temporalio.client import Client, WorkflowUpdateFailedError
from temporalio.testing import WorkflowEnvironment
from temporalio.worker import Replayer

from domain.ledger import RecordInput
from domain.vocabulary import State
from tests.fakes import FakeLedger
from tests.servers import make_test_worker
from tests.stage import CLERK, LEADER, THREE, Begin, Play, department, registration
from workflows.roster import WORKFLOWS
from workflows.sandbox import workflow_runner

MORE = {"text": "补充情况", "kind": "MORE"}


def assert_told_truly(play: Play, ledger: FakeLedger, version: int) -> None:
    """The trail has no gap, nothing twice, and the workflow knows all of it."""
    rows = ledger.trail[play.whistle_id]
    assert [r.sequence for r in rows] == list(range(1, len(rows) + 1))
    assert all(earlier.at <= later.at for earlier, later in pairwise(rows))
    assert version == len(rows)


async def test_a_whole_life_leaves_workflow_and_store_equal(begin: Begin, ledger: FakeLedger) -> None:
    """A whistle of three departments reaches CLOSED, and the workflow's value is the store's."""
    play = await begin()
    await play.play_every_step()
    view = await play.view()
    assert view.state is State.CLOSED
    assert_told_truly(play, ledger, view.version)


async def test_three_failures_lead_to_an_ordinary_activity(begin: Begin, ledger: FakeLedger) -> None:
    """After three quick local attempts the command goes on as an ordinary activity and is answered in the end."""
    play = await begin()
    await play.view()
    ledger.asked.clear()
    ledger.fail(5)
    answer = await play.do("append", CLERK, **MORE)
    assert answer.sequence == 2
    assert [local for local, _ in ledger.asked] == [True, True, True, False, False, False]


async def test_what_a_store_that_hung_left_in_the_history_replays(
    env: WorkflowEnvironment, begin: Begin, ledger: FakeLedger
) -> None:
    """A strike and a command whose local attempts all ran out of time: a worker that comes later goes on with both."""
    play = await begin()
    await play.blow_emergency("water")
    ledger.hang(3)
    await play.do("append", CLERK, **MORE)
    ledger.hang(3)
    await env.sleep(timedelta(minutes=40))
    history = await play.handle.fetch_history()
    timeouts = [
        e for e in history.events if e.marker_recorded_event_attributes.failure.HasField("timeout_failure_info")
    ]
    assert len(timeouts) == 2
    replayer = Replayer(
        workflows=WORKFLOWS, workflow_runner=workflow_runner(), data_converter=env.client.data_converter
    )
    assert (await replayer.replay_workflow(history)).replay_failure is None


async def test_the_order_holds_while_the_store_is_away(begin: Begin, ledger: FakeLedger) -> None:
    """Commands that wait behind an outage are stored one at a time, in the order they were received."""
    play = await begin()
    await play.view()
    ledger.fail(6)
    handles = [await play.admit("append", CLERK, **MORE) for _ in range(5)]
    answers = [await handle.result() for handle in handles]
    assert [a.sequence for a in answers] == [2, 3, 4, 5, 6]
    assert_told_truly(play, ledger, (await play.view()).version)


async def test_a_command_stored_without_an_answer_is_stored_once(begin: Begin, ledger: FakeLedger) -> None:
    """An attempt that commits and loses its answer is asked again and gets the answer of the first."""
    play = await begin()
    await play.view()
    ledger.lose_answers(1)
    answer = await play.do("append", CLERK, **MORE)
    assert answer.sequence == 2
    assert_told_truly(play, ledger, (await play.view()).version)


async def test_an_ordinary_attempt_without_an_answer_is_stored_once(begin: Begin, ledger: FakeLedger) -> None:
    """The same holds once the local attempts are used up."""
    play = await begin()
    await play.view()
    ledger.lose_answers(4)
    await play.do("append", CLERK, **MORE)
    await play.do("append", CLERK, **MORE)
    assert ledger.values[play.whistle_id].sequence == 3
    assert_told_truly(play, ledger, (await play.view()).version)


async def test_rows_that_temporal_never_recorded_are_adopted_first(
    env: WorkflowEnvironment, begin: Begin, ledger: FakeLedger
) -> None:
    """A row stored behind the workflow's back is applied before the next command, which follows it."""
    play = await begin()
    await play.view()
    ledger.store_behind(await unrecorded(env, play, "other:1"))
    answer = await play.do("append", CLERK, **MORE)
    assert answer.sequence == 3
    assert_told_truly(play, ledger, (await play.view()).version)


async def test_a_command_whose_commit_temporal_never_recorded_is_answered_from_it(
    env: WorkflowEnvironment, begin: Begin, ledger: FakeLedger
) -> None:
    """The command that was committed before the workflow task was lost is not stored again when it is sent again."""
    play = await begin()
    await play.view()
    first = ledger.store_behind(await unrecorded(env, play, "clerk:1")).answer
    again = await play.do("append", CLERK, command_id="clerk:1", **MORE)
    assert again == first
    assert_told_truly(play, ledger, (await play.view()).version)


async def test_a_lagging_workflow_catches_up_when_it_is_woken(
    env: WorkflowEnvironment, begin: Begin, ledger: FakeLedger
) -> None:
    """The signal of the sweep makes the workflow adopt what the store has."""
    play = await begin()
    await play.view()
    ledger.store_behind(await unrecorded(env, play, "other:1"))
    await play.handle.signal("catch_up")
    assert (await play.view()).version == 2


async def unrecorded(env: WorkflowEnvironment, play: Play, command_id: str) -> RecordInput:
    """A command for the store that the workflow never hears of."""
    argument: dict[str, Any] = {**MORE, "actor": CLERK.model_dump(mode="json"), "command_id": command_id}
    return RecordInput(
        whistle_id=play.whistle_id,
        known_sequence=1,
        name="append",
        argument=argument,
        at=await env.get_current_time(),
    )


async def test_a_strike_waits_for_the_store_and_is_not_lost(
    env: WorkflowEnvironment, begin: Begin, ledger: FakeLedger
) -> None:
    """A deadline that passes while the store is away strikes on its return."""
    play = await begin()
    await play.blow_emergency("water")
    await play.arrive("water")
    ledger.fail(8)
    await env.sleep(timedelta(minutes=40))
    assert any(not local for local, _ in ledger.asked)
    assert_told_truly(play, ledger, (await play.view()).version)


async def test_fifty_commands_at_once_are_stored_one_by_one(begin: Begin, ledger: FakeLedger) -> None:
    """Concurrent commands on one whistle leave trail and workflow equal, nothing twice."""
    play = await begin()
    await play.view()
    answers = await asyncio.gather(*(play.do("append", CLERK, **MORE) for _ in range(50)))
    assert sorted(a.sequence for a in answers) == list(range(2, 52))
    assert_told_truly(play, ledger, (await play.view()).version)


@pytest.mark.usefixtures("worker")
async def test_a_workflow_started_too_early_waits_for_its_registration(
    env: WorkflowEnvironment, client: Client, ledger: FakeLedger
) -> None:
    """Without a stored registration the workflow task fails visibly, and goes on once there is one."""
    now = await env.get_current_time()
    matter = registration(now)
    play = await Play.start(client, matter.whistle_id)
    await asyncio.wait_for(ledger.was_asked.wait(), 20)
    ledger.register(matter, CLERK, now)
    assert (await play.do("append", CLERK, **MORE)).sequence == 2


async def test_a_command_that_came_before_the_value_was_loaded_is_judged_by_the_store(
    env: WorkflowEnvironment, client: Client, ledger: FakeLedger
) -> None:
    """The first workflow task carries an update: its fields are checked, then the store refuses or stores it."""
    play = await Play.begin(client, ledger, await env.get_current_time())
    early = asyncio.gather(play.do("append", CLERK, **MORE), play.do("blow", LEADER), return_exceptions=True)
    async with make_test_worker(client, ledger):
        stored, refused = await early
    assert not isinstance(stored, BaseException)
    assert stored.sequence == 2
    assert isinstance(refused, WorkflowUpdateFailedError)


async def test_replaying_every_task_changes_nothing(
    env: WorkflowEnvironment, client: Client, ledger: FakeLedger
) -> None:
    """Without a cache each workflow task replays the whole history: nothing depends on what a process remembers."""
    async with make_test_worker(client, ledger, cached=0):
        play = await Play.begin(client, ledger, await env.get_current_time())
        await play.blow_emergency(*THREE)
        await env.sleep(timedelta(minutes=31))
        for responder in THREE:
            await play.arrive(responder)
        view = await play.view()
    assert view.report_ins[0].overdue
    assert_told_truly(play, ledger, view.version)


async def test_several_commands_of_one_wake_up_share_one_upsert(begin: Begin, ledger: FakeLedger) -> None:
    """Search attributes are written once for all that was stored since the last workflow task."""
    play = await begin()
    await play.view()
    ledger.fail(3)
    await asyncio.gather(*(play.do("append", CLERK, **MORE) for _ in range(20)))
    kinds = [e.event_type for e in (await play.handle.fetch_history()).events]
    assert kinds.count(EventType.EVENT_TYPE_UPSERT_WORKFLOW_SEARCH_ATTRIBUTES) <= 22


@pytest.mark.parametrize("responders", [tuple(THREE)])
async def test_signing_reaches_each_report_in(begin: Begin, responders: tuple[str, ...]) -> None:
    """Each department signs for itself."""
    play = await begin()
    await play.accept_enforcement(*responders)
    await asyncio.gather(*(play.do("sign", department(r), responder=r) for r in responders))
    assert [r.state.value for r in (await play.view()).report_ins] == ["SIGNED"] * 3
