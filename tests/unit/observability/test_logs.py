"""Logs as machines and people read them."""

import io
import json
import logging
from collections.abc import Iterator

import httpx
import pytest
import structlog

from observability import TELLTALES, configure_logging


class Terminal(io.StringIO):
    """A stream that says it is a terminal."""

    def isatty(self) -> bool:
        """Say so."""
        return True


@pytest.fixture(autouse=True)
def _logging_as_before() -> Iterator[None]:
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    yield
    root.handlers[:] = handlers
    root.setLevel(level)
    for name in TELLTALES:
        logging.getLogger(name).setLevel(logging.NOTSET)
    structlog.reset_defaults()


def test_off_a_terminal_each_line_is_json_that_keeps_chinese() -> None:
    """An event's name, its keys and a time; no escapes for Chinese."""
    stream = io.StringIO()
    configure_logging("INFO", stream)
    structlog.get_logger("t").info("notice", audience="区水务局", sequence=3)
    line = stream.getvalue()
    assert "区水务局" in line
    logged = json.loads(line)
    assert {"event": "notice", "audience": "区水务局", "sequence": 3, "level": "info"}.items() <= logged.items()
    assert "timestamp" in logged


def test_loggers_of_libraries_go_the_same_road() -> None:
    """The standard library's records, their extras and exceptions become JSON too, and the level holds."""
    stream = io.StringIO()
    configure_logging("WARNING", stream)
    logging.getLogger("temporalio.worker").info("unseen")
    try:
        int("away")
    except ValueError:
        logging.getLogger("temporalio.worker").exception("failed", extra={"command": "accept"})
    (line,) = stream.getvalue().splitlines()
    logged = json.loads(line)
    assert (logged["event"], logged["command"], logged["level"]) == ("failed", "accept", "error")
    assert "ValueError" in logged["exception"]


def test_on_a_terminal_lines_are_for_people() -> None:
    """No JSON where a person looks."""
    stream = Terminal()
    configure_logging("INFO", stream)
    structlog.get_logger("t").info("worker_started", task_queue="whistle")
    assert "worker_started" in stream.getvalue()
    assert not stream.getvalue().startswith("{")


@pytest.mark.parametrize("level", ["DEBUG", "INFO"])
def test_addresses_that_are_secrets_are_not_logged_by_the_library_that_calls_them(level: str) -> None:
    """A robot's key and an application's secret stand in the address of the call."""
    stream = io.StringIO()
    configure_logging(level, stream)
    with httpx.Client(transport=httpx.MockTransport(lambda _: httpx.Response(200))) as client:
        client.get("https://robots.example/send?key=SECRET")
    assert "SECRET" not in stream.getvalue()


def test_what_a_talkative_library_warns_of_is_heard_at_the_level_asked_for() -> None:
    """Quiet about calls, not about trouble; and never louder than all else."""
    stream = io.StringIO()
    configure_logging("INFO", stream)
    logging.getLogger("httpx").warning("trouble")
    assert "trouble" in stream.getvalue()
    configure_logging("ERROR", stream)
    logging.getLogger("httpx").warning("more of it")
    assert "more of it" not in stream.getvalue()
