"""Reading the heads of trails as of a position in the feed, in the order of registration, a page at a time."""

from collections.abc import AsyncIterator, Sequence

from domain.heads import Head
from storage.pool import Pool

PAGE = 1000
_HEADS = """
select first.position, first.whistle_id, last.sequence, last.hash
from event first cross join lateral (
    select sequence, hash from event e where e.whistle_id = first.whistle_id and e.position <= $2
    order by sequence desc limit 1
) last
where first.sequence = 1 and first.position > $1 and first.position <= $2 order by first.position limit $3
"""
_BROKEN = """
select k.whistle_id, k.sequence, k.hash, e.hash as found
from unnest($1::text[], $2::integer[], $3::text[]) as k (whistle_id, sequence, hash)
left join event e on e.whistle_id = k.whistle_id and e.sequence = k.sequence
where e.hash is distinct from decode(k.hash, 'hex')
"""


async def heads(pool: Pool, position: int) -> AsyncIterator[list[Head]]:
    """Walk through every trail's head as it was when the feed stood at a settled position."""
    after = 0
    while rows := await pool.fetch(_HEADS, after, position, PAGE):
        yield [Head(row["whistle_id"], row["sequence"], row["hash"].hex()) for row in rows]
        after = rows[-1]["position"]


async def broken_heads(pool: Pool, kept: Sequence[Head]) -> dict[Head, str | None]:
    """Find the heads that are not in their trails any more, each with the hash that stands there; None: no row does."""
    columns = [list(column) for column in zip(*kept, strict=True)]
    return {
        Head(row["whistle_id"], row["sequence"], row["hash"]): row["found"].hex() if row["found"] is not None else None
        for row in await pool.fetch(_BROKEN, *columns)
    }
