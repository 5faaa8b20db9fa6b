"""Who may see a whistle follows from it, also for what was there before, and lists of one's own are fast."""

import asyncio
from pathlib import Path
from uuid import uuid4

import asyncpg
import pytest

from storage import migrate as migrating
from storage.migrate import migrate
from storage.parties import is_party, value_for
from storage.pool import Connection, Pool
from tests.conftest import Database
from tests.integration.desk import Desk

OLD = """
insert into whistle (whistle_id, source_system, external_id, content_hash, serial, sequence, value, title, state, step,
    chain, township, caller, source_channel, responders, supervision_level, registered_at, updated_at)
values ('12345:1', '12345', '1', '', 'S-1', 1, '{}', '旧哨', 'SOURCED', 1, 'TOWNSHIP_CALLS', 'binhe', null, 'GRID',
    '{water,gas}', 'NONE', now(), now());
insert into event (whistle_id, sequence, type, at, actor_subject, actor_role, command_id, summary, data)
select '12345:1', n, 'MatterAppended', now(), 'x', 'ADMIN', 'c', '', '{}' from generate_series(1, 3) n;
"""


async def test_parties_come_as_a_whistle_goes_on_and_never_go(pool: Pool):
    """Source and township at once, responders when they are called; one that was withdrawn keeps its sight."""
    desk = await Desk.registered(pool)
    assert await parties(pool, desk.whistle_id) == {"12345", "jinhaihu"}
    await desk.assembling("water", "police", "planning")
    assert await parties(pool, desk.whistle_id) == {"12345", "jinhaihu", "water", "police", "planning"}
    await desk.do("department@police", "object", responder="police", reason="NOT_MY_POWER", legal_basis="职责清单")
    await desk.do("arbiter", "rule", responder="police", ruling="UPHELD")
    assert "police" in await parties(pool, desk.whistle_id)
    assert await is_party(pool, desk.whistle_id, None)
    assert not await is_party(pool, desk.whistle_id, "gas")
    assert not await is_party(pool, "12345:nobody", None)
    assert await value_for(pool, desk.whistle_id, "gas") is None
    assert await value_for(pool, desk.whistle_id, "water") == await desk.whistle()


async def test_whistles_from_before_get_their_parties_and_their_places_in_the_feed(
    postgres: Database, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
):
    """Migrating a database in use."""
    before = postgres.named(f"before_{uuid4().hex[:12]}")
    shipped = migrating.MIGRATIONS / "0001_ledger.sql"
    (tmp_path / shipped.name).write_text(shipped.read_text("utf-8"), "utf-8")
    with monkeypatch.context() as patch:
        patch.setattr(migrating, "MIGRATIONS", tmp_path)
        await asyncio.to_thread(migrate, before.owner_dsn, None)
    connection = await asyncpg.connect(before.owner_dsn)
    await connection.execute(OLD)
    await asyncio.to_thread(migrate, before.owner_dsn, "whistle_app")
    assert await parties(connection, "12345:1") == {"12345", "binhe", "water", "gas"}
    places = await connection.fetch("select sequence, position from event order by position")
    assert [row["sequence"] for row in places] == [1, 2, 3]
    await connection.close()


async def parties(source: Pool | Connection, whistle_id: str) -> set[str]:
    """Read who has a part in a whistle."""
    rows = await source.fetch("select organisation from whistle_party where whistle_id = $1", whistle_id)
    return {row["organisation"] for row in rows}
