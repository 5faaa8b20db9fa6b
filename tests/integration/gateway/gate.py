"""The way to a gateway: clients that come to it by HTTP as anybody may, and what they send and expect."""

import asyncio
import os
import sys
import tempfile
import uuid
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NamedTuple

import httpx

from starter.embedded import EmbeddedStack
from starter.embedded.ports import choose_ports
from starter.identity import read_keys
from storage.pool import Pool
from tests.patience import until

SOURCE, CLERK, LEADER, PLATFORM = "source@12345", "clerk@jinhaihu", "leader@jinhaihu", "platform"
WATER, POLICE = "department@water", "department@police"
SECRET = "李四家在村东头"


class Gate(NamedTuple):
    """A running stack, and the way to one of its gateways."""

    stack: EmbeddedStack
    http: httpx.AsyncClient
    pool: Pool
    data_dir: Path

    @property
    def url(self) -> str:
        """Where the gateway is."""
        return str(self.http.base_url).rstrip("/")

    def headers(self, name: str, key: str | None = None) -> dict[str, str]:
        """Give what somebody of keys.json sends along."""
        own = {"Authorization": f"Bearer {read_keys(self.data_dir)[name]}"}
        return own | ({"Idempotency-Key": key} if key else {})

    async def get(self, name: str, path: str, **query: Any) -> httpx.Response:
        """Read as somebody."""
        return await self.http.get(path, params=query, headers=self.headers(name))

    async def post(self, name: str, path: str, body: Any = None, *, key: str | None = None) -> httpx.Response:
        """Write as somebody."""
        return await self.http.post(path, json=body, headers=self.headers(name, key))

    async def register(self, **changes: Any) -> str:
        """Register a fresh matter and give its id."""
        answer = await self.post(SOURCE, "/v1/whistles", matter(**changes))
        assert answer.status_code == 201, answer.text
        return answer.json()["whistle_id"]

    async def do(self, name: str, whistle_id: str, command: str, **body: Any) -> dict[str, Any]:
        """Have a command done and give the view."""
        answer = await self.post(name, f"/v1/whistles/{whistle_id}/{command}", body)
        assert answer.status_code == 200, (command, answer.text)
        return answer.json()

    async def emergency(self, *responders: str, **changes: Any) -> str:
        """Register a matter and blow it as an emergency at once, so that departments are called."""
        whistle_id = await self.register(**changes)
        await self.do(CLERK, whistle_id, "review", **review(*responders, kind="EMERGENCY", urgency="URGENT"))
        return whistle_id


@asynccontextmanager
async def another_gateway(gate: Gate, **environment: str) -> AsyncIterator[tuple[Gate, asyncio.subprocess.Process]]:
    """Run one more gateway process on the same stack, under other settings."""
    port = choose_ports(Path(tempfile.mkdtemp()), {"http": None})["http"]
    told = {
        "WHISTLE_DATABASE_DSN": gate.stack.database_dsn,
        "TEMPORAL_ADDRESS": gate.stack.temporal_address,
        "WHISTLE_HTTP_PORT": str(port),
        "WHISTLE_GRACEFUL_SHUTDOWN_S": "10",
    }
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "starter.gateway", env=os.environ | told | environment, stderr=asyncio.subprocess.DEVNULL
    )
    try:
        async with client(f"http://127.0.0.1:{port}") as http:
            await until(lambda: _answers(http, "/readyz"), within_s=60)
            yield gate._replace(http=http), process
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()


async def _answers(http: httpx.AsyncClient, path: str) -> bool:
    try:
        return (await http.get(path)).is_success
    except httpx.ConnectError:
        return False


def client(url: str) -> httpx.AsyncClient:
    """Make an HTTP client that is patient and knows no proxy."""
    limits = httpx.Limits(max_connections=200)
    return httpx.AsyncClient(base_url=url, trust_env=False, timeout=30, limits=limits)


def matter(**changes: Any) -> dict[str, Any]:
    """Describe a matter that nobody registered yet."""
    return {
        "source_system": "12345",
        "external_id": uuid.uuid4().hex,
        "channel": "HOTLINE_12345",
        "received_at": datetime.now(UTC).isoformat(),
        "title": "占道经营",
        "description": SECRET,
        "township": "jinhaihu",
        "place": {"address": SECRET},
        "reporter": {"name": SECRET, "phone": "13800000000"},
    } | changes


def review(*responders: str, **changes: Any) -> dict[str, Any]:
    """Decide to whistle."""
    return {
        "decision": "WHISTLE",
        "kind": "DAILY",
        "urgency": "NORMAL",
        "tier": "COMPREHENSIVE",
        "proposed_responders": list(responders or ("water", "police")),
    } | changes


def problem_of(answer: httpx.Response, status: int, problem: str) -> dict[str, Any]:
    """Check that an answer is the problem that was expected, in the form of every problem."""
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    told = answer.json()
    assert told["type"] == f"urn:whistle:problem:{problem}"
    assert told["status"] == status
    assert {"title", "detail", "instance"} <= set(told)
    return told
