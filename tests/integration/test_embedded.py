"""The embedded stack for real: PostgreSQL and Temporal from their wheels, started, broken and stopped."""

import asyncio
import json
import os
import shutil
import signal
import socket
import sys
import tempfile
import time
import urllib.request
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

import asyncpg
import pytest

from settings import STACK_FILE, Settings, running_stack
from starter.embedded import embedded_stack, erase_stack
from starter.embedded.errors import PartNotStartedError, PasswordsLostError, PortTakenError, StackAlreadyRunningError
from starter.embedded.orphans import end_orphans, mark
from starter.embedded.stack import PARTS
from workflows.search_attributes import SEARCH_ATTRIBUTES

ROOT = Path(__file__).parents[2]
OTHERS_ACTIVE = "select count(*) from pg_stat_activity where state = 'active' and pid <> pg_backend_pid()"
WORKER = ("sleep", "1000")
NO_TEMPORAL = Settings.model_construct(temporal_address="127.0.0.1:1")
RUN_STACK = """
import asyncio
from settings import read_settings
from starter.embedded import run_stack

asyncio.run(run_stack(read_settings(), worker_command=("sleep", "1000"), say=lambda line: print(line, flush=True)))
"""


@contextmanager
def enterable_folder() -> Iterator[Path]:
    """Make a data folder that everybody may enter, and leave nothing of it."""
    folder = Path(tempfile.mkdtemp(prefix="whistle-test-")).resolve()
    folder.chmod(0o755)
    yield folder / ".whistle"
    erase_stack(folder / ".whistle")
    shutil.rmtree(folder)


@pytest.fixture(scope="module")
def data_dir() -> Iterator[Path]:
    """Give the data folder on which each test starts and stops a stack; only the first start makes a cluster."""
    with enterable_folder() as folder:
        yield folder


@pytest.fixture
def fresh_data_dir() -> Iterator[Path]:
    """Give a data folder that does not exist yet, for a test of its own."""
    with enterable_folder() as folder:
        yield folder


async def remaining_processes(data_dir: Path, patience: timedelta = timedelta(seconds=5)) -> list[int]:
    """Give the processes of a stack that outlast `patience`; they are killed."""
    marks = {mark(data_dir, part) for part in PARTS}
    return await end_orphans(marks, data_dir / "postgres", patience)


async def fetch(dsn: str, query: str, **other: Any) -> Any:
    """Give the single value that a query finds."""
    connection = await asyncpg.connect(dsn, **other)
    try:
        return await connection.fetchval(query)
    finally:
        await connection.close()


def environment_of(pid: int | None) -> list[str]:
    """Give what a process was told through its environment."""
    return Path(f"/proc/{pid}/environ").read_text("utf-8").split("\0")


def get_json(url: str) -> dict[str, dict[str, str]]:
    """Give what a local HTTP server answers."""
    with urllib.request.urlopen(url, timeout=5) as answer:
        found: dict[str, dict[str, str]] = json.load(answer)
    return found


@asynccontextmanager
async def whistle_up(data_dir: Path, **environment: str) -> AsyncIterator[asyncio.subprocess.Process]:
    """Run the stack in a process of its own, as `whistle up` does, and wait until it runs."""
    inherited = {name: value for name, value in os.environ.items() if not name.startswith(("WHISTLE_", "TEMPORAL_"))}
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-c",
        RUN_STACK,
        cwd=ROOT,
        env=inherited | {"WHISTLE_DATA_DIR": str(data_dir)} | environment,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    try:
        assert process.stdout is not None
        said: list[str] = []
        async with asyncio.timeout(20):
            while not said or not said[-1].startswith("up;"):
                line = await process.stdout.readline()
                assert line, said
                said.append(line.decode())
        yield process
    finally:
        if process.returncode is None:
            process.terminate()
            await process.communicate()


async def test_a_whole_stack_serves_and_leaves_nothing_behind(fresh_data_dir: Path) -> None:
    """Everything that the contract promises of a start is there, and gone after the stop."""
    data_dir = fresh_data_dir
    async with embedded_stack(data_dir, worker_command=WORKER) as stack:
        written = json.loads((data_dir / STACK_FILE).read_text("utf-8"))
        assert written["pids"] == {"up": os.getpid(), "gateway": None} | {
            part: stack.pid(part) for part in ("postgres", "temporal", "worker")
        }
        assert (data_dir / STACK_FILE).stat().st_mode & 0o777 == 0o600
        found = running_stack(data_dir)
        assert found is not None
        assert found.database_dsn == stack.database_dsn
        url = f"{written['temporal_http_url']}/api/v1/namespaces/default/search-attributes"
        assert set(get_json(url)["customAttributes"]) >= set(SEARCH_ATTRIBUTES)
    assert await remaining_processes(data_dir, timedelta(0)) == []
    assert not (data_dir / STACK_FILE).exists()
    assert not (data_dir / "run").exists()
    assert not (data_dir / "postgres" / "postmaster.pid").exists()


