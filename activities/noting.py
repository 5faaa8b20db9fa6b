"""Noting how attempts ended, in groups: what ends while one note is written goes into the next."""

import asyncio
import time
from collections.abc import Sequence

import asyncpg

from observability.measures import WORKER
from storage.notice_deliveries import DeliveryState, Ending, Parcel, settle
from storage.pool import Pool

NOTES_WITHIN_S = 10.0
"""What is not noted is sent again: that is worth some patience with the database."""
_NOTES_AGAIN_AFTER_S = 0.25
OUTCOMES = {
    DeliveryState.PENDING: "retried",
    DeliveryState.DELIVERED: "delivered",
    DeliveryState.DROPPED: "dropped",
    DeliveryState.FAILED: "failed",
}


class Notes:
    """The endings of one round that are still to be noted."""

    def __init__(self, pool: Pool) -> None:
        """Have nothing to note."""
        self._pool = pool
        self._endings: list[Ending] = []
        self._added = asyncio.Event()
        self._is_last = False

    def add(self, parcels: Sequence[Parcel], state: DeliveryState, **how: object) -> None:
        """Note the same ending of these, soon; only what was tried counts as an outcome."""
        if parcels and how.get("tried", True):
            WORKER.notices.labels(parcels[0].channel, OUTCOMES[state]).inc(len(parcels))
        own = {"state": state, **how}
        self._endings += [Ending.model_validate({"id": p.id, "attempt": p.attempts, **own}) for p in parcels]
        self._added.set()

    def put_off(self, parcels: Sequence[Parcel], wait_s: float) -> None:
        """Note that nothing was sent yet, and when to look again."""
        self.add(parcels, DeliveryState.PENDING, retry_in_s=wait_s, tried=False)

    def close(self) -> None:
        """Let `keep` end when what was added is noted."""
        self._is_last = True
        self._added.set()

    async def keep(self) -> None:
        """Note what is added until closed; never cancelled in the middle, or what it had in hand would be lost."""
        while not (self._is_last and not self._endings):
            await self._added.wait()
            self._added.clear()
            await self._write()

    async def _write(self) -> None:
        endings, self._endings = self._endings, []
        until = time.monotonic() + NOTES_WITHIN_S
        while endings:
            try:
                await settle(self._pool, endings)
                endings = []
            except (asyncpg.PostgresError, asyncpg.InterfaceError, OSError):
                if time.monotonic() > until:
                    raise
                await asyncio.sleep(_NOTES_AGAIN_AFTER_S)
