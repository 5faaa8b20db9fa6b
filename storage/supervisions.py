"""Supervisions and their documents: the list of those that are open, and every document by its number."""

from datetime import datetime
from typing import NamedTuple

import asyncpg

from domain.errors import InvalidError
from domain.events import SupervisionRaised
from domain.figures.periods import Period
from domain.records import event_of
from domain.supervision_documents import (
    DocumentNumber,
    Names,
    Occasion,
    SupervisionDocument,
    document_number,
    document_of,
)
from domain.values import Frozen
from domain.vocabulary import Phase, State, SupervisionLevel
from domain.working_time import BEIJING
from storage.cursors import read_cursor, write_cursor
from storage.pool import Connection, Pool

# Any number that is ours alone: whoever numbers documents holds it.
_NUMBERING = 0x5355504552564953
_NUMBER = """
with next as (
    select d.whistle_id, d.sequence, coalesce(
        (select max(number) from supervision_document g where (g.level, g.year) = (d.level, d.year)), 0
    ) + row_number() over (partition by d.level, d.year order by e.at, d.whistle_id, d.sequence) as number
    from supervision_document d join event e using (whistle_id, sequence)
    where d.number is null
)
update supervision_document d set number = next.number from next
where (d.whistle_id, d.sequence) = (next.whistle_id, next.sequence)
"""
_OPEN = """
select s.whistle_id, w.serial, w.title, w.township, w.state, s.level, s.organisation, s.phase, s.responder,
    s.raised_at, s.answered_at, s.number as part, d.year, d.number
from supervision s
join whistle w using (whistle_id)
left join lateral (
    select d.year, d.number from supervision_document d join event e using (whistle_id, sequence)
    where d.whistle_id = s.whistle_id and d.level = s.level and (e.data ->> 'number')::integer = s.number
    order by d.sequence desc limit 1
) as d on true
where ($1::text is null or s.organisation = $1) and ($2::text is null or s.level = $2)
    and (not $3 or s.answered_at is null) and (s.raised_at, s.whistle_id, s.number) > ($4, $5, $6::integer)
    and ($8::text is null or exists (
        select from whistle_party p where p.whistle_id = s.whistle_id and p.organisation = $8))
order by s.raised_at, s.whistle_id, s.number limit $7
"""
_OCCASION = """
select d.whistle_id, d.sequence, e.type, e.data, e.at, e.actor_subject, e.actor_organisation,
    w.title as whistle_title, w.serial, w.township
from supervision_document d join event e using (whistle_id, sequence) join whistle w using (whistle_id)
where (d.level, d.year, d.number) = ($1, $2, $3) and ($4::text is null or exists (
    select from whistle_party p where p.whistle_id = d.whistle_id and p.organisation = $4))
"""
_EARLIER = """
select d.level, d.year, d.number from supervision_document d join event e using (whistle_id, sequence)
where d.whistle_id = $1 and d.sequence < $2 and d.number is not null and e.data ->> 'organisation' = $3
order by d.sequence
"""
_CIRCULATED = """
select d.whistle_id, d.level, d.year, d.number from supervision_document d join event e using (whistle_id, sequence)
where d.level = 'CIRCULATE' and d.year = $1 and e.data ->> 'organisation' = $2 and e.at >= $3 and e.at < $4
order by e.at, d.whistle_id, d.sequence
"""
_FIRST = (datetime.fromisoformat("0001-01-01T00:00:00+00:00"), "", -1)
_MOST = 500


class Circulated(NamedTuple):
    """One 通报批评: the whistle it was given on, and its number."""

    whistle_id: str
    document: str


class SupervisionFilter(Frozen):
    """Which open supervisions a list shows; `party` leaves those of whistles that an organisation has a part in."""

    organisation: str | None = None
    level: SupervisionLevel | None = None
    unanswered: bool = False
    party: str | None = None


class OpenSupervision(Frozen):
    """A supervision whose cause has not ended; `document` is its number, None for a reminder."""

    whistle_id: str
    serial: str
    title: str
    township: str
    state: State
    level: SupervisionLevel
    organisation: str
    phase: Phase | None = None
    responder: str | None = None
    raised_at: datetime
    answered_at: datetime | None = None
    document: str | None = None


class SupervisionPage(Frozen):
    """A page of open supervisions, the oldest first; `next_cursor` is None on the last one."""

    items: tuple[OpenSupervision, ...]
    next_cursor: str | None = None


async def number_documents(pool: Pool) -> None:
    """Give every document of supervision its number, without gaps by level and year; idempotent."""
    async with pool.acquire() as connection, connection.transaction():
        await _number(connection)


async def circulations(connection: Connection, organisation: str, period: Period) -> list[Circulated]:
    """List the 通报批评 that an organisation was given in a period of one year, in order, each with its number."""
    await _number(connection)
    year = period.start.astimezone(BEIJING).year
    rows = await connection.fetch(_CIRCULATED, year, organisation, period.start, period.end)
    return [Circulated(row["whistle_id"], _written(row)) for row in rows]


async def open_supervisions(
    pool: Pool, which: SupervisionFilter, cursor: str | None = None, limit: int = 50
) -> SupervisionPage:
    """List at most 500 open supervisions, each with its document. Raises InvalidError for a cursor that is none."""
    await number_documents(pool)
    limit = max(1, min(limit, _MOST))
    after = _after(cursor) if cursor else _FIRST
    chosen = (which.organisation, which.level, which.unanswered)
    rows = await pool.fetch(_OPEN, *chosen, *after, limit + 1, which.party)
    last = rows[limit - 1] if len(rows) > limit else None
    following = write_cursor((last["raised_at"], last["whistle_id"], str(last["part"]))) if last else None
    return SupervisionPage(items=tuple(_supervision(row) for row in rows[:limit]), next_cursor=following)


async def document_numbered(
    pool: Pool, asked: DocumentNumber, name: Names, party: str | None = None
) -> SupervisionDocument | None:
    """Read one document by its number; None if it was never given, or is of a whistle that `party` has no part in."""
    row = await pool.fetchrow(_OCCASION, *asked, party)
    if row is None:
        return None
    raised = event_of(row["type"], row["data"])
    if not isinstance(raised, SupervisionRaised):
        return None
    told = {key: value for key, value in row.items() if key not in {"type", "data", "whistle_id", "sequence"}}
    earlier = await pool.fetch(_EARLIER, row["whistle_id"], row["sequence"], raised.organisation)
    occasion = Occasion(raised=raised, earlier=tuple(map(_written, earlier)), **told)
    return document_of(occasion, document_number(*asked), name)


async def _number(connection: Connection) -> None:
    await connection.execute("select pg_advisory_xact_lock($1)", _NUMBERING)
    await connection.execute(_NUMBER)


def _written(row: asyncpg.Record) -> str:
    return document_number(SupervisionLevel(row["level"]), row["year"], row["number"])


def _after(cursor: str) -> tuple[datetime, str, int]:
    raised_at, *(whistle_id, part) = read_cursor(cursor, 3)
    if not (part.isascii() and part.isdecimal()):
        raise InvalidError.of("cursor", "it is not a cursor of this list")
    return raised_at, whistle_id, int(part)


def _supervision(row: asyncpg.Record) -> OpenSupervision:
    told = {key: value for key, value in row.items() if key not in {"year", "number", "part"}}
    return OpenSupervision(**told, document=_written(row) if row["number"] else None)
