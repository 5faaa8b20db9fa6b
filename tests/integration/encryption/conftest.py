"""One stack whose payloads are encrypted, with worker, gateway and codec server as processes."""

import shutil
import tempfile
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from settings import Settings
from starter.embedded import embedded_stack
from starter.preparation import CODEC_SERVER, GATEWAY, WORKER, Preparation
from storage.pool import open_pool
from tests.integration.encryption.shop import Shop
from tests.integration.gateway.gate import Gate, client


@pytest.fixture(scope="session")
async def shop() -> AsyncIterator[Shop]:
    """Run the stack by the one setting that turns encryption on."""
    folder = Path(tempfile.mkdtemp(prefix="whistle-encrypted-"))
    folder.chmod(0o755)  # noqa: ASYNC240
    settings = Settings(data_dir=folder / ".whistle", payload_encryption="AES-256-GCM")
    preparation = Preparation(settings)
    async with embedded_stack(
        settings.data_dir,
        worker_command=WORKER,
        gateway_command=GATEWAY,
        codec_command=CODEC_SERVER,
        migrate=preparation.migrate,
        prepare=preparation.prepare,
        settings=settings,
        erase=True,
    ) as running:
        here = settings.model_copy(
            update={"database_dsn": running.database_dsn, "temporal_address": running.temporal_address}
        )
        async with (
            client(running.gateway_url or "") as http,
            await open_pool(running.database_owner_dsn, size=4) as pool,
        ):
            yield Shop(Gate(running, http, pool, settings.data_dir), here)
    shutil.rmtree(folder)
