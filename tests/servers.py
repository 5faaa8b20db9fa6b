"""Temporal servers and workers for tests: the time-skipping server, the real one, and workers on a store in memory."""

import sys
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path

import pytest
from temporalio.api.operatorservice.v1 import AddSearchAttributesRequest
from temporalio.client import Client
from temporalio.testing import WorkflowEnvironment
from temporalio.worker import PatchActivationInput, Worker

from activities.ledger import under_every_name
from starter.encryption.conversion import converter_with
from starter.encryption.key_ring import KeyRing
from starter.visibility import KINDS
from tests.fakes import FakeLedger
from tests.stage import TASK_QUEUE
from workflows.presentation import ATTRIBUTE_KEYS
from workflows.roster import INTERCEPTORS, WORKFLOWS
from workflows.sandbox import workflow_runner
from workflows.search_attributes import SEARCH_ATTRIBUTES

RingReader = Callable[[], KeyRing]


@asynccontextmanager
async def time_skipping_server(read_keys: RingReader | None = None) -> AsyncIterator[WorkflowEnvironment]:
    """Run a server whose clock jumps; without the search attributes registered a first update would hang."""
    started = await WorkflowEnvironment.start_time_skipping(
        test_server_existing_path=_program("temporal-test-server"), data_converter=converter_with(read_keys)
    )
    async with started as env:
        kinds = {name: KINDS[kind] for name, kind in SEARCH_ATTRIBUTES.items()}
        request = AddSearchAttributesRequest(namespace=env.client.namespace, search_attributes=kinds)
        await env.client.operator_service.add_search_attributes(request)
        yield env


@asynccontextmanager
async def real_server(read_keys: RingReader | None = None, *, configured: Sequence[str] = ()) -> AsyncIterator[Client]:
    """Run the real server in memory; with a key ring, its client encrypts."""
    started = await WorkflowEnvironment.start_local(
        dev_server_existing_path=_program("temporal"),
        dev_server_log_level="error",
        dev_server_extra_args=[f"--dynamic-config-value={one}" for one in configured],
        data_converter=converter_with(read_keys),
        search_attributes=list(ATTRIBUTE_KEYS.values()),
        identity="worker@whistle-worker-0:12345",
    )
    async with started as env:
        yield env.client


def make_test_worker(
    client: Client,
    ledger: FakeLedger,
    *,
    cached: int = 1000,
    queue: str = TASK_QUEUE,
    workflows: Sequence[type] = WORKFLOWS,
    patches: Callable[[PatchActivationInput], bool] | None = None,
) -> Worker:
    """Make a worker on the store in memory, its workflows in the sandbox as in production."""
    return Worker(
        client,
        task_queue=queue,
        workflows=workflows,
        activities=under_every_name(ledger.record_command),
        workflow_runner=workflow_runner(guarding=True),
        interceptors=INTERCEPTORS,
        max_cached_workflows=cached,
        patch_activation_callback=patches,
        graceful_shutdown_timeout=timedelta(seconds=1),
    )


def _program(name: str) -> str:
    program = Path(sys.executable).with_name(name)
    if not program.exists():
        pytest.skip(f"{name} is not installed in this environment")
    return str(program)
