"""Workflows that lag behind the store: found by following the events a few seconds behind, and woken.

A command that was stored as worker and server died leaves no trace in Temporal. If it is not sent again, no timer and
no other command comes, nothing would tell its workflow until the next compliance sweep. Idle, this costs one look at
the end of an index every other second.
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence

import structlog
from temporalio.service import RPCError, RPCStatusCode

from observability.measures import WORKER
from storage.feed import Horizon, highest_position, horizon, is_settled, page_end
from storage.movements import moved
from storage.pool import Pool

LOOK_EVERY_S = 2.0
LOOKS_WITHIN_S = 5.0
LOOKS_AGAIN_AFTER_S = 10.0
"""After a look that failed."""
SETTLED_AFTER_S = 3.0
"""Within which a workflow ordinarily shows in visibility what it stored."""
CERTAIN_AFTER_S = 6.0
"""After which one that does not is woken, at four events of history if it only was busy."""
LOOK_BACK = 2_000
"""How many events before its beginning a watch compares: those stored last when everything died are among them."""
PAGE = 2_000

Versions = Callable[[Sequence[str]], Awaitable[Mapping[str, int]]]
Wake = Callable[[str], Awaitable[None]]

log = structlog.get_logger("lag_watch")


class LagWatch:
    """One watch, from its beginning on: `versions` tells what workflows show, `wake` has one catch up."""

    def __init__(self, pool: Pool, versions: Versions, wake: Wake) -> None:
        """Watch by these; nothing is looked at yet."""
        self._pool = pool
        self._versions = versions
        self._wake = wake
        self._next_look = 0.0
        self._compared_to: int | None = None
        self._horizon: Horizon | None = None
        self._taken_at = 0.0

    async def look(self) -> None:
        """Look if it is time again; a Temporal that is away only postpones it. Errors of the database pass through."""
        now = asyncio.get_running_loop().time()
        if now < self._next_look:
            return
        self._next_look = now + LOOK_EVERY_S
        try:
            async with asyncio.timeout(LOOKS_WITHIN_S):
                await self._look(now)
        except (RPCError, TimeoutError) as error:
            self._next_look = now + LOOKS_AGAIN_AFTER_S
            log.warning("lags_not_looked_for", reason=str(error) or type(error).__name__)

    async def _look(self, now: float) -> None:
        compared_to, found = self._compared_to, self._horizon
        if compared_to is None or found is None:
            await self._take_horizon(now)
            return
        age = now - self._taken_at
        if age < SETTLED_AFTER_S or not await is_settled(self._pool, found):
            return
        until = await page_end(self._pool, compared_to, found.position, PAGE)
        behind = await self._behind(await moved(self._pool, compared_to, until))
        if behind and age < CERTAIN_AFTER_S:
            return
        for whistle_id in behind:
            await self._wake_one(whistle_id)
        self._compared_to = until
        if until == found.position:
            self._horizon = None

    async def _take_horizon(self, now: float) -> None:
        highest = await highest_position(self._pool)
        if self._compared_to is None:
            self._compared_to = max(0, highest - LOOK_BACK)
        if highest != self._compared_to:
            self._horizon, self._taken_at = await horizon(self._pool), now

    async def _behind(self, stored: Mapping[str, int]) -> list[str]:
        shown = await self._versions(list(stored)) if stored else {}
        return [one for one, sequence in stored.items() if shown.get(one, sequence) < sequence]

    async def _wake_one(self, whistle_id: str) -> None:
        try:
            await self._wake(whistle_id)
        except RPCError as error:
            if error.status is RPCStatusCode.UNAVAILABLE:
                raise
            log.warning("lagging_workflow_not_woken", whistle_id=whistle_id, reason=str(error))
        else:
            WORKER.woken.inc()
            log.info("lagging_workflow_woken", whistle_id=whistle_id)
