"""Notices that wait to be addressed: claimed, given to their recipients' deliveries, never lost."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import datetime, timedelta

from domain.duty import DutyLevel
from domain.values import Frozen
from domain.vocabulary import Urgency, WhistleKind
from storage.pool import Pool

CHANNEL = "whistle_outbox"
"""Notified when an insert commits; the payload is empty."""

_CLAIM = """
update outbox o set due_at = clock_timestamp() + $2::interval, attempts = o.attempts + 1
from (
    select p.id, w.kind, w.urgency
    from outbox p join whistle w on w.whistle_id = p.whistle_id
    where p.delivered_at is null and p.due_at <= clock_timestamp()
    order by p.urgent desc, p.id limit $1 for update of p skip locked
) as due
where o.id = due.id
returning o.id, o.whistle_id, o.sequence, o.kind, o.audience, o.urgent, o.text, o.created_at, o.attempts, o.levels,
    o.climbs, due.kind as whistle_kind, due.urgency
"""
_PENDING = "select count(*) from outbox where delivered_at is null"


class OutboxItem(Frozen):
    """One notice to one audience."""

    id: int
    whistle_id: str
    sequence: int
    kind: str
    audience: str
    urgent: bool
    text: str
    created_at: datetime
    attempts: int
    levels: tuple[DutyLevel, ...]
    climbs: bool
    whistle_kind: WhistleKind | None
    urgency: Urgency | None


async def claim(pool: Pool, *, limit: int = 100, lease: timedelta = timedelta(minutes=1)) -> list[OutboxItem]:
    """Take notices that nobody addressed for `lease`, urgent ones first; two claimers never hold the same one."""
    items = [OutboxItem(**row) for row in await pool.fetch(_CLAIM, limit, lease)]
    return sorted(items, key=lambda item: (not item.urgent, item.id))


async def pending(pool: Pool) -> int:
    """Count what is not addressed yet."""
    return int(await pool.fetchval(_PENDING))


@asynccontextmanager
async def listening(pool: Pool, channel: str = CHANNEL) -> AsyncIterator[asyncio.Event]:
    """Hold a connection that sets the event whenever a channel is notified, or when the connection is lost.

    Clear the event before claiming: what comes meanwhile sets it again. After a loss, listen anew.
    """
    heard, lost = asyncio.Event(), asyncio.Event()

    def hear(*_: object) -> None:
        heard.set()

    def lose(*_: object) -> None:
        lost.set()
        heard.set()

    async with pool.acquire() as connection:
        connection.add_termination_listener(lose)
        await connection.add_listener(channel, hear)
        try:
            yield heard
        finally:
            if not lost.is_set():
                connection.remove_termination_listener(lose)
                await connection.remove_listener(channel, hear)
