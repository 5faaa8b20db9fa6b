"""Spans by OpenTelemetry (`pip install whistle[otel]`), configured by its own OTEL_* variables."""

import re
import time
from collections.abc import Iterator
from contextlib import contextmanager
from functools import lru_cache
from importlib.metadata import version
from typing import Any

from opentelemetry import context, trace
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import SERVICE_NAME, SERVICE_VERSION, OTELResourceDetector, Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor, ConsoleSpanExporter, SpanExporter
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

from observability.tracing import AttributeValue, Kind, Span, Tracing

_FLUSH_MS = 2_000
_W3C = TraceContextTextMapPropagator()
_KINDS = {
    Kind.SERVER: trace.SpanKind.SERVER,
    Kind.CLIENT: trace.SpanKind.CLIENT,
    Kind.INTERNAL: trace.SpanKind.INTERNAL,
}
_WRITES = re.compile(r"\b(insert) into (\w+)|\b(update) (\w+)|\b(delete) from (\w+)", re.IGNORECASE)
_READS = re.compile(r"\b(select)\b.*?\bfrom (\w+)", re.IGNORECASE | re.DOTALL)


class OpenTelemetrySpan(Span):
    """One recording span."""

    def __init__(self, span: trace.Span) -> None:
        """Write to this one, which is current."""
        self._span = span
        carrier: dict[str, str] = {}
        _W3C.inject(carrier, trace.set_span_in_context(span))
        self.traceparent = carrier.get("traceparent")

    def rename(self, name: str) -> None:
        """Name it anew."""
        self._span.update_name(name)

    def note(self, **attributes: AttributeValue | None) -> None:
        """Keep attributes."""
        kept = {name.replace("__", "."): value for name, value in attributes.items() if value is not None}
        self._span.set_attributes(kept)

    def fail(self, error_type: str) -> None:
        """Mark it as failed."""
        self._span.set_attribute("error.type", error_type)
        self._span.set_status(trace.StatusCode.ERROR)


class OpenTelemetryTracing(Tracing):
    """Makes spans and sends them in batches."""

    def __init__(self, service: str, exporter: SpanExporter) -> None:
        """Send through this exporter; OTEL_SERVICE_NAME and OTEL_RESOURCE_ATTRIBUTES come before `service`."""
        own = Resource.create({SERVICE_NAME: service, SERVICE_VERSION: version("whistle")})
        self._provider = TracerProvider(resource=own.merge(OTELResourceDetector().detect()), shutdown_on_exit=False)
        self._provider.add_span_processor(BatchSpanProcessor(exporter))
        self._tracer = self._provider.get_tracer("whistle")
        self.queries = self._note_query

    @contextmanager
    def span(self, name: str, kind: Kind, parent: str | None = None) -> Iterator[Span]:
        """Make the block a span."""
        above = _W3C.extract({"traceparent": parent}) if parent else None
        span = self._tracer.start_span(name, above, _KINDS[kind], record_exception=False, set_status_on_exception=False)
        token = context.attach(trace.set_span_in_context(span))
        try:
            yield OpenTelemetrySpan(span)
        finally:
            context.detach(token)
            span.end()

    def close(self) -> None:
        """Send what is left."""
        self._provider.force_flush(_FLUSH_MS)

    def _note_query(self, query: Any) -> None:  # noqa: ANN401 - asyncpg's stubs do not name it
        """Make a span of a query that has ended, below that of whoever asked; what nobody traces makes none."""
        if not trace.get_current_span().is_recording():
            return
        ended_at = time.time_ns()
        span = self._tracer.start_span(
            named(query.query), kind=trace.SpanKind.CLIENT, start_time=ended_at - int(query.elapsed * 1e9)
        )
        # Parameters, which may be anybody's data, are in query.args, and stay there.
        span.set_attributes({"db.system.name": "postgresql", "db.query.text": " ".join(query.query.split())})
        if query.exception is not None:
            span.set_attribute("error.type", type(query.exception).__name__)
            span.set_status(trace.StatusCode.ERROR)
        span.end(ended_at)


def opentelemetry_tracing(service: str, *, to_console: bool) -> Tracing:
    """Make spans of a process and send them by OTLP over HTTP, or print them."""
    return OpenTelemetryTracing(service, ConsoleSpanExporter() if to_console else OTLPSpanExporter())


@lru_cache(maxsize=512)
def named(statement: str) -> str:
    """Name a statement by what it does and to which table: `insert event`, `select whistle`, `commit`."""
    found = _WRITES.search(statement) or _READS.search(statement)
    if found is None:
        return statement.split(maxsplit=1)[0].strip(";").lower() if statement.strip() else "query"
    verb, table = (part for part in found.groups() if part)
    return f"{verb.lower()} {table}"
