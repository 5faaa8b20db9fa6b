"""What follows one request through every process: its id, and its place in a trace (W3C Trace Context)."""

import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from typing import NamedTuple, Self

from structlog.contextvars import bind_contextvars, bound_contextvars
from temporalio.api.common.v1 import Payload
from temporalio.converter import PayloadConverter

_TRACEPARENT = re.compile(r"00-(?!0{32})(?P<trace_id>[0-9a-f]{32})-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}")
_REQUEST_ID = re.compile(r"[A-Za-z0-9._-]{8,64}")


class Correlation(NamedTuple):
    """A request's id, and the `traceparent` under which it is served, if there is one."""

    request_id: str
    traceparent: str | None = None

    @property
    def trace_id(self) -> str | None:
        """The trace that it belongs to."""
        found = _TRACEPARENT.fullmatch(self.traceparent or "")
        return found["trace_id"] if found else None

    @property
    def logged(self) -> dict[str, str]:
        """What the lines of a log say of it."""
        trace_id = self.trace_id
        return {"request_id": self.request_id} | ({"trace_id": trace_id} if trace_id else {})

    def to_payload(self) -> Payload:
        """Write it as the header of a call to Temporal."""
        given = {"request_id": self.request_id} | ({"traceparent": self.traceparent} if self.traceparent else {})
        return PayloadConverter.default.to_payload(given)

    @classmethod
    def of_payload(cls, payload: Payload | None) -> Self | None:
        """Read it from a header; None where there is none of ours, whoever else wrote it."""
        if payload is None:
            return None
        try:
            given = PayloadConverter.default.from_payload(payload)
        except Exception:  # noqa: BLE001 - a header that nobody can read correlates nothing
            return None
        if not isinstance(given, Mapping) or well_formed_request_id(given.get("request_id")) is None:
            return None
        return cls(str(given["request_id"]), well_formed_traceparent(given.get("traceparent")))


_current: ContextVar[Correlation | None] = ContextVar("whistle_correlation", default=None)


def current_correlation() -> Correlation | None:
    """Give that of the request being served here; None where none is."""
    return _current.get()


@contextmanager
def correlated(by: Correlation) -> Iterator[None]:
    """Serve the block as this request: its calls carry it on, and its lines say so."""
    token = _current.set(by)
    try:
        with bound_contextvars(**by.logged):
            yield
    finally:
        _current.reset(token)


def correlate_task(by: Correlation) -> None:
    """Do the same for what is left of this task, the lines that others write at its end included."""
    _current.set(by)
    bind_contextvars(**by.logged)


def well_formed_request_id(given: object) -> str | None:
    """Give a request's id if it is one: 8 to 64 letters, digits, dots, dashes."""
    return given if isinstance(given, str) and _REQUEST_ID.fullmatch(given) else None


def well_formed_traceparent(given: object) -> str | None:
    """Give a `traceparent` if it is one of version 00 that names a trace."""
    return given if isinstance(given, str) and _TRACEPARENT.fullmatch(given) else None
