"""Deliveries of notices: claimed for one attempt, settled together, made at least once, each doubt on record."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

import asyncpg

from domain.duty import DutyLevel
from domain.notice_causes import Cause
from domain.values import Frozen
from domain.vocabulary import State, Urgency, WhistleKind
from domain.whistle import Whistle
from storage.pool import Pool

# now(), not clock_timestamp(): only what is stable can be looked up in the index. Who has waited longest comes first,
# and brings along what else of the oldest waits for the same address.
_CLAIM = """
with due as (
    select d.id
    from unnest($1::text[], $2::boolean[], $3::integer[], $4::integer[]) as lane (channel, urgent, places, each)
    cross join lateral (
        select id, dense_rank() over (order by since, message) as nth,
            row_number() over (partition by message order by due_at, id) as nth_of_message
        from (
            select id, due_at, message, min(due_at) over (partition by message) as since
            from (
                select id, due_at, case when lane.each > 1 then recipient else id::text end as message
                from notice_delivery
                where channel = lane.channel and urgent = lane.urgent and due_at <= now()
                    and channel || ' ' || recipient <> all($5::text[])
                order by due_at, id limit lane.places * lane.each for update skip locked
            ) as oldest
        ) as gathered
    ) as d
    where d.nth <= lane.places and d.nth_of_message <= lane.each
), claimed as (
    update notice_delivery d
    set due_at = clock_timestamp() + $6::interval, claimed_at = clock_timestamp(), attempts = d.attempts + 1
    from due where d.id = due.id
    returning d.id, d.outbox_id, d.recipient, d.level, d.channel, d.urgent, d.attempts, d.in_doubt, d.created_at,
        coalesce(d.tried_anew_at, d.created_at) as tried_since
)
select c.id, c.recipient, c.level, c.channel, c.urgent, c.attempts, c.in_doubt, c.created_at, c.tried_since,
    o.whistle_id, o.sequence, o.kind, o.audience, o.text, o.template, o.levels, o.cause, o.fields,
    o.created_at as noticed_at, w.serial, w.title, w.kind as whistle_kind, w.urgency, w.state, w.township, w.lead,
    case when o.cause is not null and w.sequence > o.sequence then w.value::text end as value,
    coalesce(w.value ->> 'assembly_place', case when not coalesce(r.confidential, false) then m.address end) as place
from claimed c
join outbox o on o.id = c.outbox_id
join whistle w on w.whistle_id = o.whistle_id
left join matter m on m.whistle_id = o.whistle_id
left join reporter r on r.whistle_id = o.whistle_id
order by c.urgent desc, c.id
"""
_SETTLE = """
with ended as (
    select * from jsonb_to_recordset($1::jsonb) as e (id bigint, attempt integer, state text, error text,
        doubtful boolean, in_doubt boolean, retry_in_s double precision, tried boolean)
), failed as (
    insert into notice_failure (delivery_id, attempt, channel, error, doubtful)
    select e.id, e.attempt, d.channel, e.error, e.doubtful
    from ended e join notice_delivery d on d.id = e.id
    where e.tried and e.error is not null and e.state <> 'DROPPED'
    on conflict do nothing
)
update notice_delivery d
set state = e.state, claimed_at = null, in_doubt = d.in_doubt or e.in_doubt, last_error = e.error,
    attempts = case when e.tried then d.attempts else d.attempts - 1 end,
    due_at = case when e.state = 'PENDING' then clock_timestamp() + e.retry_in_s * interval '1 second' end,
    settled_at = case when e.state <> 'PENDING' then clock_timestamp() end
from ended e where d.id = e.id and d.attempts = e.attempt and d.state = 'PENDING'
"""
# Whoever claimed them is gone: one activity delivers at a time.
_RELEASE = """
with lost as (
    select id, attempts, channel from notice_delivery where claimed_at is not null for update
), noted as (
    insert into notice_failure (delivery_id, attempt, channel, error, doubtful)
    select id, attempts, channel, 'interrupted', true from lost on conflict do nothing
)
update notice_delivery d
set due_at = now(), claimed_at = null, last_error = 'interrupted', in_doubt = d.in_doubt or d.channel <> all($1::text[])
from lost where lost.id = d.id
returning d.id
"""
_HASTEN = """
update notice_delivery set due_at = now()
where channel = $1 and ($2::text is null or recipient = $2) and due_at > now() and claimed_at is null
"""
_WAIT_FOR_MORNING = """
update notice_delivery d set due_at = quiet.until
from unnest($1::text[], $2::timestamptz[]) as quiet (channel, until)
where d.channel = quiet.channel and not d.urgent and d.due_at <= now() and d.claimed_at is null
"""
NOT_CONFIGURED = "channel-not-configured"
_GIVE_UP_UNKNOWN = """
update notice_delivery set state = 'FAILED', due_at = null, settled_at = now(), last_error = $3
where due_at is not null and channel <> all($1::text[]) and coalesce(tried_anew_at, created_at) < now() - $2::interval
returning id, channel, recipient
"""
_TRY_ANEW = """
update notice_delivery set state = 'PENDING', due_at = now(), settled_at = null, tried_anew_at = now()
where state = 'FAILED' and created_at > now() - $1::interval and ($2::text is null or whistle_id = $2)
    and ($3::text is null or channel = $3)
