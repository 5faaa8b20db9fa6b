"""`GET /v1/stream`: server-sent events over all whistles that the caller may see, resumable by Last-Event-ID."""

import asyncio
import json
import re
import time
from collections.abc import AsyncIterator
from typing import Annotated

from fastapi import APIRouter, Header, Query, Response
from starlette.types import Receive, Scope, Send

from domain.errors import InvalidError
from observability.measures import GatewayMeasures
from starter.availability import within_reach
from starter.bearers import must_see, sight_of
from starter.gateway.callers import Caller
from starter.gateway.context import Context, Here
from starter.gateway.feed import BATCH, Subscription
from starter.gateway.inputs import EXAMPLE_ID, problems
from starter.gateway.routing import OrderlyRoute
from storage import feed
from storage.feed import FeedEvent

router = APIRouter(route_class=OrderlyRoute)

MEDIA_TYPE = "text/event-stream"
HEARTBEAT_S = 15.0
SEND_WITHIN_S = 20.0
LONGEST_S = 1800.0
"""A stream ends then, so that a revoked key sees no more; clients come back by themselves."""
_POSITION = re.compile(r"[0-9]{1,18}")
_EXAMPLE = f'id: 42\nevent: WhistleBlown\ndata: {{"whistle_id": "{EXAMPLE_ID}", "sequence": 3}}\n\n'


class EventStream(Response):
    """Sends frames until they end, the client is gone, or it does not take them in time."""

    media_type = MEDIA_TYPE

    def __init__(self, frames: AsyncIterator[bytes], measures: GatewayMeasures) -> None:
        """Send these frames."""
        super().__init__(headers={"X-Accel-Buffering": "no"}, media_type=self.media_type)
        del self.headers["content-length"]
        self._frames = frames
        self._measures = measures

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send until one side ends."""
        await send({"type": "http.response.start", "status": self.status_code, "headers": self.raw_headers})
        with self._measures.streams.track_inprogress():
            sending = asyncio.create_task(self._send_all(send))
            gone = asyncio.create_task(_until_gone(receive))
            await asyncio.wait({sending, gone}, return_when=asyncio.FIRST_COMPLETED)
            slow = sending.done() and isinstance(sending.exception(), TimeoutError)
            for task in (sending, gone):
                task.cancel()
            await asyncio.gather(sending, gone, return_exceptions=True)
        if slow:
            self._measures.dropped.inc()
            # A polite end would wait for a reader who does not read.
            scope.get("whistle.abort", lambda: None)()
        else:
            await send({"type": "http.response.body", "body": b"", "more_body": False})

    async def _send_all(self, send: Send) -> None:
        async for frame in self._frames:
            async with asyncio.timeout(SEND_WITHIN_S):
                await send({"type": "http.response.body", "body": frame, "more_body": True})


@router.get(
    "/v1/stream",
    summary="事件流 stream",
    tags=["whistles"],
    response_class=Response,
    responses={
        200: {
            "description": "Server-sent events.",
            "content": {MEDIA_TYPE: {"schema": {"type": "string"}, "example": _EXAMPLE}},
        },
        **problems(404),
    },
)
async def stream(
    caller: Caller,
    context: Here,
    *,
    whistle_id: Annotated[str | None, Query(max_length=129, description="Of one whistle.")] = None,
    after: Annotated[
        str | None,
        Query(
            pattern=r"^[0-9]{1,18}$",
            description="Where to begin, for a client that cannot send Last-Event-ID; 0 is the start.",
        ),
    ] = None,
    last_event_id: Annotated[str | None, Header(alias="Last-Event-ID", max_length=18)] = None,
) -> Response:
    """Follow events as they are stored, without private fields; `id` is their place in the order of all.

    Begins now (the last moment may be among it), or after Last-Event-ID: what was missed comes from the store first.
    A comment comes every 15 s. A client that falls 1,000 events behind, or does not read for 20 s, is dropped, and
    every stream ends after half an hour: come back with the last id.
    """
    if whistle_id is not None:
        await must_see(context.door.pool, caller, whistle_id)
    # A reconnecting client repeats its whole address, so the header knows better.
    begin = _position(last_event_id or after)
    subscription = await context.feed.subscribe(sight_of(caller), whistle_id)
    return EventStream(frames(context, subscription, begin), context.measures)


async def frames(context: Context, subscription: Subscription, begin: int | None) -> AsyncIterator[bytes]:
    """Give the frames of a stream: what was missed, then what comes, and heartbeats between."""
    ends_at = time.monotonic() + LONGEST_S
    try:
        yield b"retry: 2000\n\n"
        if begin is not None:
            async for event in _missed(context, subscription, begin):
                yield frame(event)
        while time.monotonic() < ends_at:
            try:
                event_or_end = await subscription.next(HEARTBEAT_S)
            except TimeoutError:
                yield b": heartbeat\n\n"
                continue
            if event_or_end is None:
                return
            if begin is None or event_or_end.position > begin:
                yield frame(event_or_end)
    finally:
        context.feed.leave(subscription)


def frame(event: FeedEvent) -> bytes:
    """Write one event as a frame."""
    data = event.model_dump(mode="json", exclude={"position", "parties"})
    line = json.dumps(data, ensure_ascii=False, separators=(",", ":"))
    return f"id: {event.position}\nevent: {event.type}\ndata: {line}\n\n".encode()


async def _missed(context: Context, subscription: Subscription, begin: int) -> AsyncIterator[FeedEvent]:
    pool, after = context.door.pool, begin
    while after < subscription.start and not context.leaving.is_set():
        async with within_reach():
            until = await feed.page_end(pool, after, subscription.start, BATCH)
            found = await feed.between(pool, after, until, subscription.organisation)
        for event in found:
            if subscription.wants(event):
                yield event
        after = until


def _position(said: str | None) -> int | None:
    if said is None or said == "":
        return None
    if not _POSITION.fullmatch(said):
        raise InvalidError.of("Last-Event-ID", "it is not an id of this stream")
    return int(said)


async def _until_gone(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        continue
