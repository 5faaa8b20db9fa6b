"""Catalogues in the database: organisations, limits and calendar, and the rules they make together."""

import hashlib
from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any, Literal, NamedTuple

from domain.catalogue_files import parse_calendar, parse_contacts, parse_limits, parse_organisations, parse_roster
from domain.duty import ADMINISTRATORS, Contact, Shift
from domain.errors import TemporarilyUnavailableError
from domain.limits import LimitRule, Limits
from domain.organisations import Organisation, Organisations
from domain.rules import Rules
from domain.values import Frozen
from domain.working_time import CalendarDay, WorkCalendar
from storage.pool import Connection, Pool

CatalogueName = Literal["organisations", "limits", "calendar", "contacts", "roster"]

EDITION = """
select version || '/' || imported_at::text from catalogue_import order by version desc limit 1
"""
"""Names the rules in force; the time tells apart databases that one process may speak to."""

_CONTENT = f"""
select ({EDITION}) as edition,
    (select jsonb_agg(jsonb_build_object('code', code, 'name', name, 'type', type, 'parent', parent,
        'initials', initials) order by position) from organisation) as organisations,
    (select jsonb_agg(jsonb_build_object('profile', profile, 'kind', kind, 'urgency', urgency, 'phase', phase,
        'amount', amount::text, 'unit', unit, 'source', source) order by position)
        from limit_rule where profile = $1) as limits,
    (select jsonb_agg(jsonb_build_object('date', date, 'workday', workday)) from calendar_day) as calendar
"""  # noqa: S608 - EDITION is a constant

_LAST_IMPORT = """
select version, sha256, counts, imported_at from catalogue_import where name = $1 order by version desc limit 1
"""
_NOTE_IMPORT = """
insert into catalogue_import (name, sha256, source, counts) values ($1, $2, $3, $4)
returning version, sha256, counts, imported_at
"""
_CLEAR = {
    "organisations": "delete from organisation where cardinality($1::text[]) >= 0",
    "limits": "delete from limit_rule where profile = any($1::text[])",
    "calendar": "delete from calendar_day where extract(year from date)::text = any($1::text[])",
    "contacts": "delete from duty_contact where organisation = any($1::text[])",
    "roster": "delete from duty_shift where organisation = any($1::text[])",
}
_FILL = {
    "organisations": """
        insert into organisation (code, position, name, type, parent, initials)
        select code, position, name, type, parent, initials
        from jsonb_to_recordset($1::jsonb)
            as o (code text, position integer, name text, type text, parent text, initials text)
    """,
    "limits": """
        insert into limit_rule (profile, position, kind, urgency, phase, amount, unit, source)
        select profile, position, kind, urgency, phase, amount, unit, source
        from jsonb_to_recordset($1::jsonb) as l (profile text, position integer, kind text, urgency text,
            phase text, amount numeric, unit text, source text)
    """,
    "calendar": """
        insert into calendar_day (date, workday, note, source)
        select date, workday, note, source
        from jsonb_to_recordset($1::jsonb) as d (date date, workday boolean, note text, source text)
    """,
    "contacts": """
        insert into duty_contact (organisation, person, channel, position, name, address, urgent_only)
        select organisation, person, channel, position, name, address, urgent_only
        from jsonb_to_recordset($1::jsonb) as c (organisation text, person text, channel text, position integer,
            name text, address text, urgent_only boolean)
    """,
    "roster": """
        insert into duty_shift (organisation, position, days, opens, closes, officer, backup, leader)
        select organisation, position, days, opens, closes, officer, backup, leader
        from jsonb_to_recordset($1::jsonb) as s (organisation text, position integer, days text, opens time,
            closes time, officer text[], backup text[], leader text[])
    """,
}
_DAYS = """
select date, workday, note, source from calendar_day
where $1::integer is null or extract(year from date) = $1 order by date
"""
# A source hears of its own whistles, and is in no catalogue.
_UNKNOWN = """
select code from unnest($1::text[]) as named (code)
where code <> $2 and not exists (select from organisation o where o.code = named.code)
    and not exists (select from api_key k where k.organisation = named.code and k.role = 'SOURCE_SYSTEM')
    and not exists (select from whistle_party p where p.organisation = named.code)
"""
_LONGEST_CACHE = 8
# Any number that is ours alone, held while a catalogue is imported.
_IMPORTING = 0x434154414C4F47
_cache: dict[tuple[str, str], Rules] = {}


class ImportReport(Frozen):
    """What an import did; `changed` is False when the same content was the last import already."""

    name: CatalogueName
    version: int
    sha256: str
    counts: dict[str, int]
    imported_at: datetime
    changed: bool


class _Content(NamedTuple):
    """A catalogue as rows, the parts of the table that they replace, and how many rows each part has."""

    rows: list[dict[str, Any]]
    parts: list[str]


async def rules(source: Pool | Connection, profile: str) -> Rules:
    """Load the rules in force, cached in this process by edition; one round trip where nothing changed.

    Raises TemporarilyUnavailableError while no catalogue is in force.
    """
    return await rules_of(source, profile, await source.fetchval(EDITION))


async def rules_of(source: Pool | Connection, profile: str, edition: str | None) -> Rules:
    """Give the rules of an edition that was just read, or of a later one; raises as `rules` does."""
    if edition is None:
        message = "no catalogue is in force; load the shipped ones"
        raise TemporarilyUnavailableError(message)
    return _cache.get((edition, profile)) or await _load(source, profile)


