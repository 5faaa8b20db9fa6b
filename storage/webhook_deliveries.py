"""Deliveries to subscribers: claimed for one attempt, each attempt in the log, delivered at least once."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any
from uuid import UUID

import asyncpg
from pydantic import Field

from domain.values import Frozen
from domain.webhooks import Message, Part, Told
from storage.pool import Pool

CHANNEL = "whistle_event"
"""Notified when events are committed."""
KEPT = timedelta(days=30)

# now(), not clock_timestamp(): only what is stable can be looked up in the index.
_CLAIM = """
with due as (
    select d.id
    from webhook s
    left join unnest($1::text[], $2::integer[]) as free (webhook_id, places) on free.webhook_id = s.id
    cross join lateral (
        select id from webhook_delivery where webhook_id = s.id and due_at <= now()
        order by due_at limit greatest(coalesce(free.places, $3), 0) for update skip locked
    ) as d
    where s.disabled_at is null and s.deleted_at is null
    limit $4
), claimed as (
    update webhook_delivery d
    set due_at = clock_timestamp() + $5::interval, attempts = d.attempts + 1, tries = d.tries + 1
    from due where d.id = due.id
    returning d.id, d.webhook_id, d.whistle_id, d.sequence, d.followers, d.message_id, d.attempts, d.tries
), begun as (
    insert into webhook_attempt (delivery_id, attempt) select id, attempts from claimed
)
select c.id, c.webhook_id, c.whistle_id, c.sequence, c.followers, c.message_id, c.attempts, c.tries, s.url,
    array_remove(array[s.secret, case when s.previous_until > now() then s.previous_secret end], null) as secrets,
    e.type, e.at, e.actor_role, e.actor_organisation, e.summary, e.data, w.serial, k.state, k.last_sequence as version
