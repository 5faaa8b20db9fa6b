"""What `whistle verify` reads: whistle by whistle along the primary keys, a page at a time, each page of one moment."""

from collections import defaultdict
from collections.abc import AsyncIterator, Sequence
from datetime import datetime
from typing import Any, NamedTuple

import asyncpg
from pydantic import ValidationError

from domain.values import Frozen
from domain.verification import Flaw, FlawKind, PrivatePart, TrailCheck, TrailRow
from domain.whistle import Whistle
from storage.pool import Connection, Pool
from storage.read_model import COLUMNS, clock_rows, read_model, supervision_rows

WHISTLES_A_PAGE = 200
_ROWS_A_PAGE = 1000

_WHISTLES = """
select whistle_id, value::text as value, head from whistle
where whistle_id > $1 and ($3::text[] is null or whistle_id = any($3)) order by whistle_id limit $2
"""
# Each limit keeps its look-up one by key: joined as tables, they would be read from their beginning for every page.
_ROWS = """
with page as materialized (
    select * from event
    where (whistle_id, sequence) > ($1, $2) and ($3::text is null or whistle_id <= $3)
    order by whistle_id, sequence limit $4
)
select e.whistle_id, e.sequence, e.type, e.at, e.actor_subject, e.actor_role, e.actor_organisation, e.command_id,
    e.summary, e.data, e.commitments, e.hash, c.first_sequence, c.last_sequence,
    p.body as fields, p.salt as fields_salt,
    m.told as matter, m.salt as matter_salt, r.told as reporter, r.salt as reporter_salt
from page e
left join lateral (
    select first_sequence, last_sequence, content_hash from command
    where whistle_id = e.whistle_id and command_id = e.command_id limit 1
) c on true
left join lateral (
    select body, salt from command_private
    where e.sequence = c.first_sequence and whistle_id = e.whistle_id and command_id = e.command_id
        and private_ref = c.content_hash limit 1
) p on true
left join lateral (
    select salt, jsonb_build_object('description', description, 'evidence', evidence, 'place', jsonb_strip_nulls(
        jsonb_build_object('address', address, 'lng', lng, 'lat', lat, 'crs', crs))) as told
    from matter where e.sequence = 1 and whistle_id = e.whistle_id limit 1
) m on true
left join lateral (
    select salt, jsonb_build_object('name', name, 'phone', phone, 'confidential', confidential) as told
    from reporter where e.sequence = 1 and whistle_id = e.whistle_id limit 1
) r on true
order by e.whistle_id, e.sequence
"""
_DIFFERENT = f"""
select w.whistle_id, array(
    select key from jsonb_each(to_jsonb(m)) as made (key, held)
    where held is distinct from to_jsonb(w) -> key order by key
) as names
from jsonb_to_recordset($1::jsonb) as m (whistle_id text, {COLUMNS}) join whistle w using (whistle_id)
"""  # noqa: S608 - COLUMNS is a constant
_CLOCKS = """
select whistle_id, phase, responder, organisation, started_at, due_at, struck, next_strike_at
from clock where whistle_id = any($1::text[])
"""
_SUPERVISIONS = """
select whistle_id, number, level, organisation, phase, responder, raised_at, answered_at
from supervision where whistle_id = any($1::text[])
"""
_PARTS = ("fields", "matter", "reporter")


class Verified(Frozen):
    """One whistle as it was found: how far its trail goes, its head, and what is wrong."""

    whistle_id: str
    sequence: int
    head: str
    vouched: int
    withheld: int
    flaws: tuple[Flaw, ...]
    value: Whistle | None = None


class _Standing(NamedTuple):
    value: Whistle | None
    head: str
    check: TrailCheck


async def verify(pool: Pool, whistle_ids: Sequence[str] | None = None) -> AsyncIterator[list[Verified]]:
    """Check every whistle, or these, page by page; memory holds one page, and no page sees half a command."""
    after, full = "", True
    wanted = list(whistle_ids) if whistle_ids is not None else None
    while full:
        async with pool.acquire() as connection, connection.transaction(isolation="repeatable_read", readonly=True):
            rows = await connection.fetch(_WHISTLES, after, WHISTLES_A_PAGE, wanted)
            full = len(rows) == WHISTLES_A_PAGE
            page = {row["whistle_id"]: _standing(row) for row in rows}
            strays = (
                await _follow(connection, page, after, full=full) if wanted is None else await _each(connection, page)
            )
            await _compare_read_model(connection, page)
        yield [*(_verified(standing) for standing in page.values()), *strays]
        after = rows[-1]["whistle_id"] if rows else after


