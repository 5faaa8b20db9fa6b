"""One stack for the whole runbook, under the limits of the demonstration: a department is late after five seconds."""

import shutil
import tempfile
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path

import pytest

from domain.errors import TemporarilyUnavailableError
from settings import Settings
from starter.client import WhistleClient
from starter.embedded import embedded_stack
from starter.embedded.stack_file import StackRecord
from starter.preparation import GATEWAY, WORKER, Preparation
from storage.catalogues import import_catalogue
from storage.pool import open_pool
from tests.chaos.conftest import patient_limits
from tests.patience import until
from tests.runbook.stage import Stage, systemctl

PARTS = ("postgres", "temporal", "worker", "gateway")
PATIENCE = timedelta(seconds=3)


@pytest.fixture(scope="session")
async def theatre() -> AsyncIterator[Stage]:
    """Run the stack of all recipes."""
    folder = enterable_folder()
    settings = Settings.model_construct(data_dir=folder / ".whistle", limits="demo")
    preparation = Preparation(settings)

    async def prepare(record: StackRecord) -> None:
        await preparation.prepare(record)
        async with await open_pool(record.database_owner_dsn, size=1) as pool:
            await import_catalogue(pool, "limits", patient_limits())

    async with embedded_stack(
        settings.data_dir,
        worker_command=WORKER,
        gateway_command=GATEWAY,
        migrate=preparation.migrate,
        prepare=prepare,
        settings=settings,
        erase=True,
    ) as running:
        found = {"database_dsn": running.database_dsn, "temporal_address": running.temporal_address}
        here = settings.model_copy(update=found)
        async with (
            systemctl(running, folder),
            WhistleClient.open(here, size=8) as opened,
            await open_pool(running.database_owner_dsn, size=2) as owner,
        ):
            client = WhistleClient(opened.pool, opened.temporal, limits=here.limits, patience=PATIENCE)
            yield Stage(running, client, owner, here, folder / "backup")
    shutil.rmtree(folder)


@pytest.fixture
async def stage(theatre: Stage) -> AsyncIterator[Stage]:
    """Give a recipe the stage, and the next one a stage on which everything runs."""
    yield theatre
    for part in PARTS:
        if theatre.stack.pid(part) is None:
            await theatre.stack.bring_up(part)

    await until(lambda: answers(theatre.client))


async def answers(client: WhistleClient) -> bool:
    """Whether the ledger can be read again."""
    try:
        await client.organisations()
    except TemporarilyUnavailableError:
        return False
    return True


def enterable_folder() -> Path:
    """Make a folder that PostgreSQL's account may enter where the tests run as root."""
    folder = Path(tempfile.mkdtemp(prefix="whistle-runbook-"))
    folder.chmod(0o755)
    return folder
