"""What the compliance sweep reads: by index, a page at a time, and never a whistle's content."""

from collections.abc import AsyncIterator
from datetime import datetime, timedelta

from domain.compliance import Fault, FaultKind
from domain.values import Frozen
from domain.vocabulary import State
from storage.pool import Pool

PAGE = 1000
UNDELIVERED_AFTER = timedelta(minutes=10)
"""How long a notice may wait past the time it is due [P]."""

# The predicate of the index whistle_open, word for word.
_OPEN = """
select whistle_id, sequence as version, state, updated_at, started_at from whistle
where state <> all ('{CLOSED,MERGED,REJECTED,CANCELLED}'::text[]) and whistle_id > $1
order by whistle_id limit $2
"""
_OF = """
select whistle_id, sequence as version, state, updated_at, started_at from whistle where whistle_id = any($1::text[])
"""
_UNSTRUCK = """
select c.whistle_id, c.phase, c.responder, c.next_strike_at from clock c join whistle w using (whistle_id)
where c.next_strike_at < $1 and (c.next_strike_at, c.whistle_id, c.phase, c.responder) > ($2, $3, $4, $5)
    and w.updated_at < $1 and w.started_at < $1
order by c.next_strike_at, c.whistle_id, c.phase, c.responder limit $6
"""
_UNSTARTED = """
select whistle_id, registered_at from whistle
where started_at is null and registered_at < $1 and (registered_at, whistle_id) > ($2, $3)
order by registered_at, whistle_id limit $4
"""
_UNDELIVERED = """
select whistle_id, count(*) as notices, min(due_at) as since from (
    select whistle_id, due_at from outbox where delivered_at is null and due_at < $1
    union all
    select whistle_id, due_at from notice_delivery where due_at is not null and due_at < $1
) as waiting
group by whistle_id order by since limit $2
"""
_MOST_UNDELIVERED = 1000
_FIRST_TIME = datetime.fromisoformat("0001-01-01T00:00:00+00:00")


class Standing(Frozen):
    """Where a whistle stands in the store."""

    whistle_id: str
    version: int
    state: State
    updated_at: datetime
    started_at: datetime | None


async def open_whistles(pool: Pool, page: int = PAGE) -> AsyncIterator[list[Standing]]:
    """Walk through every open whistle, page by page in the order of their ids."""
    after = ""
    while rows := await pool.fetch(_OPEN, after, page):
        yield [Standing.model_construct(**row) for row in rows]
        after = rows[-1]["whistle_id"]


async def standings(pool: Pool, whistle_ids: list[str]) -> dict[str, Standing]:
    """Read where these whistles stand, whatever their state."""
    return {row["whistle_id"]: Standing(**row) for row in await pool.fetch(_OF, whistle_ids)}


async def unstruck(pool: Pool, before: datetime, page: int = PAGE) -> AsyncIterator[list[Fault]]:
    """Walk through the clocks due before then that have not struck, of whistles that stood still since."""
    after: tuple[datetime, str, str, str] = (_FIRST_TIME, "", "", "")
    while rows := await pool.fetch(_UNSTRUCK, before, *after, page):
        yield [
            Fault(
                kind=FaultKind.UNSTRUCK,
                subject=row["whistle_id"],
                detail=f"{row['phase']} {row['responder']} {row['next_strike_at']:%Y-%m-%dT%H:%M:%SZ}",
            )
            for row in rows
        ]
        last = rows[-1]
        after = (last["next_strike_at"], last["whistle_id"], last["phase"], last["responder"])


async def never_started(pool: Pool, before: datetime, page: int = PAGE) -> AsyncIterator[list[Fault]]:
    """Walk through what was registered before then and has no acknowledged workflow."""
    after: tuple[datetime, str] = (_FIRST_TIME, "")
    while rows := await pool.fetch(_UNSTARTED, before, *after, page):
        yield [
            Fault(
                kind=FaultKind.UNSTARTED, subject=row["whistle_id"], detail=f"{row['registered_at']:%Y-%m-%dT%H:%M:%SZ}"
            )
            for row in rows
        ]
        after = (rows[-1]["registered_at"], rows[-1]["whistle_id"])


async def undelivered(pool: Pool, before: datetime) -> list[Fault]:
    """List the whistles with notices that were due before then, the longest waiting first; at most 1,000."""
    return [
        Fault(
            kind=FaultKind.UNDELIVERED,
            subject=row["whistle_id"],
            detail=f"{row['notices']} notices, since {row['since']:%Y-%m-%dT%H:%M:%SZ}",
        )
        for row in await pool.fetch(_UNDELIVERED, before, _MOST_UNDELIVERED)
    ]
