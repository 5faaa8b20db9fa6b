"""Thousands of whistles open at once on one worker: what each costs, and that the next costs no more than the first.

Prints memory and pace at each tenth of the way, then kills the worker and measures the first command to whistles that
its successor has never seen (a cold replay each), beside the same command once they are warm.
"""

import argparse
import asyncio
import random
import time
import uuid
from contextlib import suppress

from benchmarks.ground import Ground, ground, run, show
from benchmarks.players import Players, quantiles
from benchmarks.story import CLERK, SOURCE, registration
from domain.errors import TemporarilyUnavailableError
from starter.client import WhistleClient

AT_ONCE = 20
TOUCHED = 200
WITHIN_S = 60.0
APPENDED = {"text": "仍在增加。", "kind": "MORE"}


async def main(whistles: int) -> None:
    """Open them, look at the memory, restart the worker, and touch some."""
    async with ground() as here, WhistleClient.open(here.settings, size=AT_ONCE) as client:
        players = Players(client, here.settings.data_dir)
        ids, figures = await _opened(here, players, whistles)
        await here.stack.crash("worker")
        chosen = random.Random(7).sample(ids, min(TOUCHED, len(ids)))
        cold, warm = await _touched(players, chosen), await _touched(players, chosen)
        figures["worker_restarted_mb"] = f"{here.memory_mb('worker'):.0f}"
    for name, taken in (("cold", cold), ("warm", warm)):
        p50, p99 = quantiles(taken)
        figures |= {f"{name}_command_p50_ms": f"{p50:.1f}", f"{name}_command_p99_ms": f"{p99:.1f}"}
    show(figures)


async def _opened(here: Ground, players: Players, whistles: int) -> tuple[list[str], dict[str, object]]:
    source, gate = await players.named(SOURCE), asyncio.Semaphore(AT_ONCE)
    ids, paces = list[str](), list[float]()
    memory = [(here.memory_mb("worker"), here.memory_mb("temporal"))]

    async def one(number: int) -> str:
        async with gate:
            return (await players.client.register(registration(f"open-{number}"), source)).whistle_id

    tenth = max(whistles // 10, 1)
    for begin in range(0, whistles, tenth):
        began = time.perf_counter()
        ids += await asyncio.gather(*(one(begin + i) for i in range(tenth)))
        paces.append(tenth / (time.perf_counter() - began))
        memory.append((here.memory_mb("worker"), here.memory_mb("temporal")))
        show({"open": len(ids), "registered_per_s": f"{paces[-1]:.1f}", "worker_mb": f"{memory[-1][0]:.0f}"})
    return ids, {
        "whistles": len(ids),
        "first_tenth_per_s": f"{paces[0]:.1f}",
        "last_tenth_per_s": f"{paces[-1]:.1f}",
        "pace_ratio": f"{paces[-1] / max(paces[0], paces[1] if len(paces) > 1 else 0):.2f}",
        "worker_mb": f"{memory[-1][0]:.0f}",
        "temporal_mb": f"{memory[-1][1]:.0f}",
        "worker_kb_per_whistle_second_half": f"{_growth(memory, 0, tenth):.1f}",
        "temporal_kb_per_whistle_second_half": f"{_growth(memory, 1, tenth):.1f}",
    }


def _growth(memory: list[tuple[float, float]], which: int, tenth: int) -> float:
    half = len(memory) // 2
    grown = memory[-1][which] - memory[half][which]
    return grown * 1000 / (tenth * max(len(memory) - 1 - half, 1))


async def _touched(players: Players, ids: list[str]) -> list[float]:
    clerk, taken = await players.named(CLERK), list[float]()
    for one in ids:
        began = time.perf_counter()
        command_id = f"{CLERK}:{uuid.uuid4()}"
        # For ten seconds Temporal has tasks wait for the worker that is gone: the same again, and all of it counts.
        async with asyncio.timeout(WITHIN_S):
            while True:
                with suppress(TemporarilyUnavailableError):
                    await players.client.do(one, "append", APPENDED, clerk, command_id)
                    break
        taken.append(time.perf_counter() - began)
    return taken


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--whistles", type=int, default=10_000)
    run(main(parser.parse_args().whistles))
