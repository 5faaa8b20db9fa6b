"""The daily digest in the store: what each organisation has before it, sent through the outbox once a day."""

from collections.abc import Callable, Sequence
from datetime import date, datetime

import asyncpg

from domain.digest import DIGESTED, LISTED, Digest, DigestItem, DigestSection, digest_text
from domain.notice_templates import DIGEST
from domain.vocabulary import Phase
from storage.pool import Connection, Pool

_ERRANDS = """
select c.whistle_id, w.serial, w.title, c.phase, nullif(c.responder, '') as responder, c.due_at,
    count(*) over () as count
from clock c join whistle w using (whistle_id)
where c.organisation = $1 and c.phase = any($2::text[]) and c.due_at >= $3 and c.due_at < $4
order by c.due_at, c.whistle_id, c.phase, c.responder limit $5
"""
_DORMANT = """
select w.whistle_id, w.serial, w.title, w.updated_at as due_at, count(*) over () as count
from compliance_finding f join whistle w on w.whistle_id = f.subject
where f.kind = 'DORMANT' and f.resolved_at is null and w.township = $1
order by w.updated_at, w.whistle_id limit $2
"""
# The predicate of the index whistle_open_of_township, word for word.
_SOURCE_DUE = """
select whistle_id, serial, title, due_at, count(*) over () as count from (
    select whistle_id, serial, title,
        (value ->> 'source_due_at')::timestamptz + coalesce((value ->> 'source_put_off')::interval, '0') as due_at
    from whistle
    where state <> all ('{CLOSED,MERGED,REJECTED,CANCELLED}'::text[]) and township = $1 and state <> 'SUSPENDED'
        and value ->> 'source_due_at' is not null and not coalesce((value ->> 'feedback_given')::boolean, false)
) as owed
where due_at < $2 order by due_at, whistle_id limit $3
"""
_SENT = "select exists (select from daily_digest where day = $1 and organisation = $2)"
# It hangs on its most pressing whistle: every notice hangs on one. That whistle's own trail shows the counts alone.
_SEND = """
with told as (
    insert into outbox (whistle_id, sequence, kind, audience, urgent, text, template, fields)
    select whistle_id, sequence, 'DailyDigest', $2, false, split_part($4::text, E'\\n', 1), $5,
        jsonb_build_object('text', $4::text, 'organisation', $6::text)
    from whistle where whistle_id = $3
    returning id
)
insert into daily_digest (day, organisation, due_today, overdue, awaiting_evaluation, dormant, source_due, outbox_id)
select $1, $2, $7, $8, $9, $10, $11, id from told
"""
_EVER = datetime.fromisoformat("0001-01-01T00:00:00+00:00"), datetime.fromisoformat("9999-12-31T00:00:00+00:00")


async def digest_of(
    pool: Pool, organisation: str, now: datetime, midnight: datetime, answered_before: datetime
) -> Digest:
    """Gather what is overdue now, due before midnight, awaiting evaluation and dormant with one organisation.

    For a township, also what its source wants answered by a time.
    """
    begin, end = _EVER
    phases = [phase.value for phase in DIGESTED]
    async with pool.acquire() as connection:
        return Digest(
            organisation=organisation,
            overdue=await _errands(connection, organisation, phases, begin, now),
            due_today=await _errands(connection, organisation, phases, now, midnight),
            awaiting_evaluation=await _errands(connection, organisation, [Phase.EVALUATE.value], begin, end),
            source_due=_section(await connection.fetch(_SOURCE_DUE, organisation, answered_before, LISTED)),
            dormant=_section(await connection.fetch(_DORMANT, organisation, LISTED)),
        )


async def send_digest(pool: Pool, digest: Digest, day: date, name: Callable[[str], str]) -> bool:
    """Put a digest into the outbox unless its organisation had one that day; tells whether it did."""
    if digest.first is None or await pool.fetchval(_SENT, day, digest.organisation):
        return False
    try:
        await pool.execute(
            _SEND,
            day,
            digest.organisation,
            digest.first.whistle_id,
            digest_text(digest, day, name),
            DIGEST,
            name(digest.organisation),
            digest.due_today.count,
            digest.overdue.count,
            digest.awaiting_evaluation.count,
            digest.dormant.count,
            digest.source_due.count,
        )
    except asyncpg.UniqueViolationError:
        return False
    return True


async def _errands(
    connection: Connection, organisation: str, phases: list[str], begin: datetime, end: datetime
) -> DigestSection:
    return _section(await connection.fetch(_ERRANDS, organisation, phases, begin, end, LISTED))


def _section(rows: Sequence[asyncpg.Record]) -> DigestSection:
    items = tuple(DigestItem(**{key: value for key, value in row.items() if key != "count"}) for row in rows)
    return DigestSection(count=rows[0]["count"] if rows else 0, items=items)
