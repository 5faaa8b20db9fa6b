"""When tracing is on, what it costs a process that lacks the extra, and that spans leave by OTLP over HTTP."""

import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest
from structlog.testing import capture_logs

from observability import tracing as module
from observability.opentelemetry_tracing import named, opentelemetry_tracing
from observability.tracing import UNTRACED, Kind, tracing_of
from settings import read_settings


@pytest.fixture
def collector() -> Iterator["Collector"]:
    """A peer that takes spans by OTLP over HTTP."""
    with Collector() as running:
        threading.Thread(target=running.serve_forever, daemon=True).start()
        yield running
        running.shutdown()


class Collector(HTTPServer):
    """Keeps what is posted to it."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Posted)
        self.taken: list[tuple[str, bytes]] = []


class Posted(BaseHTTPRequestHandler):
    """One post."""

    def do_POST(self) -> None:
        """Keep it."""
        assert isinstance(self.server, Collector)
        self.server.taken.append((self.path, self.rfile.read(int(self.headers["Content-Length"]))))
        self.send_response(200)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@pytest.mark.parametrize(
    ("environment", "exporter"),
    [
        ({}, None),
        ({"OTEL_EXPORTER_OTLP_ENDPOINT": "http://collector:4318"}, "otlp"),
        ({"OTEL_EXPORTER_OTLP_TRACES_ENDPOINT": "http://collector:4318/v1/traces"}, "otlp"),
        ({"OTEL_TRACES_EXPORTER": "otlp"}, "otlp"),
        ({"OTEL_TRACES_EXPORTER": "console"}, "console"),
        ({"OTEL_TRACES_EXPORTER": "none", "OTEL_EXPORTER_OTLP_ENDPOINT": "http://collector:4318"}, None),
        ({"OTEL_SDK_DISABLED": "true", "OTEL_EXPORTER_OTLP_ENDPOINT": "http://collector:4318"}, None),
    ],
)
def test_tracing_is_on_where_the_standard_variables_say_so(
    monkeypatch: pytest.MonkeyPatch, environment: dict[str, str], exporter: str | None
):
    """Off by default."""
    for variable, value in environment.items():
        monkeypatch.setenv(variable, value)
    assert read_settings().traced_by == exporter


def test_a_process_without_the_extra_says_so_once_and_works(monkeypatch: pytest.MonkeyPatch):
    """Asked for and not there: a line that says what to do, and no spans."""

    def absent(name: str) -> None:
        raise ModuleNotFoundError(name, name="opentelemetry")

    monkeypatch.setattr(module, "import_module", absent)
    with capture_logs() as lines:
        assert tracing_of("whistle-worker", "otlp") is UNTRACED
    assert [(line["event"], line["missing"]) for line in lines] == [("tracing_not_installed", "opentelemetry")]


def test_untraced_code_runs_as_it_is():
    """A span that is none takes whatever is noted on it."""
    with UNTRACED.span("anything", Kind.SERVER) as span:
        span.note(whistle__id="12345:1")
        span.fail("TimeoutError")
    assert span.traceparent is None


def test_spans_leave_for_the_collector_that_the_environment_names(
    collector: Collector, monkeypatch: pytest.MonkeyPatch
):
    """When the process ends at the latest, under the name of its service."""
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", f"http://127.0.0.1:{collector.server_port}")
    tracing = opentelemetry_tracing("whistle-worker", to_console=False)
    with tracing.span("activity record_command", Kind.SERVER) as span:
        assert span.traceparent
    tracing.close()
    ((path, sent),) = collector.taken
    assert path == "/v1/traces"
    assert b"whistle-worker" in sent
    assert b"activity record_command" in sent


@pytest.mark.parametrize(
    ("statement", "name"),
    [
        ("select value from whistle where whistle_id = $1", "select whistle"),
        ("with m as (select 1) insert into event (a) values ($1)", "insert event"),
        ("update outbox set delivered_at = now()", "update outbox"),
        ("begin isolation level read committed; set local lock_timeout = '800ms'", "begin"),
        ("commit", "commit"),
        ("", "query"),
    ],
)
def test_a_statement_is_named_by_what_it_does(statement: str, name: str):
    """Few names, however many parameters."""
    assert named(statement) == name
