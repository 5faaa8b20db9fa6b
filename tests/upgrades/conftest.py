"""A stack without a worker of its own: tests bring the workers, of one version and of the next."""

import asyncio
import json
import os
import shutil
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any, NamedTuple

import pytest

import worker
from settings import Settings
from starter.client import WhistleClient
from starter.connecting import connect
from starter.deployment import Deployments
from starter.embedded import embedded_stack, temporal
from starter.preparation import Preparation
from storage.pool import Pool
from tests.chaos.conftest import PATIENCE, enterable_folder
from tests.chaos.town import ROOT, AnotherWorker, Crowd, Town
from tests.upgrades.next_release import roster

SOON = (
    'matching.wv.VersionDrainageStatusVisibilityGracePeriod="1s"',
    'matching.wv.VersionDrainageStatusRefreshInterval="1s"',
    "system.numConsecutiveWorkflowTaskProblemsToTriggerSearchAttribute=2",
)
WHISTLE = Path(sys.executable).with_name("whistle")
READY_WITHIN = timedelta(seconds=60)


class Ended(NamedTuple):
    """How a call of the command line ended."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        """Read its answer."""
        return json.loads(self.out)

    @property
    def problem(self) -> str:
        """Read the sentence of its error, which is the last line of stderr."""
        return str(json.loads(self.err.splitlines()[-1])["detail"])


class Site(NamedTuple):
    """Where versions are deployed."""

    town: Town
    deployments: Deployments

    @asynccontextmanager
    async def worker(self, build_id: str, *module: str, **told: str) -> AsyncIterator[AnotherWorker]:
        """Run a versioned worker until its version is known."""
        about = {"WHISTLE_VERSIONING": "on", "WHISTLE_BUILD_ID": build_id, **told}
        async with self.town.another_worker(*module, **about) as running:
            await running.until_it_says("worker_started", 60)
            await self.deployments.until_polled(build_id, READY_WITHIN)
            yield running

    @asynccontextmanager
    async def worker_here(self, build_id: str, release: str = "", pool: Pool | None = None) -> AsyncIterator[None]:
        """Run a versioned worker in this process until its version is known: of this release, or of the next."""
        told = {"versioning": True, "build_id": build_id, "graceful_shutdown": timedelta(seconds=1)}
        with pytest.MonkeyPatch.context() as patch:
            if release:
                patch.setattr(worker, "WORKFLOWS", roster(release))
            running = worker.make_worker(
                self.deployments.client, pool or self.town.client.pool, self.town.settings.model_copy(update=told)
            )
        async with running:
            await self.deployments.until_polled(build_id, READY_WITHIN)
            yield

    async def whistle(self, *words: str, module: tuple[str, ...] = (), **told: str) -> Ended:
        """Run the command line, or that of another module, to its end."""
        clean = {k: v for k, v in os.environ.items() if not k.startswith(("WHISTLE_", "TEMPORAL_"))}
        process = await asyncio.create_subprocess_exec(
            *((sys.executable, "-m", *module) if module else (WHISTLE,)),
            *words,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
            cwd=ROOT,
            env=clean | {"WHISTLE_DATA_DIR": str(self.town.stack.data_dir)} | told,
        )
        out, err = await process.communicate()
        return Ended(process.returncode or 0, out.decode(), err.decode())

    def crowd(self) -> Crowd:
        """Give people of a test's own."""
        return Crowd(self.town)


@pytest.fixture(scope="module")
async def site() -> AsyncIterator[Site]:
    """Run the servers, which tell quickly that a version is drained and that a workflow stopped."""
    folder = enterable_folder()
    settings = Settings.model_construct(data_dir=folder / ".whistle")
    preparation = Preparation(settings)
    with pytest.MonkeyPatch.context() as patch:
        quick = tuple(f"--dynamic-config-value={setting}" for setting in SOON)
        patch.setattr(temporal, "_FLAGS", temporal._FLAGS + quick)
        async with embedded_stack(
            settings.data_dir, migrate=preparation.migrate, prepare=preparation.prepare, settings=settings, erase=True
        ) as running:
            found = {"database_dsn": running.database_dsn, "temporal_address": running.temporal_address}
            here = settings.model_copy(update=found)
            async with WhistleClient.open(here, size=40) as opened:
                client = WhistleClient(opened.pool, opened.temporal, patience=PATIENCE)
                town = Town(running, client, here)
                yield Site(town, Deployments(await connect(here), here.task_queue))
    shutil.rmtree(folder)
