"""Which organisations have a part in a whistle, hence may see it."""

from domain.whistle import Whistle
from storage.pool import Pool

_IS_PARTY = "select exists (select from whistle_party where whistle_id = $1 and organisation = $2)"
_EXISTS = "select exists (select from whistle where whistle_id = $1)"
_VALUE = """
select value::text from whistle where whistle_id = $1 and ($2::text is null or exists (
    select from whistle_party p where p.whistle_id = $1 and p.organisation = $2))
"""


async def is_party(pool: Pool, whistle_id: str, organisation: str | None) -> bool:
    """Tell whether an organisation has or had a part in a whistle; for None, whether there is such a whistle."""
    if organisation is None:
        return bool(await pool.fetchval(_EXISTS, whistle_id))
    return bool(await pool.fetchval(_IS_PARTY, whistle_id, organisation))


async def value_for(pool: Pool, whistle_id: str, organisation: str | None) -> Whistle | None:
    """Read one whistle's value for an organisation; None where it has no part in it, or there is no such whistle."""
    value = await pool.fetchval(_VALUE, whistle_id, organisation)
    return Whistle.model_validate_json(value) if value else None