async def test_two_roles_reach_the_database_and_only_the_owner_may_define(data_dir: Path) -> None:
    """The application cannot change the tables that migrations make."""
    async with embedded_stack(data_dir, settings=NO_TEMPORAL) as stack:
        assert await fetch(stack.database_dsn, "select current_user::text") == "whistle_app"
        assert await fetch(stack.database_owner_dsn, "select current_user::text") == "whistle_owner"
        assert await fetch(stack.database_dsn, "show synchronous_commit") == "on"
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await fetch(stack.database_dsn, "create table public.mine ()")
        with pytest.raises(asyncpg.InvalidPasswordError):
            await fetch(stack.database_dsn, "select 1", password="wrong")
        by_socket = {"host": str(stack.record.socket_folder), "port": stack.postgres_port}
        assert await fetch(stack.database_dsn, "select inet_server_addr() is null", **by_socket) is True


async def test_data_and_addresses_survive_a_restart(data_dir: Path) -> None:
    """Stopping costs nothing that was stored, and clients find the stack where it was."""
    async with embedded_stack(data_dir) as stack:
        await fetch(stack.database_owner_dsn, "create table if not exists kept as select 42 as answer")
        before = (stack.database_dsn, stack.temporal_address, stack.record.temporal_ui_url)
    async with embedded_stack(data_dir) as stack:
        assert await fetch(stack.database_owner_dsn, "select answer from kept") == 42
        assert (stack.database_dsn, stack.temporal_address, stack.record.temporal_ui_url) == before


async def test_a_killed_part_is_back_within_five_seconds_and_the_record_follows(data_dir: Path) -> None:
    """A crash of one part is an interruption, not the end."""
    async with embedded_stack(data_dir, worker_command=WORKER) as stack:
        for part in ("postgres", "temporal", "worker"):
            new = await stack.crash(part, within=timedelta(seconds=5))
            assert json.loads((data_dir / STACK_FILE).read_text("utf-8"))["pids"][part] == new
        assert await fetch(stack.database_dsn, "select 1") == 1


async def test_a_backend_too_busy_to_notice_the_crash_does_not_delay_the_restart(data_dir: Path) -> None:
    """A long query of the dead server must not keep the new one from starting."""
    async with embedded_stack(data_dir, settings=NO_TEMPORAL) as stack:
        busy = await asyncpg.connect(stack.database_dsn)
        query = asyncio.create_task(busy.fetchval("select count(*) from generate_series(1, 100000000000)"))
        async with asyncio.timeout(5):
            while await fetch(stack.database_owner_dsn, OTHERS_ACTIVE) == 0:  # noqa: ASYNC110 - PostgreSQL sets no event
                await asyncio.sleep(0)
        await stack.crash("postgres", within=timedelta(seconds=5))
        with pytest.raises(asyncpg.PostgresConnectionError):
            await query
        assert await fetch(stack.database_dsn, "select 1") == 1


async def test_a_part_can_be_held_down_and_brought_up(data_dir: Path) -> None:
    """Tests of an outage decide how long it lasts."""
    async with embedded_stack(data_dir, settings=NO_TEMPORAL) as stack:
        await stack.take_down("postgres")
        with pytest.raises(OSError):  # noqa: PT011 - the connection is refused, in whatever way
            await fetch(stack.database_dsn, "select 1")
        await stack.bring_up("postgres")
        assert await fetch(stack.database_dsn, "select 1") == 1


async def test_a_killed_supervisor_leaves_no_process_and_the_next_start_works(data_dir: Path) -> None:
    """The hardest end of all is survived: nothing runs on, nothing blocks."""
    async with whistle_up(data_dir) as supervisor:
        before = json.loads((data_dir / STACK_FILE).read_text("utf-8"))
        supervisor.kill()
        await supervisor.wait()
        assert running_stack(data_dir) is None
        assert await remaining_processes(data_dir) == []
        async with embedded_stack(data_dir) as stack:
            assert stack.temporal_address == before["temporal_address"]
            assert await fetch(stack.database_dsn, "select 1") == 1


