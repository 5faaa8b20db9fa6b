"""What it costs to be watched: the same lives on three stacks, in turn, in one run.

`off`: no metrics, no traces. `metrics`: both processes measure and are scraped every second. `traces`: every request is
traced too and sent to a collector on this machine. Each round plays on every stack; a ratio is the median over rounds,
so that a busy machine is busy for all. Prints `key=value` lines. Run `python -m benchmarks.observability`.
"""

import argparse
import asyncio
import contextlib
import os
import statistics
import sys
import tempfile
import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from itertools import chain
from pathlib import Path
from typing import NamedTuple
from uuid import uuid4

import httpx
from temporalio.client import Client

from benchmarks.story import registration, steps
from settings import Settings
from starter.embedded import EmbeddedStack, embedded_stack
from starter.identity import read_keys
from starter.preparation import GATEWAY, WORKER, Preparation

IN_FLIGHT = 5
SCRAPED_EVERY_S = 1.0


class Stand(NamedTuple):
    """One stack and the way to its gateway."""

    stack: EmbeddedStack
    http: httpx.AsyncClient
    keys: dict[str, str]

    async def post(self, who: str, path: str, body: object) -> float:
        """Post as somebody; gives the seconds that it took."""
        began = time.perf_counter()
        answer = await self.http.post(path, json=body, headers={"Authorization": f"Bearer {self.keys[who]}"})
        answer.raise_for_status()
        return time.perf_counter() - began

    async def life(self, taken: list[float]) -> None:
        """Play one whistle through all steps."""
        matter = registration(uuid4().hex)
        await self.post("source@12345", "/v1/whistles", {**matter, "received_at": matter["received_at"].isoformat()})
        path = f"/v1/whistles/12345:{matter['external_id']}"
        for who, name, body in steps():
            taken.append(await self.post(who, f"{path}/{name.replace('_', '-')}", body))

    async def play(self, lives: int) -> list[float]:
        """Play lives, a few at a time."""
        gate, taken = asyncio.Semaphore(IN_FLIGHT), list[float]()

        async def one() -> None:
            async with gate:
                await self.life(taken)

        await asyncio.gather(*(one() for _ in range(lives)))
        return taken


@asynccontextmanager
async def a_stand(folder: Path, *, metrics: bool, collector: str | None) -> AsyncIterator[Stand]:
    """Run a stack, watched so."""
    settings = Settings.model_construct(data_dir=folder / ".whistle", metrics=metrics)
    preparation = Preparation(settings)
    spans_to = (f"OTEL_EXPORTER_OTLP_ENDPOINT={collector}",) if collector else ()
    async with (
        embedded_stack(
            settings.data_dir,
            worker_command=("env", *spans_to, *WORKER),
            gateway_command=("env", "WHISTLE_RATE_LIMIT=100000", *spans_to, *GATEWAY),
            migrate=preparation.migrate,
            prepare=preparation.prepare,
            settings=settings,
            erase=True,
        ) as stack,
        httpx.AsyncClient(base_url=stack.gateway_url or "", trust_env=False, timeout=30) as http,
    ):
        yield Stand(stack, http, read_keys(settings.data_dir))


async def take_spans(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Be a collector that keeps nothing."""
    with contextlib.suppress(asyncio.IncompleteReadError, ConnectionError):
        while True:
            head = (await reader.readuntil(b"\r\n\r\n")).decode().lower()
            await reader.readexactly(int(head.partition("content-length:")[2].split("\r\n")[0]))
            writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
    writer.close()


async def scrape(stand: Stand) -> None:
    """Scrape both processes for ever."""
    urls = [f"{stand.stack.gateway_url}/metrics", f"{stand.stack.record.worker_url}/metrics"]
    async with httpx.AsyncClient(trust_env=False) as http:
        while True:
            await asyncio.gather(*(http.get(url) for url in urls))
            await asyncio.sleep(SCRAPED_EVERY_S)


async def compare(stands: dict[str, Stand], rounds: int, lives: int) -> dict[str, str]:
    """Play in turn; give each stack's figures and its ratio to the first."""
    taken: dict[str, list[list[float]]] = {name: [] for name in stands}
    for turn in range(rounds + 1):
        names = list(stands)
        for name in names if turn % 2 else reversed(names):
            played = await stands[name].play(lives)
            # The first round warms everything.
            if turn:
                taken[name].append(played)
    figures = {f"{name}_p50_ms": f"{statistics.median(chain.from_iterable(r)) * 1000:.1f}" for name, r in taken.items()}
    for name in list(stands)[1:]:
        pairs = zip(taken[name], taken["off"], strict=True)
        ratios = [statistics.median(one) / statistics.median(base) for one, base in pairs]
        figures[f"{name}_ratio"] = f"{statistics.median(ratios):.3f}"
    return figures | {"commands_each": str(sum(map(len, taken["off"])))}


async def history_bytes(stand: Stand) -> float:
    """Bytes of history of the last lives, a mean per command."""
    answer = await stand.http.get(
        "/v1/whistles?limit=20", headers={"Authorization": f"Bearer {stand.keys['platform']}"}
    )
    client = await Client.connect(stand.stack.temporal_address)
    sizes = []
    for item in answer.json()["items"]:
        described = await client.get_workflow_handle(f"whistle:{item['whistle_id']}").describe()
        sizes.append(described.raw_description.workflow_execution_info.history_size_bytes)
    return statistics.mean(sizes) / len(steps())


async def main(rounds: int, lives: int) -> None:
    """Run the three stacks side by side, and play on one at a time."""
    collector = await asyncio.start_server(take_spans, "127.0.0.1", 0)
    address = f"http://127.0.0.1:{collector.sockets[0].getsockname()[1]}"
    ways = {"off": (False, None), "metrics": (True, None), "traces": (True, address)}
    async with AsyncExitStack() as closing:
        stands = {}
        for name, (metrics, spans_to) in ways.items():
            folder = Path(closing.enter_context(tempfile.TemporaryDirectory(prefix="whistle-bench-")))
            folder.chmod(0o755)  # noqa: ASYNC240 - once
            stands[name] = await closing.enter_async_context(a_stand(folder, metrics=metrics, collector=spans_to))
        scraping = [asyncio.create_task(scrape(stands[name])) for name in ("metrics", "traces")]
        figures = await compare(stands, rounds, lives)
        figures |= {f"{name}_bytes_per_command": f"{await history_bytes(stand):.0f}" for name, stand in stands.items()}
        for task in scraping:
            task.cancel()
    print("\n".join(f"{key}={value}" for key, value in figures.items()))


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--rounds", type=int, default=6)
    parser.add_argument("--lives", type=int, default=6)
    arguments = parser.parse_args()
    asyncio.run(main(arguments.rounds, arguments.lives))
    sys.stdout.flush()
    os._exit(0)