from claimed c
join webhook s on s.id = c.webhook_id
join event e on (e.whistle_id, e.sequence) = (c.whistle_id, c.sequence)
join whistle w on w.whistle_id = c.whistle_id
join command k on (k.whistle_id, k.command_id) = (e.whistle_id, e.command_id)
order by c.id
"""
# No tries: it was asked for once more while this attempt ran, and is due again.
_FINISH = """
with ended as (
    update webhook_attempt set ended_at = clock_timestamp(), status = $3, error = $4
    where delivery_id = $1 and attempt = $2
), settled as (
    update webhook_delivery
    set due_at = clock_timestamp() + $5::interval,
        delivered_at = case when $6 then clock_timestamp() else delivered_at end
    where id = $1 and attempts = $2 and tries > 0
    returning webhook_id
), given_up as (
    update webhook_delivery d set due_at = null from settled
    where $7::text is not null and d.webhook_id = settled.webhook_id and d.id <> $1 and d.due_at is not null
)
update webhook w set disabled_at = now(), disabled_reason = $7
from settled where w.id = settled.webhook_id and $7::text is not null and w.disabled_at is null
"""
# Whoever claimed them is gone: one activity delivers at a time.
_RELEASE = """
with lost as (
    update webhook_attempt set ended_at = clock_timestamp(), error = 'interrupted' where ended_at is null
    returning delivery_id, attempt
)
update webhook_delivery d set due_at = now(), tries = greatest(d.tries - 1, 0)
from lost where lost.delivery_id = d.id and lost.attempt = d.attempts and d.due_at is not null
"""
_PRUNE = """
delete from webhook_delivery where id in (
    select id from webhook_delivery where due_at is null and created_at < now() - $1::interval limit 500
)
"""
_LIST = """
select d.id, d.whistle_id, d.sequence, d.message_id, d.created_at, d.due_at, d.attempts, d.delivered_at, e.type, (
    select jsonb_agg(jsonb_build_object('attempt', a.attempt, 'started_at', a.started_at, 'ended_at', a.ended_at,
        'status', a.status, 'error', a.error) order by a.attempt)
    from webhook_attempt a where a.delivery_id = d.id
) as log
from webhook_delivery d join event e on (e.whistle_id, e.sequence) = (d.whistle_id, d.sequence)
where d.webhook_id = $1 and ($2::bigint is null or d.id < $2) and ($3::bigint is null or d.id = $3)
order by d.id desc limit $4
"""
_REPLAY = """
with again as (
    update webhook_delivery set due_at = now(), tries = 0, delivered_at = null where webhook_id = $1 and id = $2
    returning id
)
select id, pg_notify($3, '') from again
"""


_TOLD = ("whistle_id", "serial", "sequence", "type", "at", "summary", "state", "version")


class DeliveryState(StrEnum):
    """How a delivery stands."""

    PENDING = "PENDING"
    DELIVERED = "DELIVERED"
    GIVEN_UP = "GIVEN_UP"


class Attempt(Frozen):
    """One attempt of the log; without an end it runs, without a status there was no answer and `error` says why."""

    attempt: int
    started_at: datetime
    ended_at: datetime | None = None
    status: int | None = None
    error: str | None = None


class Delivery(Frozen):
    """One event for one subscriber, as the delivery log shows it."""

    id: int
    message_id: str
    whistle_id: str
    sequence: int
    type: str
    state: DeliveryState
    created_at: datetime
    delivered_at: datetime | None = None
    next_attempt_at: datetime | None = None
    attempts: tuple[Attempt, ...] = ()


class Consignment(Frozen):
    """A claimed delivery with all that one attempt needs; `tries` counts this one."""

    id: int
    webhook_id: str
    message_id: str
    url: str = Field(repr=False)
    secrets: tuple[str, ...] = Field(repr=False)
    attempt: int
    tries: int
    message: Message


class Ending(Frozen):
    """How an attempt ended: `retry_in` None ends the delivery, `disable` ends the subscription for that reason."""

    status: int | None = None
    error: str | None = None
    delivered: bool = False
    retry_in: timedelta | None = None
    disable: str | None = None


async def claim(pool: Pool, free: Mapping[str, int], *, each: int, most: int, lease: timedelta) -> list[Consignment]:
    """Take what is due for one attempt each, at most `each` of a subscriber, or as many as `free` says for it."""
    rows = await pool.fetch(_CLAIM, list(free), list(free.values()), each, most, lease)
    return [_consignment(row) for row in rows]


async def finish(pool: Pool, consignment: Consignment, ending: Ending) -> None:
    """Note how an attempt ended; one that is not the last of its delivery is only noted in the log."""
    await pool.execute(
        _FINISH,
        consignment.id,
        consignment.attempt,
        ending.status,
        ending.error,
        ending.retry_in,
        ending.delivered,
        ending.disable,
    )


async def release(pool: Pool) -> None:
    """Make due at once what was claimed by one who is gone; its attempt does not count as a try."""
    await pool.execute(_RELEASE)


async def prune(pool: Pool) -> None:
    """Forget some of the deliveries that ended long ago, with their attempts."""
    await pool.execute(_PRUNE, KEPT)


async def list_deliveries(pool: Pool, webhook_id: str, *, before: int | None = None, limit: int = 50) -> list[Delivery]:
    """List a subscription's deliveries, the newest first, with every attempt."""
    return [_delivery(row) for row in await pool.fetch(_LIST, webhook_id, before, None, limit)]


async def replay(pool: Pool, webhook_id: str, delivery_id: int) -> Delivery | None:
    """Deliver once more, at once, by the same id and from the schedule's start; None without such a delivery."""
    await pool.execute(_REPLAY, webhook_id, delivery_id, CHANNEL)
    row = await pool.fetchrow(_LIST, webhook_id, None, delivery_id, 1)
    return _delivery(row) if row else None


def _message_id(value: UUID) -> str:
    return f"msg_{value.hex}"


def _consignment(row: asyncpg.Record) -> Consignment:
    told = Told(
        **{name: row[name] for name in _TOLD},
        actor=Part(role=row["actor_role"], organisation=row["actor_organisation"]),
        data=row["data"],
        merged=tuple(row["followers"]),
    )
    own = {name: row[name] for name in ("id", "webhook_id", "url", "secrets", "tries")}
    return Consignment(
        **own, attempt=row["attempts"], message_id=_message_id(row["message_id"]), message=Message.of(told)
    )


def _delivery(row: asyncpg.Record) -> Delivery:
    settled = DeliveryState.DELIVERED if row["delivered_at"] else DeliveryState.GIVEN_UP
    own: dict[str, Any] = {
        name: row[name] for name in ("id", "whistle_id", "sequence", "type", "created_at", "delivered_at")
    }
    return Delivery(
        **own,
        message_id=_message_id(row["message_id"]),
        state=DeliveryState.PENDING if row["due_at"] else settled,
        next_attempt_at=row["due_at"],
        attempts=tuple(Attempt(**attempt) for attempt in row["log"] or ()),
    )
