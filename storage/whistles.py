"""Reading one whistle: its value, and what is private about it."""

import asyncpg

from domain.values import Evidence, Frozen, Place, Reporter
from domain.whistle import Whistle
from storage.pool import Pool

_VALUE = "select value::text from whistle where whistle_id = $1"
_MATTER = "select description, address, lng, lat, crs, evidence from matter where whistle_id = $1"
_REPORTER = "select name, phone, confidential from reporter where whistle_id = $1"


class Matter(Frozen):
    """What was told at registration: private."""

    description: str
    place: Place
    evidence: tuple[Evidence, ...] = ()


async def value_of(pool: Pool, whistle_id: str) -> Whistle | None:
    """Read one whistle's value; None without such a whistle."""
    value = await pool.fetchval(_VALUE, whistle_id)
    return Whistle.model_validate_json(value) if value else None


async def matter_of(pool: Pool, whistle_id: str) -> Matter | None:
    """Read the private matter of a whistle; the caller decides who may see it."""
    row = await pool.fetchrow(_MATTER, whistle_id)
    return _matter(row) if row else None


async def reporter_of(pool: Pool, whistle_id: str) -> Reporter | None:
    """Read the resident behind a whistle; the caller decides who may see it."""
    row = await pool.fetchrow(_REPORTER, whistle_id)
    return Reporter(**row) if row else None


def _matter(row: asyncpg.Record) -> Matter:
    place = Place(address=row["address"], lng=row["lng"], lat=row["lat"], crs=row["crs"])
    return Matter(description=row["description"], place=place, evidence=tuple(Evidence(**e) for e in row["evidence"]))
