"""Starting the workflows that a crash left unstarted: registrations that are stored and that nobody answered for.

Apart from the notices: a Temporal that is slow or away keeps none of them waiting.
"""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import timedelta

import structlog
from temporalio.service import RPCError

from storage.pool import Pool
from storage.registrations import Unstarted, unstarted

LEFT_UNSTARTED = timedelta(seconds=5)
"""How long a registration may wait for its own starter before another starts its workflow."""
LOOKS_EVERY = timedelta(seconds=2)
BATCH = 100

Start = Callable[[Unstarted], Awaitable[None]]

log = structlog.get_logger("outbox")


class LateStarts:
    """The late starts of one round; `start` starts a whistle's workflow and notes that it did."""

    def __init__(self, pool: Pool, start: Start) -> None:
        """Start nothing yet."""
        self._pool = pool
        self._start = start
        self.started = 0

    async def keep(self) -> None:
        """Start what is left, for ever; errors of the database pass through."""
        while True:
            try:
                for registration in await unstarted(self._pool, LEFT_UNSTARTED, BATCH):
                    await self._start(registration)
                    self.started += 1
                    log.info("whistle_started_late", whistle_id=registration.whistle_id)
            except RPCError as error:
                log.warning("whistles_not_started", reason=str(error))
            await asyncio.sleep(LOOKS_EVERY.total_seconds())