async def calendar_days(pool: Pool, year: int | None = None) -> list[CalendarDay]:
    """List the days set apart, of one year or of all, with where that is written."""
    return [CalendarDay(**row) for row in await pool.fetch(_DAYS, year)]


async def import_catalogue(pool: Pool, name: CatalogueName, text: str, source: str = "import") -> ImportReport:
    """Put a CSV catalogue in force as a whole, or refuse it as a whole.

    `organisations` replaces the directory, `limits` the profiles, `calendar` the years, `contacts` and `roster` the
    organisations that the file holds.
    Raises `domain.catalogue_files.CatalogueInvalidError`.
    """
    content = _PARSE[name](text)
    async with pool.acquire() as connection, connection.transaction():
        if name in _ROSTERS and (unknown := await unknown_organisations(connection, content.parts)):
            _ROSTERS[name](text, unknown)
        return await put(connection, name, content, source)


async def unknown_organisations(connection: Connection, codes: Sequence[str]) -> frozenset[str]:
    """Name those that can never be told anything: neither organisations, nor sources, nor the administrators."""
    return frozenset(row["code"] for row in await connection.fetch(_UNKNOWN, codes, ADMINISTRATORS))


async def seed(pool: Pool, files: dict[CatalogueName, str], calendar: Sequence[CalendarDay]) -> list[CatalogueName]:
    """Put these catalogues in force, each only if none of its name ever was; tell which were. Idempotent."""
    contents = {name: _PARSE[name](text) for name, text in files.items()} | {"calendar": _days(calendar)}
    fresh: list[CatalogueName] = []
    async with pool.acquire() as connection, connection.transaction():
        await _lock(connection)
        for name, content in contents.items():
            if not await connection.fetchrow(_LAST_IMPORT, name):
                await put(connection, name, content, "shipped")
                fresh.append(name)
    return fresh


async def put(connection: Connection, name: CatalogueName, content: _Content, source: str) -> ImportReport:
    """Replace the parts of a table that a catalogue speaks of, inside the caller's transaction."""
    await _lock(connection)
    sha256 = hashlib.sha256(repr(content.rows or content.parts).encode()).hexdigest()
    last = await connection.fetchrow(_LAST_IMPORT, name)
    changed = last is None or last["sha256"] != sha256
    if changed:
        await connection.execute(_CLEAR[name], content.parts)
        await connection.execute(_FILL[name], content.rows)
        last = await connection.fetchrow(_NOTE_IMPORT, name, sha256, source, {"rows": len(content.rows)})
    return ImportReport(name=name, changed=changed, **dict(last or {}))


async def _lock(connection: Connection) -> None:
    # Against other imports only: whoever reads goes on with the edition before.
    await connection.execute("select pg_advisory_xact_lock($1)", _IMPORTING)


async def _load(source: Pool | Connection, profile: str) -> Rules:
    row = await source.fetchrow(_CONTENT, profile)
    if row is None or not (row["edition"] and row["organisations"] and row["limits"]):
        message = f"the catalogues in force have no organisations, or no limits of the profile {profile}"
        raise TemporarilyUnavailableError(message)
    loaded = Rules(
        limits=Limits(profile=profile, rules=tuple(LimitRule(**r) for r in row["limits"])),
        calendar=WorkCalendar.of([CalendarDay(**d) for d in row["calendar"] or ()]),
        organisations=Organisations(items=tuple(Organisation(**o) for o in row["organisations"])),
    )
    if len(_cache) >= _LONGEST_CACHE:
        _cache.clear()
    return _cache.setdefault((row["edition"], profile), loaded)


def _organisations(text: str) -> _Content:
    items = parse_organisations(text).items
    return _Content([{"position": i, **o.model_dump(mode="json")} for i, o in enumerate(items)], [])


def _limits(text: str) -> _Content:
    profiles = parse_limits(text)
    rows = [rule for limits in profiles.values() for rule in limits.rules]
    return _Content([{"position": i, **rule.model_dump(mode="json")} for i, rule in enumerate(rows)], list(profiles))


def _days(days: Sequence[CalendarDay]) -> _Content:
    return _Content([day.model_dump(mode="json") for day in days], sorted({str(day.date.year) for day in days}))


def _calendar(text: str) -> _Content:
    return _days(parse_calendar(text))


def roster_content(rows: Sequence[Contact] | Sequence[Shift], *organisations: str) -> _Content:
    """Make the content of a roster's file: it replaces what these organisations had, and those in its rows."""
    content = [{"position": i, **row.model_dump(mode="json")} for i, row in enumerate(rows)]
    return _Content(content, sorted({*organisations, *(row.organisation for row in rows)}))


_ROSTERS: dict[CatalogueName, Callable[[str, frozenset[str]], object]] = {
    "contacts": parse_contacts,
    "roster": parse_roster,
}
_PARSE: dict[CatalogueName, Callable[[str], _Content]] = {
    "organisations": _organisations,
    "limits": _limits,
    "calendar": _calendar,
    "contacts": lambda text: roster_content(parse_contacts(text)),
    "roster": lambda text: roster_content(parse_roster(text)),
}
