"""A whole stack for this folder, with its gateway as a process."""

import os
import shutil
import tempfile
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from settings import Settings
from starter.embedded import embedded_stack
from starter.preparation import GATEWAY, WORKER, Preparation
from storage.pool import open_pool
from tests.integration.gateway.gate import Gate, client
from tests.integration.gateway.strictness import Strict, being_strict


@pytest.fixture(scope="session")
async def gate() -> AsyncIterator[Gate]:
    """Run one stack for all tests of this folder; nobody in it is over a limit."""
    folder = Path(tempfile.mkdtemp(prefix="whistle-gateway-"))
    folder.chmod(0o755)  # noqa: ASYNC240
    settings = Settings.model_construct(data_dir=folder / ".whistle")
    preparation = Preparation(settings)
    os.environ["WHISTLE_RATE_LIMIT"] = "100000"
    async with embedded_stack(
        settings.data_dir,
        worker_command=WORKER,
        gateway_command=GATEWAY,
        migrate=preparation.migrate,
        prepare=preparation.prepare,
        settings=settings,
        erase=True,
    ) as stack:
        del os.environ["WHISTLE_RATE_LIMIT"]
        async with client(stack.gateway_url or "") as http, await open_pool(stack.database_owner_dsn, size=4) as pool:
            yield Gate(stack, http, pool, settings.data_dir)
    shutil.rmtree(folder)


@pytest.fixture(scope="session")
async def strict(gate: Gate) -> AsyncIterator[Strict]:
    """Run a second gateway on the same stack, with little patience."""
    async with being_strict(gate) as running:
        yield running