@pytest.mark.parametrize(("number", "own"), [(signal.SIGTERM, {}), (signal.SIGINT, {"TEMPORAL_ADDRESS": "mine:7233"})])
async def test_a_signal_stops_the_whole_stack_in_time(
    data_dir: Path, number: signal.Signals, own: dict[str, str]
) -> None:
    """Ctrl-C and SIGTERM end everything within 15 s, with exit code 0."""
    async with whistle_up(data_dir, **own) as supervisor:
        began = time.monotonic()
        supervisor.send_signal(number)
        assert await supervisor.wait() == 0
        assert time.monotonic() - began < 15
    assert await remaining_processes(data_dir, timedelta(0)) == []
    assert not (data_dir / STACK_FILE).exists()


async def test_a_second_start_on_one_folder_is_refused_and_harms_nothing(data_dir: Path) -> None:
    """The first stack goes on as if nothing had been tried."""
    async with embedded_stack(data_dir, settings=NO_TEMPORAL) as stack:
        with pytest.raises(StackAlreadyRunningError, match=str(os.getpid())):
            async with embedded_stack(data_dir, settings=NO_TEMPORAL, erase=True):
                pass
        assert await fetch(stack.database_dsn, "select 1") == 1
        assert (data_dir / STACK_FILE).exists()


async def test_a_chosen_port_is_used_and_refused_by_name_when_taken(data_dir: Path) -> None:
    """The user's choice holds, or he learns why not."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        chosen = NO_TEMPORAL.model_copy(update={"postgres_port": port})
        with pytest.raises(PortTakenError, match=f"WHISTLE_POSTGRES_PORT={port}"):
            async with embedded_stack(data_dir, settings=chosen):
                pass
    async with embedded_stack(data_dir, settings=chosen) as stack:
        assert stack.postgres_port == port


async def test_what_the_user_runs_himself_is_not_started(data_dir: Path) -> None:
    """A database and a Temporal server of one's own replace ours."""
    own = Settings.model_construct(database_dsn="postgresql://mine/db", temporal_address="mine:7233")
    migrated: list[str] = []

    async def migrate(dsn: str) -> None:
        migrated.append(dsn)

    async with embedded_stack(data_dir, settings=own, worker_command=WORKER, migrate=migrate) as stack:
        assert stack.record.pids.postgres is None
        assert stack.record.pids.temporal is None
        assert stack.database_dsn == migrated[0] == "postgresql://mine/db"
        assert stack.temporal_address == "mine:7233"
        assert "WHISTLE_DATABASE_DSN=postgresql://mine/db" in environment_of(stack.pid("worker"))
    assert not (data_dir / STACK_FILE).exists()


async def test_a_failed_step_of_the_start_stops_what_had_started(data_dir: Path) -> None:
    """No half stack is left running."""

    async def migrate(_dsn: str) -> None:
        raise PartNotStartedError("migrations", "broken on purpose", data_dir)

    with pytest.raises(PartNotStartedError, match="broken on purpose"):
        async with embedded_stack(data_dir, migrate=migrate):
            pass
    assert await remaining_processes(data_dir, timedelta(0)) == []
    assert not (data_dir / STACK_FILE).exists()


async def test_a_left_pid_file_that_names_a_live_process_is_no_obstacle(data_dir: Path) -> None:
    """After a crash of the machine the old number may be anybody's."""
    async with embedded_stack(data_dir, settings=NO_TEMPORAL):
        pass
    (data_dir / "postgres" / "postmaster.pid").write_text(f"{os.getpid()}\n{data_dir / 'postgres'}\n", "utf-8")
    async with embedded_stack(data_dir, settings=NO_TEMPORAL) as stack:
        assert await fetch(stack.database_dsn, "select 1") == 1


async def test_lost_passwords_are_named_and_the_cluster_is_left_alone(fresh_data_dir: Path) -> None:
    """Nothing stored is thrown away because a file is missing."""
    async with embedded_stack(fresh_data_dir, settings=NO_TEMPORAL):
        (fresh_data_dir / "postgres.json").unlink()
    with pytest.raises(PasswordsLostError):
        async with embedded_stack(fresh_data_dir, settings=NO_TEMPORAL):
            pass
    assert (fresh_data_dir / "postgres" / "PG_VERSION").exists()
