"""Which organisations have a part in a whistle, hence may see it."""

from storage.pool import Pool

_IS_PARTY = "select exists (select from whistle_party where whistle_id = $1 and organisation = $2)"
_EXISTS = "select exists (select from whistle where whistle_id = $1)"


async def is_party(pool: Pool, whistle_id: str, organisation: str | None) -> bool:
    """Tell whether an organisation has or had a part in a whistle; for None, whether there is such a whistle."""
    if organisation is None:
        return bool(await pool.fetchval(_EXISTS, whistle_id))
    return bool(await pool.fetchval(_IS_PARTY, whistle_id, organisation))
