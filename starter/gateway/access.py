"""One line and one measurement for each request, under an id that the answer carries too; no personal data in them."""

import re
import time
import traceback
from uuid import uuid4

import structlog
from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send
from structlog.contextvars import bound_contextvars

from observability.measures import GatewayMeasures
from starter.gateway.problems import UNKNOWN_OUTCOME, InternalError, Refused

REQUEST_ID = "X-Request-Id"
_WELL_FORMED = re.compile(r"[A-Za-z0-9._-]{8,64}")
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

    def __init__(self, app: ASGIApp, measures: GatewayMeasures, refused: Refused) -> None:
        """Measure into these by route, since paths hold ids; `refused` writes what is answered to a fault of ours."""
        self._app = app
        self._refused = refused
        self._measures = measures

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Let a request pass."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        given = Headers(scope=scope).get(REQUEST_ID, "")
        request_id = given if _WELL_FORMED.fullmatch(given) else uuid4().hex
        scope.setdefault("state", {})["request_id"] = request_id
        seen = _Seen()
        began = time.perf_counter()
        with bound_contextvars(request_id=request_id), self._measures.in_flight.track_inprogress():
            watched = seen.watching(send, request_id)
            try:
                await self._app(scope, receive, watched)
            except Exception as error:  # noqa: BLE001 - the last line of defence, and the last place that knows the id
                _note_failure(error)
                if not seen.status:
                    await self._refused(scope, InternalError(UNKNOWN_OUTCOME))(scope, receive, watched)
            finally:
                self._note(scope, seen, time.perf_counter() - began)

    def _note(self, scope: Scope, seen: "_Seen", seconds: float) -> None:
        method = scope["method"] if scope["method"] in _METHODS else "OTHER"
        route = _route_of(scope)
        self._measures.requests.labels(method, route, seen.status).inc()
        if not seen.streamed:
            self._measures.seconds.labels(method, route).observe(seconds)
        if scope["path"] not in _QUIET:
            caller = scope["state"].get("caller")
            ms = round(seconds * 1000, 1)
            log.info("request", method=method, route=route, status=seen.status, ms=ms, caller=caller)


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


def _route_of(scope: Scope) -> str:
    return str(getattr(scope.get("route"), "path", _UNKNOWN))
