"""`make bench`: 200 whistles of 3 departments through all steps, 20 in flight, on a stack of its own.

The last lines are plain `key=value` figures. `floor_ratio` is our seconds per command over those of a workflow
that only records, measured on the same server in the same run: machines differ, the ratio is what to compare.
"""

import argparse
import asyncio
import os
import statistics
import sys
import tempfile
import time
from pathlib import Path
from typing import NamedTuple
from uuid import uuid4

from temporalio.client import Client

from benchmarks.floor import run_floor
from benchmarks.story import registration, steps
from domain.values import Actor
from settings import Settings
from starter.client import WhistleClient
from starter.embedded import EmbeddedStack, embedded_stack
from starter.identity import actor_named
from starter.preparation import WORKER, Preparation

MEASURED_HISTORIES = 20


class Played(NamedTuple):
    """What playing the whistles took: seconds in all, and of each command."""

    seconds: float
    latencies: list[float]
    whistle_ids: list[str]


class Players:
    """Everyone who acts, looked up once."""

    def __init__(self, client: WhistleClient, data_dir: Path) -> None:
        self.client = client
        self._data_dir = data_dir
        self._known: dict[str, Actor] = {}

    async def named(self, name: str) -> Actor:
        """Find an actor by the name of its key."""
        if name not in self._known:
            self._known[name] = await actor_named(self.client.pool, self._data_dir, name)
        return self._known[name]


async def play(players: Players, whistles: int, in_flight: int, prefix: str) -> Played:
    """Play whistles from registration to CLOSED."""
    gate, latencies = asyncio.Semaphore(in_flight), list[float]()
    for who, _, _ in steps():
        await players.named(who)
    began = time.perf_counter()
    ids = await asyncio.gather(*(_one(players, gate, f"{prefix}-{i}", latencies) for i in range(whistles)))
    return Played(time.perf_counter() - began, latencies, list(ids))


async def _one(players: Players, gate: asyncio.Semaphore, external_id: str, latencies: list[float]) -> str:
    async with gate:
        source = await players.named("source@12345")
        registered = await players.client.register(registration(external_id), source)
        for who, name, body in steps():
            actor = await players.named(who)
            began = time.perf_counter()
            await players.client.do(registered.whistle_id, name, body, actor, f"{who}:{uuid4()}")
            latencies.append(time.perf_counter() - began)
        return registered.whistle_id


async def history_cost(temporal: Client, whistle_ids: list[str], commands: int) -> tuple[float, float]:
    """Events and bytes of history per command, a mean over some whistles."""
    events = size = 0
    for whistle_id in whistle_ids:
        described = await temporal.get_workflow_handle(f"whistle:{whistle_id}").describe()
        events += described.history_length
        size += described.raw_description.workflow_execution_info.history_size_bytes
    counted = len(whistle_ids) * commands
    return events / counted, size / counted


async def measure(stack: EmbeddedStack, settings: Settings, whistles: int, in_flight: int) -> None:
    """Warm up, measure, and print the figures."""
    async with WhistleClient.open(settings, size=in_flight) as client:
        players, commands = Players(client, stack.data_dir), len(steps())
        await play(players, in_flight, in_flight, "warm")
        floor_seconds = await run_floor(client.temporal, stack.temporal_address, whistles, commands, in_flight)
        played = await play(players, whistles, in_flight, "bench")
        events, size = await history_cost(client.temporal, played.whistle_ids[:MEASURED_HISTORIES], commands)
    cuts = statistics.quantiles(played.latencies, n=100)
    figures = {
        "whistles": whistles,
        "commands_per_whistle": commands,
        "in_flight": in_flight,
        "whistles_per_s": f"{whistles / played.seconds:.2f}",
        "commands_per_s": f"{whistles * commands / played.seconds:.1f}",
        "p50_ms": f"{cuts[49] * 1000:.1f}",
        "p99_ms": f"{cuts[98] * 1000:.1f}",
        "events_per_command": f"{events:.2f}",
        "bytes_per_command": f"{size:.0f}",
        "floor_ratio": f"{played.seconds / floor_seconds:.2f}",
    }
    print("\n".join(f"{key}={value}" for key, value in figures.items()))


async def main(whistles: int, in_flight: int) -> None:
    """Run on a stack in a folder of its own, which is removed."""
    with tempfile.TemporaryDirectory(prefix="whistle-bench-") as folder:
        data_dir = Path(folder) / "stack"
        own = Settings.model_construct(data_dir=data_dir)
        preparation = Preparation(own)
        async with embedded_stack(
            data_dir, worker_command=WORKER, migrate=preparation.migrate, prepare=preparation.prepare, erase=True
        ) as stack:
            addresses = {"database_dsn": stack.database_dsn, "temporal_address": stack.temporal_address}
            settings = Settings.model_construct(data_dir=data_dir, **addresses)
            await measure(stack, settings, whistles, in_flight)


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--whistles", type=int, default=200)
    parser.add_argument("--in-flight", type=int, default=20)
    arguments = parser.parse_args()
    asyncio.run(main(arguments.whistles, arguments.in_flight))
    sys.stdout.flush()
    os._exit(0)
