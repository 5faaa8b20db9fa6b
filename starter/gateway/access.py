"""One line and one measurement for each request, under an id that the answer carries too; no personal data in them."""

import re
import time
import traceback
from http import HTTPStatus
from uuid import uuid4

import structlog
from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from domain.commands import COMMANDS
from observability.correlation import Correlation, correlated, well_formed_request_id, well_formed_traceparent
from observability.measures import GatewayMeasures
from observability.tracing import UNTRACED, Kind, Span, Tracing
from starter.gateway.problems import UNKNOWN_OUTCOME, InternalError, Refused

REQUEST_ID = "X-Request-Id"
TRACEPARENT = "traceparent"
_WHISTLE_ID = re.compile(r"[A-Za-z0-9._-]{1,64}:[A-Za-z0-9._-]{1,64}")
_QUIET = frozenset({"/healthz", "/readyz", "/metrics"})
_UNKNOWN = "(no such path)"
_SECURITY = {
    "X-Content-Type-Options": "nosniff",
    "Cache-Control": "no-store",
    "Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'",
}
_METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})

log = structlog.get_logger("gateway")


class AccessLog:
    """Names, measures and logs each request."""

    def __init__(self, app: ASGIApp, measures: GatewayMeasures, tracing: Tracing, refused: Refused) -> None:
        """Measure into these by route, since paths hold ids; `refused` writes what is answered to a fault of ours."""
        self._app = app
        self._refused = refused
        self._measures = measures
        self._tracing = tracing

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Let a request pass."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        given = Headers(scope=scope)
        tracing = UNTRACED if scope["path"] in _QUIET else self._tracing
        came_with = well_formed_traceparent(given.get(TRACEPARENT))
        with tracing.span(_method_of(scope), Kind.SERVER, came_with) as span:
            request_id = well_formed_request_id(given.get(REQUEST_ID)) or uuid4().hex
            with correlated(Correlation(request_id, span.traceparent or came_with)):
                scope.setdefault("state", {})["request_id"] = request_id
                await self._serve(scope, receive, send, span)

    async def _serve(self, scope: Scope, receive: Receive, send: Send, span: Span) -> None:
        seen = _Seen()
        began = time.perf_counter()
        with self._measures.in_flight.track_inprogress():
            watched = seen.watching(send, scope["state"]["request_id"])
            try:
                await self._app(scope, receive, watched)
            except Exception as error:  # noqa: BLE001 - the last line of defence, and the last place that knows the id
                _note_failure(error)
                if not seen.status:
                    await self._refused(scope, InternalError(UNKNOWN_OUTCOME))(scope, receive, watched)
            finally:
                self._note(scope, seen, time.perf_counter() - began)
                _trace(scope, seen, span)

    def _note(self, scope: Scope, seen: "_Seen", seconds: float) -> None:
        method, route = _method_of(scope), _route_of(scope)
        self._measures.requests.labels(method, route, seen.status).inc()
        if not seen.streamed:
            self._measures.seconds.labels(method, route).observe(seconds)
        if scope["path"] not in _QUIET:
            caller = scope["state"].get("caller")
            ms = round(seconds * 1000, 1)
            log.info("request", method=method, route=route, status=seen.status, ms=ms, caller=caller, **_about(scope))


def _trace(scope: Scope, seen: "_Seen", span: Span) -> None:
    method, route, about = _method_of(scope), _route_of(scope), _about(scope)
    span.rename(f"{method} {route}")
    span.note(http__request__method=method, http__route=route, http__response__status_code=seen.status)
    span.note(whistle__id=about.get("whistle_id"), whistle__command=about.get("command"))
    if seen.status >= HTTPStatus.INTERNAL_SERVER_ERROR:
        span.fail(str(seen.status))


def _about(scope: Scope) -> dict[str, str]:
    """Name the whistle and the command that a request is about, where its path does."""
    whistle_id = str(scope.get("path_params", {}).get("whistle_id", ""))
    about = {"whistle_id": whistle_id} if _WHISTLE_ID.fullmatch(whistle_id) else {}
    name = getattr(scope.get("route"), "name", None)
    return about | ({"command": name} if name in COMMANDS or name == "register" else {})


def _note_failure(error: Exception) -> None:
    # Where, and of which kind, but not what it says: that may quote what a resident told.
    log.error("request_failed", error=type(error).__name__, where="".join(traceback.format_tb(error.__traceback__)))


class _Seen:
    status = 0
    streamed = False

    def watching(self, send: Send, request_id: str) -> Send:
        async def watched(message: Message) -> None:
            if message["type"] == "http.response.start":
                self.status = message["status"]
                headers = MutableHeaders(scope=message)
                self.streamed = headers.get("content-type", "").startswith("text/event-stream")
                headers[REQUEST_ID] = request_id
                for name, value in _SECURITY.items():
                    headers.setdefault(name, value)
            await send(message)

        return watched


def _method_of(scope: Scope) -> str:
    return scope["method"] if scope["method"] in _METHODS else "OTHER"


def _route_of(scope: Scope) -> str:
    return str(getattr(scope.get("route"), "path", _UNKNOWN))
