"""Who is served first while one township floods: the others, an emergency of its own, and itself.

One township holds twice as many commands in flight as a worker takes in hand; six others send one at a time, and
so does an emergency of the township that floods. Rounds take turns on one stack; in plain ones nobody had a rank.
`others_gain` and `emergency_gain` are the median waits of plain rounds over those of ranked ones.
"""

import argparse
import asyncio
import time
import uuid
from collections import defaultdict
from collections.abc import AsyncIterator, Awaitable, Iterable
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import Any, NamedTuple, TypeVar

from temporalio.client import Interceptor, OutboundInterceptor, StartWorkflowInput, WorkflowHandle
from temporalio.common import Priority

from benchmarks.ground import Ground, ground, run, show
from benchmarks.players import quantiles
from benchmarks.story import registration
from domain.values import Actor
from domain.vocabulary import Role
from starter.client import WhistleClient
from starter.watching import Watched

OTHERS = ("binhe", "xinggu", "pinggu", "donggaocun", "mafang", "yukou")
SOURCE = Actor(subject="source@12345", role=Role.SOURCE_SYSTEM, organisation="12345")
APPENDED = {"text": "又来电", "kind": "REPEATED_CALL"}
ROUNDS = ("plain", "ranked", "ranked", "plain")
CONNECTIONS = 12
PAUSE_S = 0.2
PATIENCE = timedelta(minutes=1)
T = TypeVar("T")
Waits = dict[str, list[float]]


class WithoutRank(Interceptor):
    """Makes a client start workflows as if nobody had said who is first."""

    def intercept_client(self, next: OutboundInterceptor) -> OutboundInterceptor:  # noqa: A002 - named by the SDK
        """Stand before the next."""
        return _Unranking(next)


class _Unranking(OutboundInterceptor):
    async def start_workflow(self, input: StartWorkflowInput) -> WorkflowHandle[Any, Any]:  # noqa: A002 - as above
        input.priority = Priority.default
        return await super().start_workflow(input)


class Doors(NamedTuple):
    """Two ways in, so that nobody waits here for whoever floods."""

    flooded: WhistleClient
    calm: WhistleClient


async def main(flood: int, seconds: float) -> None:
    """Play the rounds and print the figures."""
    waits: dict[str, Waits] = {kind: defaultdict(list) for kind in ROUNDS}
    async with ground() as here:
        for number, kind in enumerate(ROUNDS):
            async with _doors(here, ranked=kind == "ranked") as doors:
                await _play(doors, f"round-{number}", flood, seconds, waits[kind])
    found = {(who, kind): quantiles(taken) for kind, of_kind in waits.items() for who, taken in of_kind.items()}
    figures: dict[str, object] = {
        "flood_in_flight": flood,
        "flood_commands": sum(len(w["flood"]) for w in waits.values()),
    }
    for (who, kind), (p50, p99) in found.items():
        figures |= {f"{who}_{kind}_p50_ms": f"{p50:.0f}", f"{who}_{kind}_p99_ms": f"{p99:.0f}"}
    for who in ("others", "emergency"):
        figures[f"{who}_gain"] = f"{found[who, 'plain'][0] / found[who, 'ranked'][0]:.1f}"
    show(figures)


@asynccontextmanager
async def _doors(here: Ground, *, ranked: bool) -> AsyncIterator[Doors]:
    watched = Watched(interceptors=() if ranked else (WithoutRank(),))
    async with (
        WhistleClient.open(here.settings, size=CONNECTIONS, watched=watched) as one,
        WhistleClient.open(here.settings, size=CONNECTIONS, watched=watched) as other,
    ):
        yield Doors(*(WhistleClient(door.pool, door.temporal, patience=PATIENCE) for door in (one, other)))


async def _play(doors: Doors, prefix: str, flood: int, seconds: float, waits: Waits) -> None:
    gate = asyncio.Semaphore(CONNECTIONS)

    async def registered(name: str, **changes: str) -> str:
        async with gate:
            matter = registration(f"{prefix}-{name}") | changes
            return (await doors.flooded.register(matter, SOURCE)).whistle_id

    many = await _all(registered(f"flood-{i}") for i in range(flood))
    others = await _all(registered(code, township=code) for code in OTHERS)
    emergency = await registered("emergency", kind="EMERGENCY")
    ends = time.perf_counter() + seconds
    sending = [_keep_sending(doors.flooded, one, ends, waits["flood"], 0) for one in many]
    sending += [_keep_sending(doors.calm, one, ends, waits["others"], PAUSE_S) for one in others]
    await _all([*sending, _keep_sending(doors.calm, emergency, ends, waits["emergency"], PAUSE_S)])


async def _keep_sending(client: WhistleClient, whistle_id: str, ends: float, waits: list[float], pause: float) -> None:
    while (began := time.perf_counter()) < ends:
        await client.do(whistle_id, "append", APPENDED, SOURCE, f"{SOURCE.subject}:{uuid.uuid4()}")
        waits.append(time.perf_counter() - began)
        await asyncio.sleep(pause)


async def _all(work: Iterable[Awaitable[T]]) -> list[T]:
    return list(await asyncio.gather(*work))


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--flood", type=int, default=200)
    parser.add_argument("--seconds", type=float, default=6)
    arguments = parser.parse_args()
    run(main(arguments.flood, arguments.seconds))
