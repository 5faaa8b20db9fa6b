"""Many deadlines at the same second: how late each strikes, as the database shows it, and that none strikes early.

Each whistle calls its departments for the one time to assemble; nobody signs and nobody comes, so that two limits of
each department strike. A strike counts as seen when its event can be read, so the figures hold the timer, the workflow
task, the ledger and up to a tenth of a second of ours.
"""

import argparse
import asyncio
import time
from collections.abc import Awaitable, Callable, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from benchmarks.ground import ground, run, show
from benchmarks.players import Players, quantiles
from benchmarks.story import CLERK, LEADER, PLATFORM, RESPONDERS, SOURCE, registration
from starter.client import WhistleClient

AT_ONCE = 20
LOOK_EVERY_S = 0.1
PATIENCE_S = 120.0
PER_ACCEPTED_S, AT_LEAST = 0.05, timedelta(seconds=75)
REVIEW = {"decision": "WHISTLE", "kind": "SERVICE", "urgency": "NORMAL", "tier": "COMPREHENSIVE"}
LIMITS_EACH = 2
"""Of signing and of arriving: nobody need sign before, but by the time to assemble."""
STRUCK = """
select count(*) filter (where at >= (data ->> 'due_at')::timestamptz) as in_time,
    count(*) filter (where at < (data ->> 'due_at')::timestamptz) as early
from event where type = 'ClockStruck' and data ->> 'point' = 'LIMIT' and (data ->> 'due_at')::timestamptz = $1
"""


async def main(deadlines: int, departments: Sequence[str]) -> None:
    """Call everybody for the same second, wait for it, and print how late each strike was."""
    whistles = -(-deadlines // (LIMITS_EACH * len(departments)))
    async with ground() as here, WhistleClient.open(here.settings, size=AT_ONCE) as client:
        players = Players(client, here.settings.data_dir)
        due_at = await _called(players, whistles, departments)
        set_up_in_time = datetime.now(UTC) < due_at
        late, early = await _struck(client, due_at, whistles * LIMITS_EACH * len(departments))
    p50, p99 = quantiles(late)
    show(
        {
            "deadlines": whistles * LIMITS_EACH * len(departments),
            "whistles": whistles,
            "all_set_before": set_up_in_time,
            "struck": len(late),
            "early": early,
            "late_p50_ms": f"{p50:.0f}",
            "late_p99_ms": f"{p99:.0f}",
            "late_max_ms": f"{max(late) * 1000:.0f}",
            "strikes_per_s": f"{len(late) / max(late):.0f}",
        }
    )


async def _called(players: Players, whistles: int, departments: Sequence[str]) -> datetime:
    source, clerk, leader, platform = [await players.named(name) for name in (SOURCE, CLERK, LEADER, PLATFORM)]
    far = (datetime.now(UTC) + timedelta(days=1)).isoformat()

    async def blown(number: int) -> str:
        registered = await players.client.register(registration(f"deadline-{number}"), source)
        one = registered.whistle_id
        await players.client.do(
            one,
            "review",
            REVIEW | {"proposed_responders": list(departments), "assemble_at": far},
            clerk,
            f"review/{one}",
        )
        await players.client.do(one, "blow", {}, leader, f"blow/{one}")
        return one

    ids = await _each(blown, range(whistles))
    due_at = datetime.now(UTC) + max(AT_LEAST, timedelta(seconds=whistles * PER_ACCEPTED_S))
    due_at = due_at.replace(microsecond=0)

    async def accepted(one: str) -> None:
        called = {"lead": departments[0], "cooperating": list(departments[1:])}
        body = {**called, "assemble_at": due_at.isoformat(), "change_reason": "统一集合"}
        await players.client.do(one, "accept", body, platform, f"accept/{one}")

    await _each(accepted, ids)
    return due_at


async def _each(work: Callable[[Any], Awaitable[Any]], what: Any) -> list[Any]:  # noqa: ANN401 - any list of anything
    gate = asyncio.Semaphore(AT_ONCE)

    async def one(item: Any) -> Any:  # noqa: ANN401
        async with gate:
            return await work(item)

    return list(await asyncio.gather(*(one(item) for item in what)))


async def _struck(client: WhistleClient, due_at: datetime, expected: int) -> tuple[list[float], int]:
    """Give the seconds by which each strike was seen late, and how many were early by their own record."""
    late, given_up = list[float](), time.monotonic() + (due_at - datetime.now(UTC)).total_seconds() + PATIENCE_S
    while True:
        row = await client.pool.fetchrow(STRUCK, due_at)
        seen, early = (row["in_time"], row["early"]) if row else (0, 0)
        late += [(datetime.now(UTC) - due_at).total_seconds()] * (seen - len(late))
        if len(late) >= expected or time.monotonic() > given_up:
            return late, early + sum(1 for one in late if one < 0)
        await asyncio.sleep(LOOK_EVERY_S)


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--deadlines", type=int, default=1000)
    parser.add_argument("--departments", type=int, choices=(1, 2, 3), default=3, help="that each whistle calls")
    asked = parser.parse_args()
    run(main(asked.deadlines, RESPONDERS[: asked.departments]))
