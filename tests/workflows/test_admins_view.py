"""What an admin sees in Temporal's own tools: search attributes at every step, details, names and summaries."""

from collections.abc import Awaitable, Callable, Iterable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from temporalio.api.common.v1 import SearchAttributes
from temporalio.api.enums.v1 import EventType
from temporalio.api.history.v1 import HistoryEvent
from temporalio.api.sdk.v1 import WorkflowMetadata
from temporalio.client import Client, WorkflowExecutionStatus
from temporalio.converter import default as plain_converter
from temporalio.testing import WorkflowEnvironment

from domain.commands import COMMANDS
from domain.evolve import evolve
from domain.view import view
from domain.whistle import Whistle
from tests.fakes import FakeLedger
from tests.read_model import read_model
from tests.replay.stories import Scene, continued_as_new, disputed, overdue_and_no_show, resumed
from tests.servers import make_test_worker
from tests.stage import CLERK, PLATFORM, SOURCE, THREE, Begin, Play, department
from workflows import policies
from workflows.search_attributes import SEARCH_ATTRIBUTES

Story = Callable[[Scene], Awaitable[Play]]
UPSERT = EventType.EVENT_TYPE_UPSERT_WORKFLOW_SEARCH_ATTRIBUTES


@pytest.mark.usefixtures("worker")
@pytest.mark.parametrize("story", [continued_as_new, disputed, overdue_and_no_show, resumed])
async def test_search_attributes_are_those_of_the_read_model_at_every_step(
    env: WorkflowEnvironment, ledger: FakeLedger, story: Story
) -> None:
    """Each upsert holds what changed and nothing else, and there is at most one to a workflow task."""
    play = await story(Scene(env, ledger))
    tasks = tasks_of(await events_of_every_run(env.client, play))
    shown = decoded(tasks[0][0].workflow_execution_started_event_attributes.search_attributes)
    for task in tasks:
        upserts = [e.upsert_workflow_search_attributes_event_attributes for e in task if e.event_type == UPSERT]
        assert len(upserts) <= 1
        for changed in (decoded(upsert.search_attributes) for upsert in upserts):
            assert not {name for name, value in changed.items() if shown.get(name) == value}
            shown |= changed
            wanted = read_model(view(value_at(ledger, play.whistle_id, changed["WhistleVersion"])))
            assert {name: shown.get(name) for name in wanted} == {name: written(one) for name, one in wanted.items()}
    assert shown["WhistleVersion"] == ledger.values[play.whistle_id].sequence
    assert set(shown) <= set(SEARCH_ATTRIBUTES)


@pytest.mark.usefixtures("worker")
async def test_the_grid_is_searchable(env: WorkflowEnvironment, ledger: FakeLedger) -> None:
    """It comes with the registration and stays."""
    play = await Play.begin(env.client, ledger, await env.get_current_time(), grid="jhh-12")
    await play.do("append", CLERK, text="又来电", kind="MORE")
    assert (await play.handle.describe()).search_attributes["Grid"] == ["jhh-12"]


async def test_what_changes_nothing_costs_no_upsert(begin: Begin) -> None:
    """A refusal, a call to catch up, a query."""
    play = await begin()
    await play.do("append", CLERK, text="又来电", kind="MORE")
    before = await upserts_of(play)
    await play.handle.signal("catch_up")
    await play.view()
    assert await upserts_of(play) == before == 2


async def test_what_strikes_together_is_shown_by_one_upsert(env: WorkflowEnvironment, begin: Begin) -> None:
    """Three departments' half-way reminders in one wake-up."""
    play = await begin()
    await play.blow_emergency(*THREE)
    await play.do("accept", PLATFORM, lead=THREE[0], cooperating=list(THREE[1:]))
    before = await upserts_of(play)
    await env.sleep(timedelta(minutes=6))
    assert await upserts_of(play) == before + 1


