"""How many requests a gateway has in hand at once: those beyond are told at once to come again, and cost it no memory.

Without a bound a flood waits for the database in one long line, in which everybody is given up before being served.
"""

from starlette.types import ASGIApp, Receive, Scope, Send

from domain.errors import TemporarilyUnavailableError
from starter.gateway.problems import Refused

_ALWAYS = frozenset({"/healthz", "/readyz", "/metrics"})
_STREAM = "/v1/stream"
_READING = frozenset({"GET", "HEAD", "OPTIONS"})


class Admission:
    """Lets so many requests that read and so many that write in; what waits for Temporal leaves room for readers.

    Streams are meant to stay, and who watches the process is always let in.
    """

    def __init__(self, app: ASGIApp, at_once: int, refused: Refused) -> None:
        """Let `at_once` of either kind in; `refused` writes what the others are answered."""
        self._app = app
        self._at_once = at_once
        self._refused = refused
        self._in_hand = {True: 0, False: 0}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Let a request pass, or answer 503 with Retry-After: nothing was done."""
        if scope["type"] != "http" or scope["path"] in _ALWAYS or scope["path"] == _STREAM:
            await self._app(scope, receive, send)
            return
        reads = scope["method"] in _READING
        if self._in_hand[reads] >= self._at_once:
            full = TemporarilyUnavailableError("too many requests are in hand here; nothing was done, come again")
            await self._refused(scope, full)(scope, receive, send)
            return
        self._in_hand[reads] += 1
        try:
            await self._app(scope, receive, send)
        finally:
            self._in_hand[reads] -= 1
