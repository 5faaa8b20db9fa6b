"""Spans, where tracing is on; where it is off, nothing, at the cost of a call.

HTTP request → update sent to Temporal → activity → SQL statement. No span is made inside a workflow: replay, which runs
workflow code again, can repeat none.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from enum import Enum
from importlib import import_module
from typing import Any

import structlog

AttributeValue = str | int | float | bool

log = structlog.get_logger("tracing")


class Kind(Enum):
    """Whose side of a call a span is."""

    SERVER = "SERVER"
    CLIENT = "CLIENT"
    INTERNAL = "INTERNAL"


class Span:
    """One span under way."""

    traceparent: str | None = None
    """How whoever is called names it as its parent; None where tracing is off."""

    def rename(self, name: str) -> None:
        """Name it by what is known only at its end."""

    def note(self, **attributes: AttributeValue | None) -> None:
        """Keep attributes, dots in their names written `__`; None is left out."""

    def fail(self, error_type: str) -> None:
        """Mark it as failed, by the error's name alone: what an error says may quote a resident."""


class Tracing:
    """Makes no spans."""

    queries: Callable[[Any], None] | None = None
    """Who is to hear of each query; None: nobody."""

    @contextmanager
    def span(self, name: str, kind: Kind, parent: str | None = None) -> Iterator[Span]:
        """Make the block a span, below the current one, or below a `traceparent` from elsewhere."""
        _ = name, kind, parent
        yield Span()

    def close(self) -> None:
        """Send what is still to be sent, for two seconds at most."""


UNTRACED = Tracing()


def tracing_of(service: str, exporter: str | None) -> Tracing:
    """Trace a process by the exporter `otlp` or `console`; None, or an extra that is not installed, traces nothing."""
    if exporter is None:
        return UNTRACED
    try:
        made = import_module("observability.opentelemetry_tracing")
    except ModuleNotFoundError as error:
        log.warning("tracing_not_installed", missing=error.name, do="pip install 'whistle[otel]'")
        return UNTRACED
    tracing: Tracing = made.opentelemetry_tracing(service, to_console=exporter == "console")
    return tracing
