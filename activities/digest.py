"""The daily digest: each organisation's morning, gathered and put into the outbox."""

from collections.abc import Callable
from datetime import UTC, date, datetime
from typing import Any

import structlog
from temporalio import activity

from domain.digest import answered_before, midnight_after
from storage.catalogues import rules
from storage.digests import digest_of, send_digest
from storage.pool import Pool

log = structlog.get_logger("digest")


class DigestActivities:
    """Digests of the whistles of this pool."""

    def __init__(self, pool: Pool, limits: str) -> None:
        """Use this pool, and the calendar and organisations in force."""
        self._pool = pool
        self._limits = limits

    @property
    def every(self) -> tuple[Callable[..., Any], ...]:
        """The steps of a digest, for a worker."""
        return self.is_working_day, self.send_digests

    @activity.defn(name="is_working_day")
    async def is_working_day(self, day: date) -> bool:
        """Look a Beijing day up in the work calendar."""
        return (await rules(self._pool, self._limits)).calendar.is_working_day(day)

    @activity.defn(name="send_digests")
    async def send_digests(self, day: date) -> int:
        """Send each organisation its digest of a day, once; gives how many were sent."""
        in_force = await rules(self._pool, self._limits)
        organisations, horizon = in_force.organisations, answered_before(in_force.calendar, day)
        sent = 0
        for organisation in organisations.items:
            now = datetime.now(UTC)
            digest = await digest_of(self._pool, organisation.code, now, midnight_after(day), horizon)
            sent += await send_digest(self._pool, digest, day, organisations.name_of)
        log.info("digests_sent", day=day.isoformat(), sent=sent)
        return sent
