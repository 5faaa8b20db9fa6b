"""One whole stack for the tests that go through the gateway: PostgreSQL, Temporal and a real worker process."""

import shutil
import tempfile
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any, NamedTuple

import httpx
import pytest
from fastapi import FastAPI

from settings import Settings
from starter.embedded import EmbeddedStack, embedded_stack
from starter.gateway.app import create_app
from starter.identity import read_keys
from starter.preparation import WORKER, Preparation
from storage.pool import Pool
from tests.integration.webhooks.post_office import LOOPBACK


class Street(NamedTuple):
    """A running stack with its gateway in this process, and everyone's key."""

    stack: EmbeddedStack
    app: FastAPI
    http: httpx.AsyncClient
    keys: dict[str, str]
    data_dir: Path

    @property
    def pool(self) -> Pool:
        """The gateway's own connections."""
        found: Pool = self.app.state.context.door.pool
        return found

    async def ask(self, method: str, path: str, who: str | None = "admin", **more: Any) -> httpx.Response:
        """Send a request as somebody."""
        headers = {"authorization": f"Bearer {self.keys[who]}"} if who else {}
        return await self.http.request(method, path, headers=headers | more.pop("headers", {}), **more)


@pytest.fixture(scope="session")
async def street() -> AsyncIterator[Street]:
    """Run one stack for all tests of this folder."""
    folder = _enterable_folder()
    settings = Settings.model_construct(data_dir=folder / ".whistle", webhook_allow=LOOPBACK)
    preparation = Preparation(settings)
    async with embedded_stack(
        settings.data_dir,
        worker_command=WORKER,
        migrate=preparation.migrate,
        prepare=preparation.prepare,
        settings=settings,
        erase=True,
    ) as stack:
        found = {"database_dsn": stack.database_dsn, "temporal_address": stack.temporal_address}
        app = create_app(settings.model_copy(update=found))
        transport = httpx.ASGITransport(app, raise_app_exceptions=False)
        async with (
            app.router.lifespan_context(app),
            httpx.AsyncClient(transport=transport, base_url="http://gateway") as http,
        ):
            yield Street(stack, app, http, read_keys(settings.data_dir), settings.data_dir)
    shutil.rmtree(folder)


def _enterable_folder() -> Path:
    # PostgreSQL runs as another account where the tests run as root.
    folder = Path(tempfile.mkdtemp(prefix="whistle-webhooks-"))
    folder.chmod(0o755)
    return folder
