"""One storm from its first cloud to the verdict: grounds, visitors, monkey, calm, and five points to be proved."""

import asyncio
import time
from collections import Counter
from collections.abc import Callable, Sequence
from datetime import timedelta
from typing import NamedTuple

import httpx

from starter.identity import read_keys
from starter.replay import replay_open
from tests.chaos.findings import find, until_settled
from tests.chaos.invariants import Claims, Found, breaches
from tests.chaos.storm.deck import PARTS, plan
from tests.chaos.storm.grounds import Grounds
from tests.chaos.storm.letterbox import misdelivered, sent
from tests.chaos.storm.monkey import Monkey
from tests.chaos.storm.verdict import Verdict
from tests.chaos.storm.visitors import ANSWERED_WITHIN_S, Diary, Door, Visit
from tests.chaos.testimony import Trouble, Witness, contradictions, latenesses
from tests.patience import until

RECOVERY = timedelta(seconds=60)
"""What an excuse is worth after its trouble: a connection that died in silence is noticed by then."""
LATE_AT_MOST = timedelta(seconds=15)
"""On two cores that servers, clients and lines share."""
IN_FLIGHT, CROWD = 40, 20
SETTLES_WITHIN_S = 120.0
REPLAYED = "TaskQueue = 'whistle'"
Say = Callable[[str], None]


class Evidence(NamedTuple):
    """All that is known when everything has come to rest."""

    found: Sequence[Found]
    diary: Diary
    troubles: Sequence[Trouble]


async def storm(here: Grounds, seed: int, whistles: int, length: float, say: Say) -> Verdict:
    """Let so many whistles live through so many seconds of storm, and judge what is left."""
    began = time.monotonic()
    monkey, diary = Monkey(here, say), Diary()
    visits = await _weathered(here, monkey, diary, seed, whistles, length)
    say(f"calm after {time.monotonic() - began:.0f} s, and every whistle has come to its end")
    ids = [visit.whistle_id for visit in visits]
    await until_settled(here.client, ids, SETTLES_WITHIN_S)
    say(f"at rest after {time.monotonic() - began:.0f} s")
    evidence = Evidence(await find(here.client, ids, here.worker_logs), diary, monkey.troubles)
    verdict = await judge(here, evidence)
    suffered = {f"pieces_{weather}": times for weather, times in sorted((await here.station.suffered()).items())}
    figures = {"seed": seed, "whistles": whistles, **_of(monkey), **suffered, **verdict.figures}
    return Verdict(verdict.breaches, figures | {"seconds": round(time.monotonic() - began)})


async def _weathered(
    here: Grounds, monkey: Monkey, diary: Diary, seed: int, whistles: int, length: float
) -> list[Visit]:
    visits = [Visit(seed, number) for number in range(whistles)]
    departments = [d.code for d in (await here.client.organisations()).departments()][:CROWD]
    limits = httpx.Limits(max_connections=None, max_keepalive_connections=40)
    http = httpx.AsyncClient(base_url=here.gateway_url, trust_env=False, timeout=ANSWERED_WITHIN_S, limits=limits)
    async with http, asyncio.TaskGroup() as living:
        door, gate = Door(http, read_keys(here.stack.data_dir), diary, {}), asyncio.Semaphore(IN_FLIGHT)
        for number, visit in enumerate(visits):
            living.create_task(_lived(visit, gate, door, number * length / whistles, departments))
        await monkey.rage(plan(seed, length))
        here.letterbox.calm()
        await until(lambda: all(here.pid(part) for part in PARTS))
    return visits


async def _lived(visit: Visit, gate: asyncio.Semaphore, door: Door, after_s: float, crowd: Sequence[str]) -> None:
    await asyncio.sleep(after_s)
    async with gate:
        await visit.live(door, crowd)


async def judge(here: Grounds, evidence: Evidence) -> Verdict:
    """Hold everything against everything else, point by point."""
    found, diary = evidence.found, evidence.diary
    wrong = list(diary.complaints)
    for one in found:
        wrong += breaches(one, Claims({}, frozenset(diary.sent[one.whistle_id])))
        wrong += contradictions(one, _testimony(diary, one.whistle_id))
    late = [late for one in found for late in latenesses(one, evidence.troubles, RECOVERY)]
    wrong += [f"{one.strike} struck {one.late} late" for one in late if one.unexcused > LATE_AT_MOST]
    told, receipts = await sent(here.client.pool, [one.whistle_id for one in found]), here.letterbox.receipts
    wrong += misdelivered(told, receipts)
    replayed = [one async for one in replay_open(here.client.temporal, REPLAYED)]
    wrong += [f"{one.workflow_id} does not replay: {one.error}" for one in replayed if not one.replays]
    if len(replayed) < len(found):
        wrong.append(f"only {len(replayed)} histories were found")
    figures = {
        **diary.figures,
        **dict(Counter(f"whistles_{one.value.state}" for one in found)),
        "events": sum(len(one.records) for one in found),
        "strikes": len(late),
        "latest_strike_s": max((one.late.total_seconds() for one in late), default=0.0),
        "unexcused_s": max((one.unexcused.total_seconds() for one in late), default=0.0),
        "notices": len(told),
        "receipts": len(receipts),
        "doubts": sum(one.doubts for one in told),
        "replayed": len(replayed),
    }
    return Verdict(wrong, figures)


def _testimony(diary: Diary, whistle_id: str) -> Witness:
    return Witness(diary.acknowledged[whistle_id], frozenset(diary.refused[whistle_id]))


def _of(monkey: Monkey) -> dict[str, object]:
    done = {name.replace(" ", "_").replace("-", "_"): times for name, times in sorted(monkey.done.items())}
    return {"blows": sum(monkey.done.values()), "missed": monkey.missed, **done}
