"""One server and one store for each test, so that no test moves another's clock."""

from collections.abc import AsyncIterator

import pytest
from temporalio.client import Client
from temporalio.testing import WorkflowEnvironment
from temporalio.worker import Worker

from tests.fakes import FakeLedger, shipped_rules
from tests.servers import make_test_worker, real_server, time_skipping_server
from tests.stage import Begin, Play


@pytest.fixture
async def env() -> AsyncIterator[WorkflowEnvironment]:
    """A time-skipping server."""
    async with time_skipping_server() as env:
        yield env


@pytest.fixture
def client(env: WorkflowEnvironment) -> Client:
    """The client of this test's time-skipping server."""
    return env.client


@pytest.fixture
async def real_client() -> AsyncIterator[Client]:
    """A client of the real server, where refusals are free."""
    async with real_server() as client:
        yield client


@pytest.fixture
def ledger() -> FakeLedger:
    """A store in memory by the shipped rules."""
    return FakeLedger(shipped_rules())


@pytest.fixture
async def worker(client: Client, ledger: FakeLedger) -> AsyncIterator[Worker]:
    """A worker that runs for the length of the test."""
    async with make_test_worker(client, ledger) as running:
        yield running


@pytest.fixture
def begin(env: WorkflowEnvironment, ledger: FakeLedger, worker: Worker) -> Begin:  # noqa: ARG001 - it must run
    """Register a whistle as of the server's time and start its workflow."""

    async def begin(*, reporter: bool = False) -> Play:
        return await Play.begin(env.client, ledger, await env.get_current_time(), reporter=reporter)

    return begin
