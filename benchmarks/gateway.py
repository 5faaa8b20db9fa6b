"""What HTTP costs: the same command through the gateway and through the Python client, in turn, in one run.

Prints `key=value` lines. Each pair of commands goes to one whistle, so both doors meet the same stack alike.
"""

import asyncio
import os
import shutil
import statistics
import sys
import tempfile
import time
import uuid
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from pathlib import Path

import httpx

from settings import Settings
from starter.client import WhistleClient
from starter.embedded import embedded_stack
from starter.identity import actor_named, read_keys
from starter.preparation import GATEWAY, WORKER, Preparation

WHISTLES = 20
ROUNDS = 15
SOURCE, CLERK = "source@12345", "clerk@jinhaihu"
APPENDED = {"text": "仍在增加。", "kind": "MORE"}


async def main(folder: Path) -> None:
    """Start a stack, measure both doors, and print the figures."""
    settings = Settings.model_construct(data_dir=folder / ".whistle")
    preparation = Preparation(settings)
    async with embedded_stack(
        settings.data_dir,
        worker_command=WORKER,
        gateway_command=GATEWAY,
        migrate=preparation.migrate,
        prepare=preparation.prepare,
        settings=settings,
        erase=True,
    ) as stack:
        found = {"database_dsn": stack.database_dsn, "temporal_address": stack.temporal_address}
        async with (
            WhistleClient.open(settings.model_copy(update=found)) as client,
            httpx.AsyncClient(base_url=stack.gateway_url or "", trust_env=False) as http,
        ):
            report(*await measure(settings.data_dir, client, http))


async def measure(data_dir: Path, client: WhistleClient, http: httpx.AsyncClient) -> tuple[list[float], list[float]]:
    """Give the milliseconds of each command by the two doors."""
    keys = read_keys(data_dir)
    source, clerk = [await actor_named(client.pool, data_dir, name) for name in (SOURCE, CLERK)]
    headers = {"Authorization": f"Bearer {keys[CLERK]}"}
    ids = [(await client.register(matter(), source)).whistle_id for _ in range(WHISTLES)]

    async def by_http(whistle_id: str) -> None:
        answer = await http.post(f"/v1/whistles/{whistle_id}/append", json=APPENDED, headers=headers)
        answer.raise_for_status()

    async def by_client(whistle_id: str) -> None:
        await client.do(whistle_id, "append", APPENDED, clerk, f"{CLERK}:{uuid.uuid4()}")

    over_http, direct = [], []
    for turn in range(ROUNDS):
        for whistle_id in ids:
            pair = [(by_http, over_http), (by_client, direct)]
            for command, taken in pair if turn % 2 else reversed(pair):
                taken.append(await timed(command, whistle_id))
    # The first round warms caches and connections on both sides.
    return over_http[WHISTLES:], direct[WHISTLES:]


async def timed(command: Callable[[str], Awaitable[None]], whistle_id: str) -> float:
    """Give the milliseconds that a command takes."""
    began = time.perf_counter()
    await command(whistle_id)
    return (time.perf_counter() - began) * 1000


def report(over_http: list[float], direct: list[float]) -> None:
    """Print the figures."""
    figures = {"http_command": over_http, "client_command": direct}
    for name, taken in figures.items():
        hundredths = statistics.quantiles(taken, n=100)
        print(f"{name}_p50_ms={statistics.median(taken):.2f}")
        print(f"{name}_p99_ms={hundredths[98]:.2f}")
    print(f"http_commands={len(over_http)}")
    print(f"http_ratio={statistics.median(over_http) / statistics.median(direct):.3f}")


def matter() -> dict[str, object]:
    """Describe a matter that nobody registered yet."""
    return {
        "source_system": "12345",
        "external_id": uuid.uuid4().hex,
        "channel": "HOTLINE_12345",
        "received_at": datetime.now(UTC).isoformat(),
        "title": "占道经营",
        "description": "占道经营",
        "township": "jinhaihu",
        "place": {"address": "某处"},
    }


if __name__ == "__main__":
    here = Path(tempfile.mkdtemp(prefix="whistle-bench-"))
    here.chmod(0o755)
    asyncio.run(main(here))
    shutil.rmtree(here)
    sys.stdout.flush()
    os._exit(0)
