"""Migrations: from nothing, twice, and by several at once, they give one and the same schema."""

import asyncio
import os
from collections.abc import AsyncIterator
from pathlib import Path
from uuid import uuid4

import asyncpg
import pytest

from starter.calendar_seed import official_days
from storage import migrate as migrating
from storage.migrate import MigrationFailedError, migrate, seed
from storage.pool import Pool, open_pool
from tests.conftest import Database

SNAPSHOT = Path(__file__).with_name("schema.txt")
STRUCTURE = """
select line from (
select 'table ' || c.relname || ' ' || a.attname || ' ' || format_type(a.atttypid, a.atttypmod)
    || case when a.attnotnull then ' not null' else '' end
    || case when a.attidentity <> '' then ' identity' else '' end
    || coalesce(case when a.attgenerated <> '' then ' generated ' else ' default ' end
        || pg_get_expr(d.adbin, d.adrelid), '') as line
from pg_class c
join pg_attribute a on a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped
left join pg_attrdef d on d.adrelid = c.oid and d.adnum = a.attnum
where c.relkind = 'r' and c.relnamespace = 'public'::regnamespace
union all select 'constraint ' || conrelid::regclass || ' ' || pg_get_constraintdef(oid) from pg_constraint
    where connamespace = 'public'::regnamespace and contype <> 'n'
union all select indexdef from pg_indexes where schemaname = 'public'
union all select 'function ' || pg_get_functiondef(oid) from pg_proc where pronamespace = 'public'::regnamespace
union all select 'trigger ' || tgenabled::text || ' ' || pg_get_triggerdef(oid) from pg_trigger where not tgisinternal
union all select 'grant ' || table_name || ' ' || string_agg(privilege_type, ', ' order by privilege_type)
    from information_schema.role_table_grants where grantee = 'whistle_app' and table_schema = 'public'
    group by table_name
) as structure order by line collate "C"
"""


@pytest.fixture
async def empty(postgres: Database) -> AsyncIterator[Database]:
    """A name of a database that does not exist yet."""
    name = f"fresh_{uuid4().hex[:12]}"
    yield postgres.named(name)
    administrator = await asyncpg.connect(postgres.owner_dsn)
    await administrator.execute(f"drop database if exists {name} with (force)")
    await administrator.close()


async def structure(dsn: str) -> str:
    """List the schema of a database, one object a line."""
    connection = await asyncpg.connect(dsn)
    try:
        return "\n".join(row["line"] for row in await connection.fetch(STRUCTURE)) + "\n"
    finally:
        await connection.close()


async def test_the_migrations_give_the_schema_of_the_snapshot(empty: Database):
    """Whoever changes the schema changes the snapshot too: WHISTLE_WRITE_SNAPSHOT=1 pytest writes it."""
    await asyncio.to_thread(migrate, empty.owner_dsn, "whistle_app")
    found = await structure(empty.owner_dsn)
    if os.environ.get("WHISTLE_WRITE_SNAPSHOT"):
        SNAPSHOT.write_text(found, "utf-8")
    assert found == SNAPSHOT.read_text("utf-8")


async def test_migrating_twice_changes_nothing(empty: Database):
    """Every start of the stack migrates."""
    await asyncio.to_thread(migrate, empty.owner_dsn, "whistle_app")
    before = await structure(empty.owner_dsn)
    await asyncio.to_thread(migrate, empty.owner_dsn, "whistle_app")
    assert await structure(empty.owner_dsn) == before


async def test_four_at_once_migrate_and_seed_a_database_that_is_not_there(empty: Database):
    """Several replicas of a release start together."""

    async def prepare() -> None:
        await asyncio.to_thread(migrate, empty.owner_dsn, "whistle_app")
        await seed(empty.owner_dsn, official_days())

    await asyncio.gather(*(prepare() for _ in range(4)))
    assert await structure(empty.owner_dsn) == SNAPSHOT.read_text("utf-8")
    async with await open_pool(empty.dsn) as pool:
        assert await pool.fetchval("select count(*) from catalogue_import") == 3


async def test_seeding_leaves_alone_what_was_imported(pool: Pool):
    """An administrator's catalogue outlives every restart."""
    before = await pool.fetch("select * from catalogue_import order by version")
    await seed(pool, official_days()[:10])
    assert await pool.fetch("select * from catalogue_import order by version") == before
    assert [r["source"] for r in before] == ["shipped"] * 3


async def test_every_table_says_what_it_is_for(owner_pool: Pool):
    """An administrator who opens the database finds the words of the field."""
    silent = await owner_pool.fetch(
        "select relname from pg_class where relkind = 'r' and relnamespace = 'public'::regnamespace "
        "and relname <> 'schema_migrations' and obj_description(oid) is null"
    )
    assert silent == []


async def test_the_environment_of_the_user_does_not_turn_dbmate(
    empty: Database, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
):
    """Neither its variables nor a .env file lying about."""
    (tmp_path / ".env").write_text("DATABASE_URL=postgres://nobody@127.0.0.1:1/none\n")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("DBMATE_MIGRATIONS_DIR", str(tmp_path))
    monkeypatch.setenv("DBMATE_MIGRATIONS_TABLE", "elsewhere")
    await asyncio.to_thread(migrate, empty.owner_dsn.removesuffix("?sslmode=disable"), None)
    assert "table whistle whistle_id" in await structure(empty.owner_dsn)
    assert [file.name for file in tmp_path.iterdir()] == [".env"]  # noqa: ASYNC240


async def test_a_migration_that_fails_says_why_and_without_a_password(
    empty: Database, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
):
    """The error is dbmate's own."""
    (tmp_path / "0001_wrong.sql").write_text("-- migrate:up\nselect no_such_thing;\n-- migrate:down\n")
    monkeypatch.setattr(migrating, "MIGRATIONS", tmp_path)
    with pytest.raises(MigrationFailedError, match="no_such_thing") as failed:
        await asyncio.to_thread(migrate, empty.owner_dsn, "whistle_app")
    assert empty.owner_dsn.split(":")[2].split("@")[0] not in str(failed.value)
