"""Which whistles moved, by the positions of their events."""

from storage.pool import Pool

_MOVED = """
select whistle_id, max(sequence) as sequence from event where position > $1 and position <= $2 group by whistle_id
"""


async def moved(pool: Pool, after: int, until: int) -> dict[str, int]:
    """Give the whistles with events after one position up to another, each with the last sequence among them."""
    return {row["whistle_id"]: row["sequence"] for row in await pool.fetch(_MOVED, after, until)}
