"""Where a worker tells how it is: /healthz, /readyz and /metrics, on an address of its own and without a key."""

import asyncio
import contextlib
import socket
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from datetime import timedelta

import asyncpg
import structlog
import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route
from temporalio.api.workflowservice.v1 import DescribeNamespaceRequest
from temporalio.client import Client
from temporalio.service import RPCError

from observability.measures import WorkerMeasures
from observability.runtime import MeasuredRuntime
from settings import Settings
from starter.metrics.exposition import CONTENT_TYPE, Exposition
from starter.pulse import Pulse
from storage.pool import Pool

_PATIENCE = timedelta(seconds=2)

log = structlog.get_logger("worker")


class WorkerStatus:
    """What is known of this worker: not connected at first, then at work, at last leaving."""

    def __init__(self, measures: WorkerMeasures, runtime: MeasuredRuntime | None) -> None:
        """Begin without a connection."""
        self.exposition = Exposition(measures, runtime, lambda: self._pool)
        self.leaving = False
        self._client: Client | None = None
        self._pool: Pool | None = None
        self._pulse: Pulse | None = None

    def connected(self, client: Client, pool: Pool) -> None:
        """Note by what the worker reaches its servers."""
        self._client, self._pool = client, pool

    def works(self, pulse: Pulse) -> None:
        """Note that the worker runs, and what tells of its progress."""
        self._pulse = pulse

    @property
    def stalled(self) -> tuple[str, ...]:
        """Name the kinds of tasks in which it makes no progress."""
        return self._pulse.stalled if self._pulse else ()

    async def missing(self) -> list[str]:
        """List what keeps it from working now."""
        found = ["it is leaving"] if self.leaving else []
        found += [f"it does not ask for {kind} tasks" for kind in self.stalled]
        if self._client is None or self._pool is None or self._pulse is None:
            return [*found, "Temporal was not reached yet"]
        asked = (_temporal_amiss(self._client), _database_amiss(self._pool))
        return found + [amiss for amiss in await asyncio.gather(*asked) if amiss]


@asynccontextmanager
async def serving(status: WorkerStatus, settings: Settings) -> AsyncIterator[None]:
    """Answer for the length of the block, where the settings name a port; raises OSError if that is taken."""
    if settings.worker_http_port is None:
        yield
        return
    listening = socket.create_server((settings.worker_http_host, settings.worker_http_port), reuse_port=False)
    config = uvicorn.Config(application(status, settings), log_config=None, access_log=False, lifespan="off", ws="none")
    server = _Server(config)
    task = asyncio.create_task(server.serve(sockets=[listening]))
    log.info("worker_tells", host=settings.worker_http_host, port=settings.worker_http_port)
    try:
        yield
    finally:
        server.should_exit = server.force_exit = True
        await asyncio.gather(task, return_exceptions=True)


class _Server(uvicorn.Server):
    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Leave the signals to the worker."""
        yield


def application(status: WorkerStatus, settings: Settings) -> Starlette:
    """Make what answers."""

    async def healthz(_request: Request) -> Response:
        stalled = status.stalled
        if stalled:
            return JSONResponse({"status": "stalled", "does_not_ask_for": stalled}, status_code=503)
        return JSONResponse({"status": "alive"})

    async def readyz(_request: Request) -> Response:
        missing = await status.missing()
        return JSONResponse(
            {"status": "not ready" if missing else "ready", "missing": missing}, 503 if missing else 200
        )

    async def metrics(_request: Request) -> Response:
        return Response(await status.exposition.text(), media_type=CONTENT_TYPE)

    told = {"/healthz": healthz, "/readyz": readyz} | ({"/metrics": metrics} if settings.metrics else {})
    return Starlette(routes=[Route(path, answer) for path, answer in told.items()])


async def _temporal_amiss(client: Client) -> str | None:
    request = DescribeNamespaceRequest(namespace=client.namespace)
    try:
        await client.workflow_service.describe_namespace(request, timeout=_PATIENCE)
    except (RPCError, RuntimeError) as error:
        return f"Temporal does not answer: {error}"
    return None


async def _database_amiss(pool: Pool) -> str | None:
    with contextlib.suppress(
        asyncpg.PostgresError, asyncpg.InterfaceError, asyncpg.InternalClientError, OSError, TimeoutError
    ):
        async with asyncio.timeout(_PATIENCE.total_seconds()):
            await pool.fetchval("select 1")
            return None
    return "PostgreSQL does not answer"
