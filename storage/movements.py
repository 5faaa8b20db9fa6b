"""Which whistles moved and then stood still, by the positions of their events."""

from storage.pool import Pool

_MOVED = """
select e.whistle_id, e.sequence
from event e join whistle w on w.whistle_id = e.whistle_id and w.sequence = e.sequence
where e.position > $1 and e.position <= $2
"""


async def moved(pool: Pool, after: int, until: int) -> dict[str, int]:
    """Give the whistles whose last event lies after one position and not beyond another, each with its sequence.

    One that moves on is found behind the later position; while it moves, its workflow is told what it does not know.
    """
    return {row["whistle_id"]: row["sequence"] for row in await pool.fetch(_MOVED, after, until)}
