"""What one request leaves in the logs of both processes, and by what its lines are found again."""

import io
import json
import logging
from collections.abc import Iterator
from typing import Any
from uuid import uuid4

import pytest
import structlog

from observability import configure_logging
from tests.integration.gateway.gate import SECRET
from tests.integration.observability.conftest import CLERK, LEADER, REVIEW, Watched


class Lines(io.StringIO):
    """A log that can be read back."""

    def of(self, request_id: str) -> list[dict[str, Any]]:
        """Give the lines of one request, in order."""
        return [line for line in map(json.loads, self.getvalue().splitlines()) if line.get("request_id") == request_id]


@pytest.fixture
def lines() -> Iterator[Lines]:
    """Log into memory, as a process logs to a file."""
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    stream = Lines()
    configure_logging("INFO", stream)
    yield stream
    root.handlers[:] = handlers
    root.setLevel(level)
    structlog.reset_defaults()


async def test_one_command_leaves_one_line_in_each_process_under_one_id(watched: Watched, lines: Lines):
    """Who, what, which whistle and how it ended, with the caller's id and trace in both."""
    whistle_id, request_id, trace_id = await watched.register(), uuid4().hex, uuid4().hex
    answer = await watched.post(
        CLERK,
        f"/v1/whistles/{whistle_id}/review",
        REVIEW,
        **{"X-Request-Id": request_id, "traceparent": f"00-{trace_id}-00f067aa0ba902b7-01"},
    )
    assert answer.headers["X-Request-Id"] == request_id
    stored, served = lines.of(request_id)
    about = {"command": "review", "whistle_id": whistle_id, "request_id": request_id, "trace_id": trace_id}
    worker = about | {"event": "command", "outcome": "stored", "actor": CLERK, "role": "TOWNSHIP_CLERK", "attempt": 1}
    gateway = about | {"event": "request", "method": "POST", "status": 200, "caller": CLERK}
    assert worker.items() <= stored.items()
    assert gateway.items() <= served.items()
    assert stored["sequence"] > 1
    assert stored["ms"] > 0


async def test_a_refused_command_leaves_the_gateway_s_line_alone(watched: Watched, lines: Lines):
    """The workflow never heard of it."""
    whistle_id, request_id = await watched.register(), uuid4().hex
    refused = await watched.post(LEADER, f"/v1/whistles/{whistle_id}/blow", {}, **{"X-Request-Id": request_id})
    (served,) = lines.of(request_id)
    assert (refused.status_code, served["status"], served["command"]) == (409, 409, "blow")


async def test_an_id_that_is_none_is_replaced(watched: Watched, lines: Lines):
    """Whatever a caller writes there is not written to a log."""
    whistle_id = await watched.register()
    answer = await watched.post(
        CLERK, f"/v1/whistles/{whistle_id}/review", REVIEW, **{"X-Request-Id": "a b", "traceparent": "00-0-0-0"}
    )
    own = answer.headers["X-Request-Id"]
    assert [line["event"] for line in lines.of(own)] == ["command", "request"]
    assert "a b" not in lines.getvalue()


async def test_no_words_of_people_are_in_any_line(watched: Watched, lines: Lines):
    """Neither those of a body nor of the answer."""
    whistle_id = await watched.register(**{"X-Request-Id": uuid4().hex})
    path = f"/v1/whistles/{whistle_id}"
    assert (await watched.post(CLERK, f"{path}/append", {"text": SECRET, "kind": "MORE"})).status_code == 200
    assert (await watched.post(CLERK, f"{path}/append", {"text": SECRET, "kind": SECRET})).status_code == 422
    assert '"command": "append"' in lines.getvalue()
    assert SECRET not in lines.getvalue()
