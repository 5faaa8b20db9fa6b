"""The gateway in this process, over a real PostgreSQL and a real Temporal server that nobody works for."""

import shutil
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, NamedTuple
from uuid import uuid4
from xml.etree import ElementTree as ET

import httpx
import pytest
from fastapi import FastAPI

from settings import Settings
from starter.embedded import embedded_stack
from starter.gateway.app import create_app
from starter.identity import read_keys
from starter.preparation import Preparation
from storage.pool import Pool
from tests.life import actor

REQUESTS = "/open311/v2/requests"


class Resident(NamedTuple):
    """A client of the standard, with the keys of everyone at hand."""

    http: httpx.AsyncClient
    keys: dict[str, str]
    app: FastAPI

    @property
    def pool(self) -> Pool:
        """The store behind the gateway."""
        return self.app.state.context.door.pool

    def form(self, **changes: Any) -> dict[str, Any]:
        """A report that is in order, with anything in it changed; None leaves a field out."""
        fields = {
            "api_key": self.keys["source@12345"],
            "jurisdiction_id": "jinhaihu",
            "service_code": "exposed-garbage",
            "lat": "40.180123",
            "long": "117.310456",
            "address_string": "海子村村口",
            "description": "路边堆放建筑垃圾 <b>&",
        } | changes
        return {name: value for name, value in fields.items() if value is not None}

    async def post(
        self, *, suffix: str = ".json", headers: dict[str, str] | None = None, **changes: Any
    ) -> httpx.Response:
        """Report a matter."""
        return await self.http.post(f"{REQUESTS}{suffix}", data=self.form(**changes), headers=headers)

    async def report(self, **changes: Any) -> str:
        """Report a matter and give its id."""
        answer = await self.post(**changes)
        assert answer.status_code == 201, answer.text
        return answer.json()[0]["service_request_id"]

    async def read(self, service_request_id: str, who: str | None = None) -> httpx.Response:
        """Read one request, with somebody's key or none."""
        query = {"api_key": self.keys[who]} if who else {}
        return await self.http.get(f"{REQUESTS}/{service_request_id}.json", params=query)

    async def one(self, service_request_id: str, who: str | None = None) -> dict[str, Any]:
        """Read one request that is to be seen."""
        answer = await self.read(service_request_id, who)
        assert answer.status_code == 200, answer.text
        [found] = answer.json()
        return found

    async def ids(self, who: str | None = None, **query: Any) -> list[str]:
        """List the ids that a query finds."""
        if who:
            query["api_key"] = self.keys[who]
        answer = await self.http.get(f"{REQUESTS}.json", params=query)
        assert answer.status_code == 200, answer.text
        return [found["service_request_id"] for found in answer.json()]

    async def register_elsewhere(self, **changes: Any) -> str:
        """Register a whistle by the ordinary way in, as the hotline does."""
        matter = {
            "source_system": "12345",
            "external_id": uuid4().hex,
            "channel": "HOTLINE_12345",
            "received_at": "2026-11-24T10:00:00+08:00",
            "title": "占道经营",
            "description": "热线反映的内容",
            "township": "jinhaihu",
            "place": {"address": "某某胡同 3 号"},
        } | changes
        door = self.app.state.context.door
        return (await door.register(matter, actor("source@12345"))).whistle_id


def enterable_folder() -> Path:
    """Make a folder that PostgreSQL may enter, which runs as another account where the tests run as root."""
    folder = Path(tempfile.mkdtemp(prefix="whistle-open311-"))
    folder.chmod(0o755)
    return folder


@pytest.fixture(scope="package")
async def resident() -> AsyncIterator[Resident]:
    """Run one stack without a worker for all tests of this folder."""
    folder = enterable_folder()
    settings = Settings.model_construct(data_dir=folder / ".whistle")
    preparation = Preparation(settings)
    async with embedded_stack(
        settings.data_dir, migrate=preparation.migrate, prepare=preparation.prepare, settings=settings, erase=True
    ) as stack:
        found = {"database_dsn": stack.database_dsn, "temporal_address": stack.temporal_address, "rate_limit": 10_000}
        async with served(settings.model_copy(update=found)) as (app, http):
            yield Resident(http, read_keys(settings.data_dir), app)
    shutil.rmtree(folder)


@asynccontextmanager
async def served(settings: Settings) -> AsyncIterator[tuple[FastAPI, httpx.AsyncClient]]:
    """Run a gateway of these settings, with a client of it."""
    app = create_app(settings)
    http = httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://whistle.test")
    async with app.router.lifespan_context(app), http:
        yield app, http


def parsed(answer: httpx.Response) -> ET.Element:
    """Parse XML strictly."""
    assert answer.headers["content-type"] == "text/xml; charset=utf-8"
    return ET.fromstring(answer.content)


def faults(answer: httpx.Response) -> list[int]:
    """Give the codes of an error list, each of which must say something."""
    assert answer.headers["content-type"] == "application/json; charset=utf-8", answer.text
    assert all(set(fault) == {"code", "description"} and fault["description"] for fault in answer.json())
    return [fault["code"] for fault in answer.json()]