def row_of(row: asyncpg.Record) -> TrailRow:
    """Read a row of the trail, whatever it says."""
    actor = {name: row[f"actor_{name}"] for name in ("subject", "role", "organisation")}
    own = ("whistle_id", "sequence", "type", "at", "command_id", "summary", "data", "commitments")
    return TrailRow.model_construct(**{name: row[name] for name in own}, actor=actor, hash=row["hash"].hex())


def private_parts(row: asyncpg.Record) -> dict[str, PrivatePart]:
    """Give the private parts that came with a row and are still there."""
    salts = {name: row[f"{name}_salt"] for name in _PARTS}
    return {n: PrivatePart(str(salts[n]) if salts[n] else None, row[n]) for n in _PARTS if row[n] is not None}


async def rows_after(connection: Connection, whistle_id: str, sequence: int, until: str | None) -> list[asyncpg.Record]:
    """Read the next rows in the order of their key, at most a page, with their private parts."""
    return await connection.fetch(_ROWS, whistle_id, sequence, until, _ROWS_A_PAGE)


async def _follow(connection: Connection, page: dict[str, _Standing], after: str, *, full: bool) -> list[Verified]:
    until = list(page)[-1] if full else None
    strays: dict[str, Verified] = {}
    # Past the last row of the whistle before; no sequence is that high.
    place = (after, 2**31 - 1)
    while rows := await rows_after(connection, *place, until):
        for row in rows:
            if row["whistle_id"] in page:
                _add(page[row["whistle_id"]].check, row)
            else:
                strays.setdefault(row["whistle_id"], _stray(row))
        place = (rows[-1]["whistle_id"], rows[-1]["sequence"])
    return list(strays.values())


async def _each(connection: Connection, page: dict[str, _Standing]) -> list[Verified]:
    for whistle_id, standing in page.items():
        sequence = 0
        while rows := await rows_after(connection, whistle_id, sequence, whistle_id):
            for row in rows:
                _add(standing.check, row)
            sequence = rows[-1]["sequence"]
    return []


async def _compare_read_model(connection: Connection, page: dict[str, _Standing]) -> None:
    folded = {one: s.check for one, s in page.items() if s.value and s.check.whistle == s.value}
    models = [{"whistle_id": one, **read_model(s.whistle)} for one, s in folded.items() if s.whistle]
    for row in await connection.fetch(_DIFFERENT, models):
        if row["names"]:
            folded[row["whistle_id"]].note(FlawKind.READ_MODEL, None, f"columns {', '.join(row['names'])}")
    for what, query, make in (("clocks", _CLOCKS, clock_rows), ("supervisions", _SUPERVISIONS, supervision_rows)):
        stored = defaultdict(set)
        for row in await connection.fetch(query, list(folded)):
            stored[row["whistle_id"]].add(tuple(row.values())[1:])
        for one, check in folded.items():
            if check.whistle and {_read(made) for made in make(check.whistle)} != stored[one]:
                check.note(FlawKind.READ_MODEL, None, what)


def _standing(row: asyncpg.Record) -> _Standing:
    check = TrailCheck(row["whistle_id"])
    try:
        value = Whistle.model_validate_json(row["value"])
    except ValidationError:
        check.note(FlawKind.UNREADABLE, None, "the stored value is no whistle")
        value = None
    return _Standing(value, row["head"].hex(), check)


def _add(check: TrailCheck, row: asyncpg.Record) -> None:
    check.add(row_of(row), private_parts(row))
    first, last = row["first_sequence"], row["last_sequence"]
    if first is None or not first <= row["sequence"] <= last:
        check.note(FlawKind.COMMAND, row["sequence"], f"{row['command_id']} is stored for {first} to {last}")


def _verified(standing: _Standing) -> Verified:
    check = standing.check
    check.end(standing.value, standing.head)
    return Verified(
        whistle_id=check.whistle_id,
        sequence=check.sequence,
        head=check.head,
        vouched=check.vouched,
        withheld=check.withheld,
        flaws=tuple(check.flaws),
        value=standing.value,
    )


def _stray(row: asyncpg.Record) -> Verified:
    whistle_id, sequence = row["whistle_id"], row["sequence"]
    flaw = Flaw(kind=FlawKind.STRAY, whistle_id=whistle_id, sequence=sequence, detail="there is no such whistle")
    return Verified(
        whistle_id=whistle_id, sequence=sequence, head=row["hash"].hex(), vouched=0, withheld=0, flaws=(flaw,)
    )


def _read(made: dict[str, Any]) -> tuple[Any, ...]:
    return tuple(datetime.fromisoformat(v) if k.endswith("_at") and v else v for k, v in made.items())
