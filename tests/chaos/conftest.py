"""One stack for all of chaos, with limits under which only the arrival at an emergency is short."""

import csv
import io
import os
import shutil
import tempfile
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from temporalio.client import Client, Interceptor, OutboundInterceptor, StartWorkflowInput, WorkflowHandle

import catalogues
from settings import Settings
from starter.client import WhistleClient
from starter.embedded import embedded_stack
from starter.embedded.stack_file import StackRecord
from starter.preparation import WORKER, Preparation
from storage.catalogues import import_catalogue
from storage.pool import open_pool
from tests.chaos.town import Crowd, Town

LONG = "WHISTLE_CHAOS"
PATIENCE = timedelta(seconds=5)
TASKS_GIVEN_UP_AFTER = timedelta(seconds=3)
SHORT_PHASES = {"ARRIVE", "ARRIVE_SECOND"}
STRETCH, LONGEST_S = 20, 1_000


def pytest_configure(config: pytest.Config) -> None:
    """Know the mark of what takes minutes."""
    config.addinivalue_line("markers", f"long: takes minutes; runs with {LONG}=long")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Leave out what takes minutes, and say so."""
    if is_long():
        return
    for item in items:
        if item.get_closest_marker("long"):
            item.add_marker(pytest.mark.skip(reason=f"takes minutes: {LONG}=long runs it"))


class Hasty(Interceptor):
    """Starts workflows whose tasks are given up after 3 s where 10 are usual, so that a death costs tests less."""

    def intercept_client(self, next: OutboundInterceptor) -> OutboundInterceptor:  # noqa: A002
        """Stand before the client's own way out."""
        return _HastyOutbound(next)


class _HastyOutbound(OutboundInterceptor):
    async def start_workflow(self, input: StartWorkflowInput) -> WorkflowHandle[Any, Any]:  # noqa: A002
        input.task_timeout = TASKS_GIVEN_UP_AFTER
        return await self.next.start_workflow(input)


def is_long() -> bool:
    """Tell whether minutes may be taken."""
    return os.environ.get(LONG) == "long"


@pytest.fixture(scope="session")
async def town() -> AsyncIterator[Town]:
    """Run one stack whose parts tests may kill."""
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
        migrate=preparation.migrate,
        prepare=prepare,
        settings=settings,
        erase=True,
    ) as running:
        here = settings.model_copy(
            update={"database_dsn": running.database_dsn, "temporal_address": running.temporal_address}
        )
        async with WhistleClient.open(here, size=40) as opened:
            temporal = Client(**opened.temporal.config() | {"interceptors": [] if is_long() else [Hasty()]})
            client = WhistleClient(opened.pool, temporal, limits=here.limits, patience=PATIENCE)
            yield Town(running, client, here)
    shutil.rmtree(folder)


@pytest.fixture
async def crowd(town: Town) -> AsyncIterator[Crowd]:
    """Give a test people of its own, and the next one a town that runs."""
    yield Crowd(town)
    await town.heal()


def enterable_folder() -> Path:
    """Make a folder that PostgreSQL's account may enter where the tests run as root."""
    folder = Path(tempfile.mkdtemp(prefix="whistle-chaos-"))
    folder.chmod(0o755)
    return folder


def patient_limits() -> str:
    """Give the limits of the demo, all but those of arrival so long that no chaos outlasts them."""
    rows = list(csv.DictReader(io.StringIO(catalogues.read("limits.csv"))))
    written = io.StringIO()
    writer = csv.DictWriter(written, fieldnames=list(rows[0]))
    writer.writeheader()
    for row in rows:
        short = row["kind"] == "EMERGENCY" and row["phase"] in SHORT_PHASES
        if row["profile"] == "demo" and not short and int(row["amount"]) <= LONGEST_S:
            row["amount"] = str(int(row["amount"]) * STRETCH)
        writer.writerow(row)
    return written.getvalue()
