"""What every kind of test may ask for: a PostgreSQL of this run, and in it a fresh database for each test."""

import asyncio
import os
import shutil
import sys
import tempfile
from collections.abc import AsyncIterator
from pathlib import Path
from typing import NamedTuple
from urllib.parse import urlsplit
from uuid import uuid4

import asyncpg
import pytest

from settings import Settings
from starter.calendar_seed import official_days
from starter.embedded import EmbeddedStack, embedded_stack
from starter.embedded.postgres import APPLICATION
from storage.catalogues import EDITION
from storage.migrate import migrate, seed
from storage.pool import Pool, open_pool

TEMPLATE = "whistle_template"
# Every table but the catalogues, whatever a later migration adds; replica leaves out foreign keys, never the guards
# that are enabled always, which are lifted for their own table alone.
CLEAR = """
do $$
declare
    one record;
    guard record;
begin
    set local session_replication_role = replica;
    for one in
        select oid::regclass as name, oid from pg_class
        where relkind = 'r' and relnamespace = 'public'::regnamespace and relname not in
            ('schema_migrations', 'catalogue_import', 'organisation', 'limit_rule', 'calendar_day')
    loop
        for guard in select tgname from pg_trigger where tgrelid = one.oid and tgenabled = 'A' loop
            execute format('alter table %s disable trigger %I', one.name, guard.tgname);
        end loop;
        execute format('delete from %s', one.name);
        for guard in
            select tgname from pg_trigger where tgrelid = one.oid and tgenabled = 'D' and not tgisinternal
        loop
            execute format('alter table %s enable always trigger %I', one.name, guard.tgname);
        end loop;
    end loop;
end
$$
"""
_SESSION = pytest.StashKey[pytest.Session]()
# An address of one's own is not started, and nobody asks this one.
_WITHOUT_TEMPORAL = Settings.model_construct(temporal_address="127.0.0.1:1")


class Database(NamedTuple):
    """A database of one test, by the addresses of its owner and of the application."""

    owner_dsn: str
    dsn: str

    def named(self, name: str) -> "Database":
        """Give the addresses of another database of the same server."""
        return Database(*(urlsplit(dsn)._replace(path=f"/{name}").geturl() for dsn in self))


@pytest.hookimpl(tryfirst=True)
def pytest_sessionstart(session: pytest.Session) -> None:
    """Remember the session, whose exit status is known only at the end."""
    session.config.stash[_SESSION] = session


@pytest.hookimpl(trylast=True)
def pytest_unconfigure(config: pytest.Config) -> None:
    """End the process with the right code: temporalio 1.35 sometimes aborts at exit (sdk-python#300)."""
    session = config.stash.get(_SESSION, None)
    if session is None:
        return
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(int(session.exitstatus))


@pytest.fixture(scope="session")
async def postgres() -> AsyncIterator[Database]:
    """Run PostgreSQL for this run, with a template that is migrated and seeded."""
    folder = _enterable_folder()
    async with embedded_stack(folder / ".whistle", settings=_WITHOUT_TEMPORAL, erase=True) as running:
        yield await _with_template(running)
    shutil.rmtree(folder)


@pytest.fixture(scope="session")
async def shelf(postgres: Database) -> "Shelf":
    """The database that tests use one after another."""
    return Shelf(postgres)


@pytest.fixture
async def database(shelf: "Shelf") -> AsyncIterator[Database]:
    """A database as the migrations and the shipped catalogues leave it."""
    yield await shelf.take()
    await shelf.clear()


@pytest.fixture
async def pool(database: Database) -> AsyncIterator[Pool]:
    """Open the application's connections to this test's database."""
    async with await open_pool(database.dsn, size=20) as opened:
        yield opened


@pytest.fixture
async def owner_pool(database: Database) -> AsyncIterator[Pool]:
    """Open the owner's connections to this test's database."""
    async with await open_pool(database.owner_dsn, size=4) as opened:
        yield opened


def _enterable_folder() -> Path:
    # PostgreSQL runs as another account where the tests run as root.
    folder = Path(tempfile.mkdtemp(prefix="whistle-test-")).resolve()
    folder.chmod(0o755)
    return folder


class Shelf:
    """Hands out one database, cleared after each use: on a slow disk a new one costs half a second."""

    def __init__(self, server: Database) -> None:
        """Make databases on this server as they are needed."""
        self._server = server
        self._database: Database | None = None
        self._edition: str | None = None

    async def take(self) -> Database:
        """Give a database without whistles."""
        if self._database is None:
            self._database = await fresh_database(self._server)
            self._edition = await self._run(EDITION)
        return self._database

    async def clear(self) -> None:
        """Remove what the test stored; a database whose catalogues it changed is not used again."""
        if await self._run(EDITION) == self._edition:
            await self._run(CLEAR)
        else:
            self._database = None

    async def _run(self, statement: str) -> str | None:
        owner = await asyncpg.connect((await self.take()).owner_dsn)
        try:
            if statement != CLEAR:
                return await owner.fetchval(statement)
            await owner.execute(statement)
            return None
        finally:
            await owner.close()


async def fresh_database(server: Database) -> Database:
    """Make a copy of the template; it goes with its server."""
    name = f"test_{uuid4().hex[:12]}"
    administrator = await asyncpg.connect(server.owner_dsn)
    try:
        await administrator.execute(f"create database {name} template {TEMPLATE}")
    finally:
        await administrator.close()
    return server.named(name)


async def _with_template(running: EmbeddedStack) -> Database:
    server = Database(running.database_owner_dsn, running.database_dsn)
    template = server.named(TEMPLATE)
    await asyncio.to_thread(migrate, template.owner_dsn, APPLICATION)
    await seed(template.owner_dsn, official_days())
    return server
