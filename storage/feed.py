"""The feed: the events of all whistles in one order, followed without losing one.

An event's position is given before its transaction commits, so a higher one may be seen before a lower one. A reader
goes no further than a horizon: the highest position seen at some moment, once every transaction that was open at that
moment has ended. Whatever stands below it is then visible for good. A transaction takes its number (xid) with its row
lock, hence before its positions; `Horizon.xid` is taken after the highest position was read.
"""

from datetime import datetime
from typing import Any

from domain.values import Actor, Frozen
from storage.commits import actor_of
from storage.pool import Pool

CHANNEL = "whistle_event"
"""Notified when events commit; the payload is empty."""

_HIGHEST = "select coalesce(max(position), 0) from event"
_HORIZON = "select coalesce(max(position), 0) as position, pg_current_xact_id()::text as xid from event"
_SETTLED = "select pg_snapshot_xmin(pg_current_snapshot()) >= $1::text::xid8"
_BETWEEN = """
select e.position, e.whistle_id, e.sequence, e.type, e.at, e.actor_subject, e.actor_role, e.actor_organisation,
    e.summary, e.data, array(select organisation from whistle_party p where p.whistle_id = e.whistle_id) as parties
from event e
where e.position > $1 and e.position <= $2 and ($3::text is null or exists (
    select from whistle_party p where p.whistle_id = e.whistle_id and p.organisation = $3))
order by e.position
"""
_PAGE_END = """
select max(position) from (
    select position from event where position > $1 and position <= $2 order by position limit $3
) as page
"""


class Horizon(Frozen):
    """A position, and the transaction number below which all must have ended before it may be trusted."""

    position: int
    xid: str


class FeedEvent(Frozen):
    """One event of the feed, without private fields; `parties` are the organisations that may see it."""

    position: int
    whistle_id: str
    sequence: int
    type: str
    at: datetime
    actor: Actor
    summary: str
    data: dict[str, Any]
    parties: frozenset[str]


async def highest_position(pool: Pool) -> int:
    """Read the highest position that is visible now; lower ones may still come."""
    return int(await pool.fetchval(_HIGHEST))


async def horizon(pool: Pool) -> Horizon:
    """Take the horizon of this moment; it costs a transaction number, so take it when there is something new."""
    row = await pool.fetchrow(_HORIZON)
    return Horizon.model_validate(dict(row or {}))


async def is_settled(pool: Pool, found: Horizon) -> bool:
    """Tell whether everything below a horizon is visible by now."""
    return bool(await pool.fetchval(_SETTLED, found.xid))


async def page_end(pool: Pool, after: int, until: int, limit: int) -> int:
    """Give the position that ends the next `limit` events after one; `until` where there are none."""
    return int(await pool.fetchval(_PAGE_END, after, until, limit) or until)


async def between(pool: Pool, after: int, until: int, organisation: str | None) -> list[FeedEvent]:
    """Read the events after one settled position up to another that an organisation may see; None may see all."""
    rows = await pool.fetch(_BETWEEN, after, until, organisation)
    own = ("position", "whistle_id", "sequence", "type", "at", "summary", "data")
    return [
        FeedEvent(**{name: row[name] for name in own}, actor=actor_of(row), parties=frozenset(row["parties"]))
        for row in rows
    ]
