"""One request is one trace: HTTP, update, activity, SQL; and nobody's words are in it."""

import asyncio
import json
from typing import Any
from uuid import uuid4

from opentelemetry.trace import SpanKind
from temporalio.worker import Replayer

from starter.gateway import examples
from tests.integration.gateway.gate import matter
from tests.integration.gateway.marks import REGISTER, Marks
from tests.integration.gateway.test_commands import STORIES
from tests.integration.observability.conftest import CLERK, LEADER, REVIEW, SOURCE, Spans, Watched
from workflows.roster import INTERCEPTORS, WORKFLOWS
from workflows.sandbox import workflow_runner

SECRET = "李四家在村东头"


def came_with() -> str:
    """Make the `traceparent` of a caller who traces."""
    return f"00-{uuid4().hex}-00f067aa0ba902b7-01"


def named(spans: list[Any], name: str) -> Any:
    """The one span of this name."""
    (found,) = [span for span in spans if span.name == name]
    return found


def parent_of(spans: list[Any], span: Any) -> Any:
    """The span that another lies below."""
    return next(one for one in spans if span.parent and one.context.span_id == span.parent.span_id)


async def test_one_command_is_one_trace_of_four_levels(watched: Watched, spans: Spans):
    """From the caller's own trace down to the statement that wrote its events."""
    whistle_id, caller = await watched.register(), came_with()
    answer = await watched.post(CLERK, f"/v1/whistles/{whistle_id}/review", REVIEW, traceparent=caller)
    assert answer.status_code == 200, answer.text
    found = spans.of(caller)
    http = named(found, "POST /v1/whistles/{whistle_id}/review")
    update, activity = named(found, "update review"), named(found, "activity record_command")
    written = named(found, "insert event")
    assert (http.kind, update.kind, activity.kind) == (SpanKind.SERVER, SpanKind.CLIENT, SpanKind.SERVER)
    assert f"{http.parent.span_id:016x}" == "00f067aa0ba902b7"
    assert [parent_of(found, one) for one in (written, activity, update)] == [activity, update, http]
    assert http.attributes["http.response.status_code"] == 200
    assert (activity.attributes["whistle.id"], activity.attributes["whistle.command"]) == (whistle_id, "review")
    assert "jsonb_to_recordset($7::jsonb)" in written.attributes["db.query.text"]


async def test_a_registration_reaches_the_first_look_of_its_workflow(watched: Watched, spans: Spans):
    """Start, and what the workflow then reads, are of the request that asked for them."""
    caller = came_with()
    whistle_id = await watched.register(traceparent=caller)
    await watched.post(CLERK, f"/v1/whistles/{whistle_id}/review", REVIEW)
    found = spans.of(caller)
    adopted = named(found, "activity adopt")
    assert adopted.attributes["whistle.command"] == "adopt"
    assert parent_of(found, adopted).name == "start WhistleWorkflow"


async def test_no_words_of_people_are_in_any_span(watched: Watched, spans: Spans):
    """Neither from a body nor from a parameter, also where a command is refused."""
    whistle_id = await watched.register()
    path = f"/v1/whistles/{whistle_id}"
    assert (await watched.post(CLERK, f"{path}/append", {"text": SECRET, "kind": "MORE"})).status_code == 200
    assert (await watched.post(LEADER, f"{path}/decline", {"reason": SECRET})).status_code == 409
    assert (await watched.post(CLERK, f"{path}/append", {"text": SECRET, "kind": SECRET})).status_code == 422
    found = spans.finished()
    assert {"update append", "insert command_private"} <= {span.name for span in found}
    told = "".join(span.to_json() for span in found)
    assert SECRET not in told
    assert json.dumps(SECRET)[1:-1] not in told


async def test_no_private_field_of_any_command_is_in_any_span(watched: Watched, spans: Spans):
    """Each of them marked, through every story there is."""
    marks = Marks()
    for story in STORIES.values():
        registered = await watched.post(SOURCE, "/v1/whistles", matter(**marks.private_of(REGISTER)))
        whistle_id = registered.json()["whistle_id"]
        for who, command, changes in story:
            body = examples.filled(examples.COMMANDS)[command] | changes | marks.private_of(command)
            if command == "merge":
                body["merge_into"] = await watched.register()
            answer = await watched.post(who, f"/v1/whistles/{whistle_id}/{command.replace('_', '-')}", body)
            assert answer.status_code == 200, (command, answer.text)
    told = "".join(span.to_json() for span in spans.finished())
    assert "update answer_supervision" in told
    assert marks.found_in(told) == set()


async def test_replay_makes_no_span(watched: Watched, spans: Spans):
    """A worker that replays a history tells nothing twice."""
    whistle_id = await watched.register()
    await watched.post(CLERK, f"/v1/whistles/{whistle_id}/review", REVIEW)
    before = len(spans.finished())
    history = await watched.temporal.get_workflow_handle(f"whistle:{whistle_id}").fetch_history()
    replayer = Replayer(
        workflows=WORKFLOWS,
        workflow_runner=workflow_runner(),
        interceptors=INTERCEPTORS,
        data_converter=watched.temporal.data_converter,
    )
    await replayer.replay_workflow(history)
    assert len(spans.finished()) == before


async def test_what_nobody_asked_for_is_a_trace_of_its_own(watched: Watched, spans: Spans):
    """A strike of a clock, or a look at the store because of a sweep, has no request above it."""
    whistle_id = await watched.register()
    handle = watched.temporal.get_workflow_handle(f"whistle:{whistle_id}")
    await handle.signal("catch_up")
    async with asyncio.timeout(20):
        while not (found := [s for s in spans.finished() if is_look_of(whistle_id, s)]):  # noqa: ASYNC110 - no event
            await asyncio.sleep(0.05)
    assert found[0].attributes["whistle.command"] == "adopt"


def is_look_of(whistle_id: str, span: Any) -> bool:
    """Tell a look at the store that has nothing above it."""
    return span.name == "activity adopt" and span.parent is None and span.attributes.get("whistle.id") == whistle_id
