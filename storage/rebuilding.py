"""What `whistle rebuild` reads: which whistles may still move, and which commands the ledger knows."""

from collections.abc import AsyncIterator, Sequence

from storage.pool import Pool

PAGE = 500
# The predicate of the index whistle_open, word for word; a closed whistle that is not archived has a clock.
_MOVING = """
(
    select whistle_id from whistle
    where state <> all ('{CLOSED,MERGED,REJECTED,CANCELLED}'::text[]) and whistle_id > $1 order by whistle_id limit $2
) union (
    select distinct whistle_id from clock where whistle_id > $1 order by whistle_id limit $2
) order by whistle_id limit $2
"""
_KNOWN = "select whistle_id from whistle where whistle_id = any($1::text[])"
_STORED = "select command_id from command where whistle_id = $1 and command_id = any($2::text[])"


async def moving_whistles(pool: Pool) -> AsyncIterator[list[str]]:
    """Walk through every whistle whose life has not ended, page by page in the order of their ids."""
    after = ""
    while rows := await pool.fetch(_MOVING, after, PAGE):
        yield [row["whistle_id"] for row in rows]
        after = rows[-1]["whistle_id"]


async def whistles_stored(pool: Pool, whistle_ids: Sequence[str]) -> set[str]:
    """Tell which of these whistles stand in the ledger."""
    return {row["whistle_id"] for row in await pool.fetch(_KNOWN, list(whistle_ids))}


async def commands_stored(pool: Pool, whistle_id: str, command_ids: Sequence[str]) -> set[str]:
    """Tell which of these commands of a whistle stand in the ledger."""
    return {row["command_id"] for row in await pool.fetch(_STORED, whistle_id, list(command_ids))}
