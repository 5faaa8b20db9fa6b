"""Bodies are read whole, within bounds of size and time, before any route sees them.

So no client holds a route by sending slowly, and none fills memory: also where it sends chunks without a length.
"""

import asyncio
from datetime import timedelta

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from starter.gateway.problems import Refused, TimedOutError, TooLargeError, UnreadableError

LARGEST_BODY = 1_048_576
"""Bytes."""
_DISCARDED = 16_777_216


class BoundedBodies:
    """Reads each request's body and hands it on in one piece."""

    def __init__(self, app: ASGIApp, within: timedelta, refused: Refused, largest: int = LARGEST_BODY) -> None:
        """Read at most so many bytes in at most so much time; `refused` writes what is answered to any other body."""
        self._app = app
        self._refused = refused
        self._largest = largest
        self._within = within.total_seconds()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer 413, 408 or 400, or let the request pass with its body in one piece."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        try:
            async with asyncio.timeout(self._within):
                body = await self._read(scope, receive)
        except TimeoutError:
            late = TimedOutError(f"the request's body did not arrive within {self._within:g} s")
            await self._refused(scope, late)(scope, receive, send)
        except (TooLargeError, UnreadableError) as error:
            await self._refused(scope, error)(scope, receive, send)
        else:
            await self._app(scope, _replayed(body, receive), send)

    async def _read(self, scope: Scope, receive: Receive) -> Message:
        if _announced(scope) > (self._largest if _awaits_leave(scope) else _DISCARDED):
            raise self._too_large()
        body, length, more = bytearray(), 0, True
        while more:
            message = await receive()
            if message["type"] != "http.request":
                # Nobody is there to read it; but to the log and the measures it is no fault of ours.
                raise UnreadableError("the connection ended before the request's body did")
            part, more = message.get("body", b""), message.get("more_body", False)
            length += len(part)
            # A client reads its answer once it has sent all: what is too large is read on, and thrown away.
            if length <= self._largest:
                body += part
            elif length > _DISCARDED:
                break
        if length > self._largest:
            raise self._too_large()
        return {"type": "http.request", "body": bytes(body), "more_body": False}

    def _too_large(self) -> TooLargeError:
        return TooLargeError(f"a body has at most {self._largest:,} bytes")


def _announced(scope: Scope) -> int:
    for name, value in scope["headers"]:
        if name == b"content-length" and value.isdigit():
            return int(value[:20])
    return 0


def _awaits_leave(scope: Scope) -> bool:
    return any(name == b"expect" and value.lower() == b"100-continue" for name, value in scope["headers"])


def _replayed(body: Message, receive: Receive) -> Receive:
    left = [body]

    async def next_message() -> Message:
        return left.pop() if left else await receive()

    return next_message
