"""Ten times what can be served, at the gateway's own door: some are told to come again, and it is well by itself."""

import asyncio
import statistics
import time
from collections import Counter
from collections.abc import Sequence

from starter.identity import read_keys
from tests.chaos.findings import until_settled
from tests.chaos.storm.flood import Caller, Flood, Scales
from tests.chaos.storm.grounds import Grounds
from tests.chaos.storm.verdict import Verdict
from tests.chaos.story import SOURCE, matter
from tests.life import actor

TIMES = 10
WHISTLES_EACH = 2
WELL_AGAIN_WITHIN_S = 20.0
GROWS_AT_MOST_MB = 50.0
WELL_S = 1.0
_STORED = "select command_id, count(*) from command where command_id = any($1) group by command_id"


async def overload(here: Grounds, seconds: float) -> Verdict:
    """Find the rate that can be kept up, send ten times that, and look how the gateway bears it."""
    flood, pid = Flood(here.http_port, await _callers(here)), here.pid("gateway") or 0
    try:
        await flood.steady()
        rate = await flood.steady()
        before = len(flood.answers)
        async with Scales(pid) as scales:
            await flood.rise(TIMES * rate, seconds)
        under = flood.answers[before:]
        well_after = await _well_again(flood)
    finally:
        flood.close()
    wrong = [
        *(f"{n} answers were {status}" for status, n in flood.statuses().items() if status not in {200, 429, 503}),
        *({f"{a.status} without Retry-After" for a in under if a.status in {429, 503} and not a.retry_after}),
    ]
    if not any(a.status in {429, 503} for a in under):
        wrong.append("nobody was told to come again")
    if scales.most_mb - scales.before_mb > GROWS_AT_MOST_MB:
        wrong.append(f"the gateway grew from {scales.before_mb:.0f} MB to {scales.most_mb:.0f} MB")
    if well_after > WELL_AGAIN_WITHIN_S:
        wrong.append(f"the gateway was well again after {well_after:.0f} s")
    if here.pid("gateway") != pid:
        wrong.append("the gateway did not outlive it")
    wrong += await _lost_or_twice(here, flood)
    seconds_each = sorted(a.seconds for a in under)
    return Verdict(
        wrong,
        {
            "sustainable_per_s": round(rate, 1),
            "sent_per_s": round(len(under) / seconds, 1),
            **{f"overload_{status}": n for status, n in sorted(flood.statuses(before).items())},
            "overload_p50_s": round(statistics.median(seconds_each), 3),
            "overload_longest_s": round(seconds_each[-1], 3),
            "gateway_mb_before": round(scales.before_mb, 1),
            "gateway_mb_most": round(scales.most_mb, 1),
            "well_again_after_s": round(well_after, 1),
        },
    )


async def _callers(here: Grounds) -> list[Caller]:
    townships = [o.code for o in (await here.client.organisations()).items if o.type == "TOWNSHIP"]
    keys = read_keys(here.stack.data_dir)
    callers = []
    for township in townships:
        for _ in range(WHISTLES_EACH):
            registered = await here.client.register(matter(township=township), actor(SOURCE))
            name = f"clerk@{township}"
            callers.append(Caller(name, keys[name], registered.whistle_id))
    return callers


async def _well_again(flood: Flood) -> float:
    """Ask, a few at a time, until all are served soon, and tell how long that took."""
    began = time.monotonic()
    while time.monotonic() - began < 2 * WELL_AGAIN_WITHIN_S:
        before = len(flood.answers)
        await flood.steady(1.0, at_once=4)
        if all(a.status == 200 and a.seconds < WELL_S for a in flood.answers[before:]):
            break
        await asyncio.sleep(0.2)
    return time.monotonic() - began


async def _lost_or_twice(here: Grounds, flood: Flood) -> Sequence[str]:
    await until_settled(here.client, sorted({a.whistle_id for a in flood.answers}))
    done = [a.command_id for a in flood.answers if a.status == 200]
    stored = Counter({row[0]: row[1] for row in await here.client.pool.fetch(_STORED, done)})
    return [f"{one} was answered 200 and is stored {stored[one]} times" for one in done if stored[one] != 1][:5]
