"""Those who play the story: everyone who acts, and many whistles at once."""

import asyncio
import statistics
import time
from pathlib import Path
from typing import NamedTuple
from uuid import uuid4

from benchmarks.story import registration, steps
from domain.values import Actor
from starter.client import WhistleClient
from starter.identity import actor_named


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


def quantiles(seconds: list[float]) -> tuple[float, float]:
    """Give p50 and p99 in milliseconds."""
    cuts = statistics.quantiles(seconds, n=100)
    return cuts[49] * 1000, cuts[98] * 1000
