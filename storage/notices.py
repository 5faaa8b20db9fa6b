"""Giving notices to their recipients: one delivery for each, and the climb of the unanswered up the roster."""

from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from domain.duty import ADMINISTRATORS, DutyLevel, Recipient
from domain.notice_causes import Cause
from domain.values import Frozen
from domain.vocabulary import Urgency, WhistleKind
from domain.whistle import Whistle
from storage.pool import Pool

if TYPE_CHECKING:
    from storage.outbox import OutboxItem

ALERTS_AGAIN_AFTER = timedelta(hours=1)

_ADDRESS = """
with told as (
    select *, clock_timestamp() as at from jsonb_to_recordset($1::jsonb) as t (outbox_id bigint, whistle_id text,
        recipient text, level text, channel text, urgent boolean, is_written boolean)
), made as (
    insert into notice_delivery (outbox_id, whistle_id, recipient, level, channel, urgent, state, created_at, due_at,
        settled_at, attempts)
    select t.outbox_id, t.whistle_id, t.recipient, t.level, t.channel, t.urgent,
        case when t.is_written then 'DELIVERED' else 'PENDING' end, t.at,
        case when not t.is_written then t.at end, case when t.is_written then t.at end, t.is_written::integer
    from told t
    on conflict (outbox_id, recipient, channel) do nothing
)
update outbox o
set delivered_at = coalesce(o.delivered_at, clock_timestamp()), climbs_at = h.climbs_at,
    climbed_to = coalesce(h.climbed_to, o.climbed_to)
from unnest($2::bigint[], $3::timestamptz[], $4::text[]) as h (id, climbs_at, climbed_to) where o.id = h.id
"""
_CLIMBING = """
select o.id, o.whistle_id, o.sequence, o.audience, o.kind, o.urgent, o.cause, o.levels, o.climbed_to,
    w.value::text as value, w.kind as whistle_kind, w.urgency
from outbox o join whistle w on w.whistle_id = o.whistle_id
where o.climbs_at <= now()
order by o.urgent desc, o.climbs_at limit $1
"""
_ALERT = """
insert into outbox (whistle_id, sequence, kind, audience, urgent, text, template, fields)
select o.whistle_id, o.sequence, $3, $2, true, $4, $5, $6::jsonb
from notice_delivery d join outbox o on o.id = d.outbox_id
where d.id = $1 and not exists (
    select from outbox a
    where a.audience = $2 and a.kind = $3 and a.created_at > now() - $7::interval
        and (a.fields ->> 'channel', a.fields ->> 'recipient')
            is not distinct from ($6::jsonb ->> 'channel', $6::jsonb ->> 'recipient')
)
returning id
"""


class Told(Frozen):
    """A notice for one recipient by one channel; `is_written`: it is delivered already, as a line in the log."""

    outbox_id: int
    whistle_id: str
    recipient: str
    level: DutyLevel
    channel: str
    urgent: bool
    is_written: bool = False

    @classmethod
    def of(cls, item: "OutboxItem | Climbing", recipient: Recipient, channel: str, *, is_written: bool) -> "Told":
        """Tell a recipient of a notice."""
        own = {"whistle_id": item.whistle_id, "urgent": item.urgent, "level": recipient.level}
        how = {"recipient": str(recipient), "channel": channel, "is_written": is_written}
        return cls.model_validate({"outbox_id": item.id, **own, **how})


class Addressed(Frozen):
    """A notice that was given to its recipients; `climbs_at` says when it goes on, unanswered."""

    id: int
    climbs_at: datetime | None = None
    climbed_to: DutyLevel | None = None


class Climbing(Frozen):
    """A notice whose time to climb has come, with the whistle as it stands."""

    id: int
    whistle_id: str
    sequence: int
    audience: str
    kind: str
    urgent: bool
    cause: Cause | None
    levels: tuple[DutyLevel, ...]
    climbed_to: DutyLevel | None
    whistle: Whistle
    whistle_kind: WhistleKind | None
    urgency: Urgency | None

    @property
    def level(self) -> DutyLevel:
        """The level that was told last."""
        return self.climbed_to or self.levels[0]


async def address(pool: Pool, told: list[Told], addressed: list[Addressed]) -> None:
    """Make the deliveries and note what becomes of their notices, in one statement; none is made twice."""
    # Arrays, whose length PostgreSQL sees: of JSON it expects a hundred rows, and would read the whole outbox for them.
    ids, climbs_at, climbed_to = zip(*((one.id, one.climbs_at, one.climbed_to) for one in addressed), strict=True)
    await pool.execute(_ADDRESS, [one.model_dump(mode="json") for one in told], ids, climbs_at, climbed_to)


async def climbing(pool: Pool, limit: int) -> list[Climbing]:
    """List the notices that are due to climb, emergencies first."""
    return [_climbing(dict(row)) for row in await pool.fetch(_CLIMBING, limit)]


async def alert(pool: Pool, delivery_id: int, template: str, text: str, fields: dict[str, str]) -> bool:
    """Tell the administrators, at most once an hour of the same channel and recipient; tell whether they are told."""
    kind = "".join(word.capitalize() for word in template.split("_"))
    made = await pool.fetchval(_ALERT, delivery_id, ADMINISTRATORS, kind, text, template, fields, ALERTS_AGAIN_AFTER)
    return made is not None


def _climbing(row: dict[str, Any]) -> Climbing:
    return Climbing(whistle=Whistle.model_validate_json(row.pop("value")), **row)
