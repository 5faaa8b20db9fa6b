"""Reading one trail whole, with the private parts that its rows vouch for; the caller decides who may see those."""

from typing import NamedTuple

from domain.verification import PrivatePart, TrailRow
from domain.whistle import Whistle
from storage.pool import Pool
from storage.verification import private_parts, row_of, rows_after

_VALUE = "select value::text from whistle where whistle_id = $1"


class WholeTrail(NamedTuple):
    """A whistle with every row of its trail, and by sequence the private parts that came with it."""

    whistle: Whistle
    rows: tuple[TrailRow, ...]
    private: dict[int, dict[str, PrivatePart]]


async def whole_trail(pool: Pool, whistle_id: str) -> WholeTrail | None:
    """Read a whistle and its trail of any length, as of one moment; None without such a whistle."""
    rows: list[TrailRow] = []
    private: dict[int, dict[str, PrivatePart]] = {}
    async with pool.acquire() as connection, connection.transaction(isolation="repeatable_read", readonly=True):
        value = await connection.fetchval(_VALUE, whistle_id)
        if value is None:
            return None
        while page := await rows_after(connection, whistle_id, rows[-1].sequence if rows else 0, whistle_id):
            for found in page:
                rows.append(row_of(found))
                if parts := private_parts(found):
                    private[rows[-1].sequence] = parts
    return WholeTrail(Whistle.model_validate_json(value), tuple(rows), private)
