"""Reading what was told to whom: the notices of a whistle, and figures over all of them."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from domain.duty import DutyLevel
from domain.values import Frozen
from storage.notice_deliveries import DeliveryState
from storage.pool import Pool

_TRAIL = """
select o.id, o.sequence, o.kind, o.audience, o.urgent, o.text, o.created_at, o.delivered_at as addressed_at,
    o.climbs_at, (
    select jsonb_agg(jsonb_build_object('recipient', d.recipient, 'level', d.level, 'channel', d.channel,
        'state', d.state, 'created_at', d.created_at, 'settled_at', d.settled_at, 'next_attempt_at', d.due_at,
        'attempts', d.attempts, 'in_doubt', d.in_doubt, 'last_error', d.last_error, 'failures', (
            select jsonb_agg(jsonb_build_object('attempt', f.attempt, 'at', f.at, 'error', f.error,
                'doubtful', f.doubtful) order by f.attempt)
            from notice_failure f where f.delivery_id = d.id
        )) order by d.id)
    from notice_delivery d where d.outbox_id = o.id
) as deliveries
from outbox o where o.whistle_id = $1 and o.id > $2 and ($4::text[] is null or o.audience = any($4))
order by o.id limit $3
"""
_CHANNELS = """
select channel, count(*) filter (where state = 'DELIVERED') as delivered,
    count(*) filter (where state = 'PENDING') as pending, count(*) filter (where state = 'DROPPED') as dropped,
    count(*) filter (where state = 'FAILED') as failed, count(*) filter (where in_doubt) as in_doubt,
    coalesce(sum((select count(*) from notice_failure f where f.delivery_id = d.id)), 0)::integer as failed_attempts,
    extract(epoch from percentile_cont(0.5) within group (order by settled_at - created_at)
        filter (where state = 'DELIVERED'))::double precision as p50_s,
    extract(epoch from percentile_cont(0.99) within group (order by settled_at - created_at)
        filter (where state = 'DELIVERED'))::double precision as p99_s
from notice_delivery d where created_at >= $1 and created_at < $2 group by channel order by channel
"""
# A line in a log is heard by nobody.
_FIRST_HEARD = """
with blown as (
    select whistle_id, sequence, at from event where type = 'WhistleBlown' and at >= $1 and at < $2
), heard as (
    select b.whistle_id, min(d.settled_at) - min(b.at) as after
    from blown b
    join outbox o on o.whistle_id = b.whistle_id and o.sequence >= b.sequence and o.audience not like 'source:%'
    join notice_delivery d on d.outbox_id = o.id and d.state = 'DELIVERED' and d.channel <> 'log'
    group by b.whistle_id
)
select (select count(distinct whistle_id) from blown)::integer as blown, count(*)::integer as heard,
    extract(epoch from percentile_cont(0.5) within group (order by after))::double precision as p50_s,
    extract(epoch from percentile_cont(0.99) within group (order by after))::double precision as p99_s
from heard
"""
# What was never tried and is due later waits for the morning.
_WAITING = """
select channel, count(*)::integer as waiting, min(created_at) as oldest from notice_delivery
where due_at is not null and created_at < now() - $1::interval and (attempts > 0 or due_at < now() - $1::interval)
group by channel order by channel
"""
_FAILED_SINCE = """
select channel, count(*)::integer as count from notice_delivery
where state = 'FAILED' and created_at > now() - $1::interval group by channel order by channel
"""


class FailedAttempt(Frozen):
    """An attempt that did not succeed; a doubtful one may have arrived all the same."""

    attempt: int
    at: datetime
    error: str
    doubtful: bool


class DeliveryEntry(Frozen):
    """One delivery of a notice."""

    recipient: str
    level: DutyLevel
    channel: str
    state: DeliveryState
    created_at: datetime
    settled_at: datetime | None
    next_attempt_at: datetime | None
    attempts: int
    in_doubt: bool
    last_error: str | None
    failures: tuple[FailedAttempt, ...]


class NoticeEntry(Frozen):
    """One notice to one audience, with every delivery of it."""

    id: int
    sequence: int
    kind: str
    audience: str
    urgent: bool
    text: str
    created_at: datetime
    addressed_at: datetime | None
    climbs_at: datetime | None
    deliveries: tuple[DeliveryEntry, ...]


class ChannelFigures(Frozen):
    """How one channel did; seconds from addressing to delivery."""

    channel: str
    delivered: int
    pending: int
    dropped: int
    failed: int
    in_doubt: int
    failed_attempts: int
    p50_s: float | None
    p99_s: float | None


class NoticeFigures(Frozen):
    """How notices did in a span of time; seconds from a whistle being blown to the first notice that somebody got."""

    blown: int
    heard: int
    p50_s: float | None
    p99_s: float | None
    channels: tuple[ChannelFigures, ...]


class Backlog(Frozen):
    """What a channel has kept waiting."""

    channel: str
    waiting: int
    oldest: datetime


async def notice_trail(
    pool: Pool, whistle_id: str, *, after: int = 0, limit: int = 1000, to: Sequence[str] | None = None
) -> list[NoticeEntry]:
    """List a whistle's notices after an id, in order, each with its deliveries and their failed attempts.

    With audiences, those to them alone.
    """
    return [_entry(dict(row)) for row in await pool.fetch(_TRAIL, whistle_id, after, limit, to)]


async def whole_notice_trail(pool: Pool, whistle_id: str, to: Sequence[str] | None = None) -> list[NoticeEntry]:
    """List all of a whistle's notices, however many, as `notice_trail` does."""
    found: list[NoticeEntry] = []
    while page := await notice_trail(pool, whistle_id, after=found[-1].id if found else 0, to=to):
        found += page
    return found


async def notice_figures(pool: Pool, since: datetime, until: datetime) -> NoticeFigures:
    """Count what was delivered, by channel, and how long the first notice of a blown whistle took."""
    channels = tuple(ChannelFigures(**row) for row in await pool.fetch(_CHANNELS, since, until))
    first = await pool.fetchrow(_FIRST_HEARD, since, until)
    return NoticeFigures(channels=channels, **dict(first or {}))


async def backlog(pool: Pool, older_than: timedelta) -> list[Backlog]:
    """List the channels that have kept something waiting for longer than that."""
    return [Backlog(**row) for row in await pool.fetch(_WAITING, older_than)]


async def failed_since(pool: Pool, span: timedelta) -> list[tuple[str, int]]:
    """Count what failed for good lately, by channel."""
    return [(row["channel"], row["count"]) for row in await pool.fetch(_FAILED_SINCE, span)]


def _entry(row: dict[str, Any]) -> NoticeEntry:
    deliveries = [DeliveryEntry(**d | {"failures": d["failures"] or ()}) for d in row.pop("deliveries") or ()]
    return NoticeEntry(**row, deliveries=tuple(deliveries))
