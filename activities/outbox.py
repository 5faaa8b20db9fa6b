"""Delivering what the store put into the outbox, and starting what a crash left unstarted."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import timedelta

import structlog
from temporalio import activity

from domain.delivery import Delivered, DeliveryRound
from storage.outbox import OutboxItem, claim, listening, mark_delivered
from storage.pool import Pool
from storage.registrations import Unstarted, unstarted

BATCH = 100
LEASE = timedelta(seconds=15)
"""How long a claimed notice waits if its deliverer dies; longer than a batch takes to log and to mark."""
LEFT_UNSTARTED = timedelta(seconds=5)
"""How long a registration may wait for its own starter before another starts its workflow."""
LONGEST_PAUSE = timedelta(seconds=2)
"""Between two looks at what is due again and what was left unstarted; a new notice ends it."""
LISTENS_ANEW_AFTER = timedelta(minutes=1)
"""A connection that was lost in silence hears nothing."""

Start = Callable[[Unstarted], Awaitable[None]]

log = structlog.get_logger("outbox")


class OutboxActivities:
    """The outbox of this worker's pool; `start` starts a whistle's workflow and notes that it did."""

    def __init__(self, pool: Pool, start: Start) -> None:
        """Use this pool and this way to start."""
        self._pool = pool
        self._start = start

    @activity.defn(name="deliver_outbox")
    async def deliver_outbox(self, delivery: DeliveryRound) -> Delivered:
        """Deliver notices as they come, until the round is over or the worker shuts down; at least once each."""
        clock = asyncio.get_running_loop().time
        until = clock() + delivery.length.total_seconds()
        done = Delivered()
        while clock() < until and not activity.is_worker_shutdown():
            listen_until = min(until, clock() + LISTENS_ANEW_AFTER.total_seconds())
            async with listening(self._pool) as heard:
                while clock() < listen_until and not activity.is_worker_shutdown():
                    heard.clear()
                    done = await self._deliver_what_is_due(done)
                    await _until_set(heard)
        return done

    async def _deliver_what_is_due(self, done: Delivered) -> Delivered:
        notices = started = 0
        while True:
            activity.heartbeat()
            started += await self._start_what_was_left()
            items = await claim(self._pool, limit=BATCH, lease=LEASE)
            for item in items:
                _deliver_to_log(item)
            if items:
                await mark_delivered(self._pool, [item.id for item in items])
            notices += len(items)
            if len(items) < BATCH:
                return Delivered(notices=done.notices + notices, started=done.started + started)

    async def _start_what_was_left(self) -> int:
        left = await unstarted(self._pool, LEFT_UNSTARTED, BATCH)
        for registration in left:
            await self._start(registration)
            log.info("whistle_started_late", whistle_id=registration.whistle_id)
        return len(left)


async def _until_set(heard: asyncio.Event) -> None:
    hearing = asyncio.ensure_future(heard.wait())
    shutdown = asyncio.ensure_future(activity.wait_for_worker_shutdown())
    try:
        await asyncio.wait(
            {hearing, shutdown}, timeout=LONGEST_PAUSE.total_seconds(), return_when=asyncio.FIRST_COMPLETED
        )
    finally:
        hearing.cancel()
        shutdown.cancel()


def _deliver_to_log(item: OutboxItem) -> None:
    # Never the text: it is made for its audience, and logs hold codes and references alone.
    log.info(
        "notice",
        outbox_id=item.id,
        whistle_id=item.whistle_id,
        sequence=item.sequence,
        kind=item.kind,
        audience=item.audience,
        urgent=item.urgent,
    )
