"""Gateway and worker in this process, on a real Temporal server and a real database, watched from inside."""

import sys
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path
from typing import Any, NamedTuple
from uuid import uuid4

import httpx
import pytest
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from temporalio.client import Client
from temporalio.contrib.pydantic import pydantic_data_converter
from temporalio.testing import WorkflowEnvironment

from observability.opentelemetry_tracing import OpenTelemetryTracing
from observability.runtime import measured_runtime
from settings import Settings
from starter.gateway.app import create_app
from starter.identity import read_keys
from starter.preparation import furnish
from storage.pool import open_pool
from tests.conftest import Database, fresh_database
from tests.integration.gateway.gate import matter
from worker import make_worker
from workflows.presentation import ATTRIBUTE_KEYS

SOURCE, CLERK, LEADER = "source@12345", "clerk@jinhaihu", "leader@jinhaihu"
REVIEW = {
    "decision": "WHISTLE",
    "kind": "DAILY",
    "urgency": "NORMAL",
    "tier": "COMPREHENSIVE",
    "proposed_responders": ["water"],
}


class Spans(NamedTuple):
    """Where the spans of this process go."""

    tracing: OpenTelemetryTracing
    exporter: InMemorySpanExporter

    @classmethod
    def kept(cls) -> "Spans":
        """Keep them in memory."""
        exporter = InMemorySpanExporter()
        return cls(OpenTelemetryTracing("test", exporter), exporter)

    def finished(self) -> list[Any]:
        """Give those that have ended."""
        self.tracing.close()
        return list(self.exporter.get_finished_spans())

    def of(self, traceparent: str) -> list[Any]:
        """Give those of one trace."""
        trace_id = traceparent.split("-")[1]
        return [span for span in self.finished() if f"{span.context.trace_id:032x}" == trace_id]


class Watched(NamedTuple):
    """A gateway and a worker, and the way to both."""

    http: httpx.AsyncClient
    temporal: Client
    keys: dict[str, str]

    async def post(self, name: str, path: str, body: dict[str, Any], **headers: str) -> httpx.Response:
        """Write as somebody."""
        own = {"Authorization": f"Bearer {self.keys[name]}", "Idempotency-Key": uuid4().hex}
        return await self.http.post(path, json=body, headers=own | headers)

    async def register(self, **headers: str) -> str:
        """Register a fresh matter and give its id."""
        answer = await self.post(SOURCE, "/v1/whistles", matter(), **headers)
        assert answer.status_code == 201, answer.text
        return str(answer.json()["whistle_id"])


@pytest.fixture(scope="session")
async def temporal() -> AsyncIterator[Client]:
    """Run a real server."""
    program = Path(sys.executable).with_name("temporal")
    started = await WorkflowEnvironment.start_local(
        dev_server_existing_path=str(program),
        dev_server_log_level="error",
        data_converter=pydantic_data_converter,
        search_attributes=list(ATTRIBUTE_KEYS.values()),
        runtime=measured_runtime(measure=True).runtime,
    )
    async with started as env:
        yield env.client


@pytest.fixture(scope="session")
def spans() -> Spans:
    """The spans of all tests; each knows its own by its trace."""
    return Spans.kept()


@pytest.fixture(scope="session")
async def watched(
    temporal: Client, postgres: Database, tmp_path_factory: pytest.TempPathFactory, spans: Spans
) -> AsyncIterator[Watched]:
    """Run gateway and worker, traced, for all tests of this folder."""
    database = await fresh_database(postgres)
    settings = Settings(
        data_dir=tmp_path_factory.mktemp("watched"),
        database_dsn=database.dsn,
        temporal_address=temporal.service_client.config.target_host,
        graceful_shutdown=timedelta(seconds=1),
    )
    await furnish(database.owner_dsn, database.dsn, settings)
    app = create_app(settings, spans.tracing)
    async with (
        await open_pool(database.dsn, size=10, watch=spans.tracing.queries) as pool,
        make_worker(temporal, pool, settings, spans.tracing),
        app.router.lifespan_context(app),
        httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://gateway") as http,
    ):
        yield Watched(http, temporal, read_keys(settings.data_dir))