async def test_a_run_that_continues_as_new_keeps_its_attributes_and_its_headline(
    real_client: Client, ledger: FakeLedger, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The server forgets the static summary then; the current details open with the true headline."""
    monkeypatch.setattr(policies, "EVENTS_BEFORE_CONTINUING", 25)
    async with make_test_worker(real_client, ledger):
        play = await Play.begin(real_client, ledger, datetime.now(UTC))
        await play.blow_emergency(*THREE)
        for _ in range(4):
            await play.do("append", SOURCE, text="又来电", kind="REPEATED_CALL")
        described = await play.handle.describe()
        details = (await metadata_of(play)).current_details
        events = (await play.handle.fetch_history()).events
    assert described.status is WorkflowExecutionStatus.RUNNING
    assert events[0].workflow_execution_started_event_attributes.continued_execution_run_id
    assert await described.static_summary() is None
    assert details.startswith("> 【应急】金海湖镇 盗采砂石\n")
    assert described.search_attributes["Responders"] == list(THREE)
    upserts = [e.upsert_workflow_search_attributes_event_attributes for e in events if e.event_type == UPSERT]
    resent = [set(u.search_attributes.indexed_fields) - {"WhistleVersion", "NextDeadline"} for u in upserts]
    assert not any(resent)


async def test_timers_and_local_activities_say_what_they_are_for(env: WorkflowEnvironment, begin: Begin) -> None:
    """Timers and activities by a summary; of a local activity the timeline shows the name alone."""
    play = await begin()
    await play.blow_emergency(*THREE)
    await env.sleep(timedelta(minutes=6))
    events = (await play.handle.fetch_history()).events
    summaries = [summary_of(e) for e in events if e.event_type == EventType.EVENT_TYPE_TIMER_STARTED]
    assert any("签收·时限过半 区应急管理局、公安分局、区水务局" in summary for summary in summaries), summaries
    named = [activity_name(e) for e in events if e.event_type == EventType.EVENT_TYPE_MARKER_RECORDED]
    assert named[:2] == ["adopt", "record_command"]
    assert set(named[2:]) >= {"strike_accept_limit", "strike_sign_remind_half"}


async def test_every_command_is_an_update_with_a_description(begin: Begin) -> None:
    """An admin finds all commands of the table, with their Chinese names, in Temporal's own tools."""
    definition = (await metadata_of(await begin())).definition
    described = {u.name: u.description for u in definition.update_definitions}
    assert sorted(described) == sorted(COMMANDS)
    assert all(COMMANDS[name].label in description for name, description in described.items())
    queries = {q.name: q.description for q in definition.query_definitions if not q.name.startswith("__")}
    assert all(queries[name] for name in ("view", "allowed"))
    assert {s.name: bool(s.description) for s in definition.signal_definitions} == {"catch_up": True}


async def test_the_current_details_follow_each_command(begin: Begin) -> None:
    """What is drawn is the whistle as its last command left it."""
    play = await begin()
    await play.accept_enforcement(*THREE)
    assert "待报到(集结中)** `ASSEMBLING`" in (await metadata_of(play)).current_details
    await play.do("sign", department(THREE[0]), responder=THREE[0])
    assert "**主责** 区水务局 `water`\u2003| 已签收" in (await metadata_of(play)).current_details


def value_at(ledger: FakeLedger, whistle_id: str, version: int) -> Whistle:
    """The whistle as its trail made it up to a version."""
    value: Whistle | None = None
    for record in ledger.trail[whistle_id][:version]:
        value = evolve(value, record)
    assert value
    return value


async def events_of_every_run(client: Client, play: Play) -> list[HistoryEvent]:
    """The events of all runs of a whistle, the first run's first."""
    runs: list[list[HistoryEvent]] = []
    run_id: str | None = None
    while True:
        handle = client.get_workflow_handle(play.handle.id, run_id=run_id)
        runs.insert(0, list((await handle.fetch_history()).events))
        run_id = runs[0][0].workflow_execution_started_event_attributes.continued_execution_run_id
        if not run_id:
            return [event for run in runs for event in run]


async def upserts_of(play: Play) -> int:
    """How many upserts there were."""
    return sum(e.event_type == UPSERT for e in (await play.handle.fetch_history()).events)


async def metadata_of(play: Play) -> WorkflowMetadata:
    """What Temporal's tools show of a workflow."""
    metadata: WorkflowMetadata = await play.handle.query("__temporal_workflow_metadata", result_type=WorkflowMetadata)
    return metadata


def tasks_of(events: Iterable[HistoryEvent]) -> list[list[HistoryEvent]]:
    """The events that each workflow task left, those before the first one in front."""
    tasks: list[list[HistoryEvent]] = [[]]
    for event in events:
        if event.event_type == EventType.EVENT_TYPE_WORKFLOW_TASK_COMPLETED:
            tasks.append([])
        tasks[-1].append(event)
    return tasks


def decoded(attributes: SearchAttributes) -> dict[str, Any]:
    """Search attributes as plain values."""
    converter = plain_converter().payload_converter
    return {name: converter.from_payload(payload) for name, payload in attributes.indexed_fields.items()}


def written(value: Any) -> Any:
    """A value as histories have it."""
    return value.isoformat() if isinstance(value, datetime) else value


def summary_of(event: HistoryEvent) -> str:
    """The summary that an event carries."""
    return str(plain_converter().payload_converter.from_payload(event.user_metadata.summary))


def activity_name(event: HistoryEvent) -> str:
    """The name under which the timeline shows a local activity."""
    (payload,) = event.marker_recorded_event_attributes.details["data"].payloads
    return str(plain_converter().payload_converter.from_payload(payload)["activity_type"])