returning whistle_id, recipient, channel
"""


class DeliveryState(StrEnum):
    """How a delivery stands."""

    PENDING = "PENDING"
    DELIVERED = "DELIVERED"
    DROPPED = "DROPPED"
    FAILED = "FAILED"


class Places(Frozen):
    """How many messages of a channel may be claimed, with how many deliveries in each."""

    channel: str
    urgent: bool
    places: int
    each: int = 1


class Parcel(Frozen):
    """A claimed delivery with all that one attempt needs; `whistle` stands there where it moved on since."""

    id: int
    recipient: str
    level: DutyLevel
    channel: str
    urgent: bool
    attempts: int
    in_doubt: bool
    created_at: datetime
    tried_since: datetime
    whistle_id: str
    sequence: int
    kind: str
    audience: str
    text: str
    template: str
    levels: tuple[DutyLevel, ...]
    cause: Cause | None
    fields: dict[str, str]
    noticed_at: datetime
    serial: str
    title: str
    whistle_kind: WhistleKind | None
    urgency: Urgency | None
    state: State
    township: str
    lead: str | None
    place: str | None
    whistle: Whistle | None

    @property
    def lane_and_recipient(self) -> str:
        """What claims may leave out."""
        return f"{self.channel} {self.recipient}"

    @property
    def has_climbed(self) -> bool:
        """Whether those told before did not answer."""
        return self.level not in self.levels


class Ending(Frozen):
    """How an attempt ended; `tried` is False where it was put off before anything was sent."""

    id: int
    attempt: int
    state: DeliveryState
    error: str | None = None
    doubtful: bool = False
    in_doubt: bool = False
    retry_in_s: float | None = None
    tried: bool = True


async def claim(pool: Pool, places: list[Places], resting: list[str], lease: timedelta) -> list[Parcel]:
    """Take what is due for one attempt each, emergencies first; nothing for a `channel recipient` that rests."""
    lanes = zip(*((p.channel, p.urgent, p.places, p.each) for p in places), strict=True)
    return [_parcel(row) for row in await pool.fetch(_CLAIM, *lanes, resting, lease)]


async def settle(pool: Pool, endings: list[Ending]) -> None:
    """Note how attempts ended; one that is no longer the last of its delivery changes nothing but the log."""
    await pool.execute(_SETTLE, [ending.model_dump(mode="json") for ending in endings])


async def release(pool: Pool, keyed: list[str]) -> int:
    """Make due at once what was claimed by one who is gone, in doubt but for channels with a key; tell how many."""
    return len(await pool.fetch(_RELEASE, keyed))


async def hasten(pool: Pool, channel: str, recipient: str | None) -> None:
    """Make due at once what waits for its next attempt, of one recipient or of all: the channel works again."""
    await pool.execute(_HASTEN, channel, recipient)


async def wait_for_morning(pool: Pool, until: Mapping[str, datetime]) -> None:
    """Make what is ordinary and due in these channels due at the end of their quiet hours, so that it shows."""
    await pool.execute(_WAIT_FOR_MORNING, list(until), list(until.values()))


async def give_up_unknown(pool: Pool, known: list[str], older_than: timedelta) -> list[dict[str, Any]]:
    """Fail what has waited that long for a channel that nobody configured; tell what."""
    return [dict(row) for row in await pool.fetch(_GIVE_UP_UNKNOWN, known, older_than, NOT_CONFIGURED)]


class TriedAnew(Frozen):
    """A delivery that was taken up again."""

    whistle_id: str
    recipient: str
    channel: str


async def try_anew(
    pool: Pool, younger_than: timedelta, *, whistle_id: str | None = None, channel: str | None = None
) -> list[TriedAnew]:
    """Take up what failed for good, of one whistle or channel or of all; what says nothing any more is dropped then."""
    return [TriedAnew(**row) for row in await pool.fetch(_TRY_ANEW, younger_than, whistle_id, channel)]


def _parcel(row: asyncpg.Record) -> Parcel:
    own = dict(row)
    value = own.pop("value")
    return Parcel(**own, whistle=Whistle.model_validate_json(value) if value else None)
