"""Reading whistles: one value, its private matter, and lists."""

from collections.abc import Callable, Iterator
from datetime import datetime
from typing import Annotated, Any

import asyncpg
from pydantic import StringConstraints

from domain.values import Evidence, Frozen, Place, Printable, Reporter
from domain.vocabulary import Chain, SourceChannel, State, SupervisionLevel, Tier, Urgency, WhistleKind
from domain.whistle import Whistle
from storage.cursors import read_cursor, write_cursor
from storage.pool import Pool
from storage.tasks import Task, TaskPage, tasks_of

__all__ = [
    "Matter",
    "Page",
    "Task",
    "TaskPage",
    "WhistleFilter",
    "WhistleRow",
    "list_whistles",
    "matter_of",
    "reporter_of",
    "tasks_of",
    "value_of",
]

_VALUE = "select value::text from whistle where whistle_id = $1"
_MATTER = "select description, address, lng, lat, crs, evidence from matter where whistle_id = $1"
_REPORTER = "select name, phone, confidential from reporter where whistle_id = $1"
_LIST = """
select whistle.whistle_id, serial, title, state, step, kind, urgency, tier, chain, township, grid, caller, lead,
    source_channel, responders, overdue_responders, supervision_level, next_deadline, merged_into, registered_at,
    blown_at, updated_at, closed_at, sequence as version
from whistle
"""
_NEWEST_FIRST = "order by whistle.registered_at desc, whistle.whistle_id desc limit {}"
# From the side of one party, the order is that of its own index.
_OF_PARTY = "join whistle_party party using (whistle_id)"
_NEWEST_OF_PARTY_FIRST = "order by party.whistle_registered_at desc, party.whistle_id desc limit {}"
_CONDITIONS = {
    "state": "state = {}",
    "township": "township = {}",
    "kind": "kind = {}",
    "responder": "responders @> array[{}::text]",
    "party": "party.organisation = {}",
    "q": """whistle.whistle_id in (
        select whistle_id from whistle_title
        where (grams @> title_grams({0}) and position(lower({0}) in lower(title)) > 0)
            or (length({0}) > 3 and number_grams @> number_grams({0}) and position(lower({0}) in lower(numbers)) > 0)
    )""",
}
# As a constant, so that the partial index on it serves every plan.
_OVERDUE = {True: "overdue", False: "not overdue"}
_BEFORE = "(whistle.registered_at, whistle.whistle_id) < ({}, {})"
_BEFORE_OF_PARTY = "(party.whistle_registered_at, party.whistle_id) < ({}, {})"
_MOST = 500
Word = Annotated[str, StringConstraints(max_length=200), Printable]


class WhistleFilter(Frozen):
    """Which whistles a list shows; None does not filter.

    `q` is looked for in titles, and from four characters on in ids and serial numbers too.
    `party` leaves those that an organisation has or had a part in.
    """

    state: State | None = None
    township: Word | None = None
    responder: Word | None = None
    kind: WhistleKind | None = None
    overdue: bool | None = None
    q: Word | None = None
    party: Word | None = None


class WhistleRow(Frozen):
    """A whistle as lists show it."""

    whistle_id: str
    serial: str
    title: str
    state: State
    step: int
    kind: WhistleKind | None = None
    urgency: Urgency | None = None
    tier: Tier | None = None
    chain: Chain
    township: str
    grid: str | None = None
    caller: str | None = None
    lead: str | None = None
    source_channel: SourceChannel
    responders: tuple[str, ...] = ()
    overdue_responders: tuple[str, ...] = ()
    supervision_level: SupervisionLevel
    next_deadline: datetime | None = None
    merged_into: str | None = None
    registered_at: datetime
    blown_at: datetime | None = None
    updated_at: datetime
    closed_at: datetime | None = None
    version: int


class Page(Frozen):
    """A page of whistles, the newest first; `next_cursor` is None on the last one."""

    items: tuple[WhistleRow, ...]
    next_cursor: str | None = None


class Matter(Frozen):
    """What was told at registration: private."""

    description: str
    place: Place
    evidence: tuple[Evidence, ...] = ()


async def value_of(pool: Pool, whistle_id: str) -> Whistle | None:
    """Read one whistle's value; None without such a whistle."""
    value = await pool.fetchval(_VALUE, whistle_id)
    return Whistle.model_validate_json(value) if value else None


async def list_whistles(pool: Pool, whistle_filter: WhistleFilter, cursor: str | None = None, limit: int = 50) -> Page:
    """List at most 500 whistles, the newest registered first. Raises InvalidError for a cursor that is none."""
    limit = max(1, min(limit, _MOST))
    rows = await pool.fetch(*list_query(whistle_filter, cursor, limit))
    items = tuple(WhistleRow(**row) for row in rows[:limit])
    last = items[-1] if len(rows) > limit else None
    return Page(items=items, next_cursor=write_cursor((last.registered_at, last.whistle_id)) if last else None)


def list_query(whistle_filter: WhistleFilter, cursor: str | None, limit: int) -> tuple[str, *tuple[Any, ...]]:
    """Give the statement of a list and its parameters; it asks for one row more than the limit."""
    arguments: list[Any] = []

    def parameter(value: object) -> str:
        arguments.append(value)
        return f"${len(arguments)}"

    of_party = whistle_filter.party is not None
    conditions = list(_conditions(whistle_filter, parameter))
    if cursor:
        before = _BEFORE_OF_PARTY if of_party else _BEFORE
        conditions.append(before.format(*map(parameter, read_cursor(cursor, 2))))
    where = f"where {' and '.join(conditions)} " if conditions else ""
    order = (_NEWEST_OF_PARTY_FIRST if of_party else _NEWEST_FIRST).format(parameter(limit + 1))
    return f"{_LIST}{_OF_PARTY if of_party else ''} {where}{order}", *arguments


def _conditions(whistle_filter: WhistleFilter, parameter: Callable[[object], str]) -> Iterator[str]:
    for name, value in whistle_filter:
        if name == "overdue" and value is not None:
            yield _OVERDUE[value]
        elif value not in (None, "") or (name == "party" and value is not None):
            yield _CONDITIONS[name].format(parameter(value))


async def matter_of(pool: Pool, whistle_id: str) -> Matter | None:
    """Read the private matter of a whistle; the caller decides who may see it."""
    row = await pool.fetchrow(_MATTER, whistle_id)
    return _matter(row) if row else None


async def reporter_of(pool: Pool, whistle_id: str) -> Reporter | None:
    """Read the resident behind a whistle; the caller decides who may see it."""
    row = await pool.fetchrow(_REPORTER, whistle_id)
    return Reporter(**row) if row else None


def _matter(row: asyncpg.Record) -> Matter:
    place = Place(address=row["address"], lng=row["lng"], lat=row["lat"], crs=row["crs"])
    return Matter(description=row["description"], place=place, evidence=tuple(Evidence(**e) for e in row["evidence"]))
