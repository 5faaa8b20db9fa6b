"""One command at a time by three doors: the floor's bare update, the Python client, and HTTP.

The doors take turns, and client and gateway send to the same whistles, so all of them meet the same stack alike.
"""

import time
import uuid
from collections.abc import Awaitable, Callable

import httpx

from benchmarks.floor import Floor
from benchmarks.ground import Ground
from benchmarks.players import Players, quantiles
from benchmarks.story import registration
from starter.identity import read_keys

WHISTLES = 20
SOURCE, CLERK = "source@12345", "clerk@jinhaihu"
APPENDED = {"text": "仍在增加。", "kind": "MORE"}
Command = Callable[[str], Awaitable[None]]


async def latency(here: Ground, players: Players, beside: Floor, rounds: int) -> dict[str, object]:
    """Measure the doors over so many rounds; gives their figures and ratios."""
    source, clerk = await players.named(SOURCE), await players.named(CLERK)
    ids = [(await players.client.register(registration(f"latency-{i}"), source)).whistle_id for i in range(WHISTLES)]
    bare = {whistle_id: await beside.open(rounds) for whistle_id in ids}
    headers = {"Authorization": f"Bearer {read_keys(here.settings.data_dir)[CLERK]}"}
    async with httpx.AsyncClient(base_url=here.stack.gateway_url or "", headers=headers, trust_env=False) as http:

        async def by_floor(whistle_id: str) -> None:
            await beside.command(bare[whistle_id], uuid.uuid4().int)

        async def by_client(whistle_id: str) -> None:
            await players.client.do(whistle_id, "append", APPENDED, clerk, f"{CLERK}:{uuid.uuid4()}")

        async def by_http(whistle_id: str) -> None:
            (await http.post(f"/v1/whistles/{whistle_id}/append", json=APPENDED)).raise_for_status()

        taken = await _in_turn({"floor": by_floor, "client": by_client, "http": by_http}, ids, rounds)
    found = {door: quantiles(all_taken) for door, all_taken in taken.items()}
    return {
        **{f"{door}_command_p50_ms": f"{p50:.2f}" for door, (p50, _) in found.items()},
        **{f"{door}_command_p99_ms": f"{p99:.2f}" for door, (_, p99) in found.items()},
        "latency_ratio": f"{found['client'][0] / found['floor'][0]:.3f}",
        "http_ratio": f"{found['http'][0] / found['client'][0]:.3f}",
    }


async def _in_turn(doors: dict[str, Command], ids: list[str], rounds: int) -> dict[str, list[float]]:
    taken: dict[str, list[float]] = {door: [] for door in doors}
    for turn in range(rounds):
        order = list(doors)[turn % len(doors) :] + list(doors)[: turn % len(doors)]
        for whistle_id in ids:
            for door in order:
                began = time.perf_counter()
                await doors[door](whistle_id)
                taken[door].append(time.perf_counter() - began)
    # The first round warms caches and connections on every side.
    return {door: all_taken[len(ids) :] for door, all_taken in taken.items()}
