"""The feed of one gateway process: one listener and one reader, however many streams follow it."""

import asyncio
from contextlib import suppress
from datetime import timedelta

import structlog

from domain.errors import TemporarilyUnavailableError
from starter.availability import within_reach
from storage import feed
from storage.feed import FeedEvent
from storage.outbox import listening
from storage.pool import Pool

QUEUE = 1000
MOST_STREAMS = 500
BATCH = 500
_LOOK_ANYWAY = timedelta(seconds=2)
_AGAIN_AFTER_S = 1.0
_SETTLES_IN_S = (0.002, 0.005, 0.01, 0.02, 0.05)
_READY_WITHIN_S = 5.0

log = structlog.get_logger("gateway")


class Subscription:
    """One stream's queue; `ended` once the stream fell behind or the gateway leaves."""

    def __init__(self, start: int, organisation: str | None, whistle_id: str | None) -> None:
        """Take the events after `start` that an organisation may see (None: all), of one whistle or of all."""
        self.start = start
        self.organisation = organisation
        self.whistle_id = whistle_id
        self.fell_behind = False
        self._queue: asyncio.Queue[FeedEvent | None] = asyncio.Queue(QUEUE)

    def wants(self, event: FeedEvent) -> bool:
        """Tell whether an event is for this stream."""
        if self.whistle_id not in (None, event.whistle_id):
            return False
        return self.organisation is None or self.organisation in event.parties

    def offer(self, event: FeedEvent) -> bool:
        """Queue an event; False when the queue is full, which ends the stream."""
        try:
            self._queue.put_nowait(event)
        except asyncio.QueueFull:
            self.fell_behind = True
            self.end()
            return False
        return True

    def end(self) -> None:
        """End the stream, whatever it has not sent yet: it will be asked for again by the last id that was."""
        while not self._queue.empty():
            self._queue.get_nowait()
        self._queue.put_nowait(None)

    async def next(self, within_s: float) -> FeedEvent | None:
        """Wait for the next event, None at the end; raises TimeoutError."""
        async with asyncio.timeout(within_s):
            return await self._queue.get()


class Feed:
    """Follows the store and tells every subscription."""

    def __init__(self, pool: Pool) -> None:
        """Follow this store once `run` is under way."""
        self._pool = pool
        self._mark = 0
        self._wanted = asyncio.Event()
        self._ready = asyncio.Event()
        self._joining = 0
        self._subscriptions: set[Subscription] = set()

    async def run(self) -> None:
        """Follow until cancelled; what is away is asked again, and nothing is skipped."""
        while True:
            with suppress(TemporarilyUnavailableError):
                await self._follow()
            log.warning("feed_lost", retry_in_s=_AGAIN_AFTER_S)
            await asyncio.sleep(_AGAIN_AFTER_S)

    async def subscribe(self, organisation: str | None, whistle_id: str | None = None) -> Subscription:
        """Take part from now on; raises TemporarilyUnavailableError while the store is away or streams are too many."""
        self._joining += 1
        self._wanted.set()
        try:
            async with asyncio.timeout(_READY_WITHIN_S):
                await self._ready.wait()
        except TimeoutError:
            message = "the feed has not begun; send the same request again"
            raise TemporarilyUnavailableError(message) from None
        finally:
            self._joining -= 1
        if len(self._subscriptions) >= MOST_STREAMS:
            message = f"{MOST_STREAMS} streams are open here already"
            raise TemporarilyUnavailableError(message)
        subscription = Subscription(self._mark, organisation, whistle_id)
        self._subscriptions.add(subscription)
        return subscription

    def leave(self, subscription: Subscription) -> None:
        """Take no more part; idempotent."""
        self._subscriptions.discard(subscription)

    def end(self) -> None:
        """End every stream."""
        for subscription in self._subscriptions:
            subscription.end()

    async def _follow(self) -> None:
        async with within_reach(timedelta(days=3650)):
            while True:
                # Nobody listens to most gateways most of the time: each command would cost them three statements.
                await self._wanted.wait()
                async with listening(self._pool, feed.CHANNEL) as heard:
                    await self._follow_while_wanted(heard)

    async def _follow_while_wanted(self, heard: asyncio.Event) -> None:
        while self._subscriptions or self._joining:
            heard.clear()
            await self._advance()
            with suppress(TimeoutError):
                async with asyncio.timeout(_LOOK_ANYWAY.total_seconds()):
                    await heard.wait()
        self._wanted.clear()
        self._ready.clear()

    async def _advance(self) -> None:
        if self._ready.is_set() and await feed.highest_position(self._pool) <= self._mark:
            return
        settled = await self._settled_position()
        while self._ready.is_set() and self._subscriptions and self._mark < settled:
            until = await feed.page_end(self._pool, self._mark, settled, BATCH)
            events = await feed.between(self._pool, self._mark, until, None)
            # No await from here on: a subscription begins before a batch or after it.
            self._mark = until
            self._tell(events)
        self._mark = settled
        self._ready.set()

    async def _settled_position(self) -> int:
        found, attempt = await feed.horizon(self._pool), 0
        while not await feed.is_settled(self._pool, found):
            await asyncio.sleep(_SETTLES_IN_S[min(attempt, len(_SETTLES_IN_S) - 1)])
            attempt += 1
        return found.position

    def _tell(self, events: list[FeedEvent]) -> None:
        for subscription in list(self._subscriptions):
            for event in events:
                if subscription.wants(event) and not subscription.offer(event):
                    self.leave(subscription)
                    break
