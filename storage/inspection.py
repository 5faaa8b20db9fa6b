"""What `whistle doctor` asks of the database; all of it cheap, and none of it a whistle's content."""

from datetime import timedelta

import asyncpg

from domain.values import Frozen
from storage.migrate import MIGRATIONS
from storage.pool import Pool

_APPLIED = "select version from schema_migrations"
_AUDIT = """
select
    has_table_privilege(current_user, 'event', 'UPDATE') or has_table_privilege(current_user, 'event', 'DELETE')
        or has_table_privilege(current_user, 'event', 'TRUNCATE') as may_change,
    exists (
        select from pg_trigger
        where tgrelid = 'event'::regclass and tgname = 'event_is_append_only' and tgenabled in ('O', 'A')
    ) as is_guarded
"""
_LATE = "select count(*) from clock where next_strike_at < now() - $1::interval"
_IMPORTED = "select distinct name from catalogue_import order by name"


class AuditGuard(Frozen):
    """Whether this role could change the audit trail by its privileges, and whether the trigger refuses it anyway."""

    may_change: bool
    is_guarded: bool


async def server_version(pool: Pool) -> str:
    """Ask the server what it is; raises asyncpg's errors when it cannot be reached."""
    return str(await pool.fetchval("show server_version"))


async def pending_migrations(pool: Pool) -> list[str]:
    """List the shipped migrations that this database has not seen, in order."""
    shipped = sorted(file.name for file in MIGRATIONS.glob("*.sql"))
    try:
        applied = {row["version"] for row in await pool.fetch(_APPLIED)}
    except asyncpg.UndefinedTableError:
        applied = set()
    return [name for name in shipped if name.partition("_")[0] not in applied]


async def audit_guard(pool: Pool) -> AuditGuard:
    """Tell what keeps this role from changing the audit trail."""
    row = await pool.fetchrow(_AUDIT)
    return AuditGuard.model_validate(dict(row or {}))


async def clocks_late(pool: Pool, by: timedelta) -> int:
    """Count the clocks that should have struck longer ago than that."""
    return int(await pool.fetchval(_LATE, by))


async def imported_catalogues(pool: Pool) -> list[str]:
    """Name the catalogues that are in force."""
    return [row["name"] for row in await pool.fetch(_IMPORTED)]
