"""Everything that is ours replaced piece by piece while people keep coming: first the worker, then each gateway."""

import asyncio
import signal
from contextlib import AsyncExitStack

import pytest

from domain.vocabulary import State
from tests.chaos.findings import until
from tests.chaos.story import CLERK, Act, ordinary
from tests.upgrades.conftest import Site
from tests.upgrades.hall import Callers, Hall

pytestmark = pytest.mark.timeout(300)

WHISTLES, IN_FLIGHT = 8, 4
NEXT = ("tests.upgrades.next_worker", "patched")


async def test_a_rolling_upgrade_of_worker_and_gateways_under_load_loses_and_repeats_nothing(site: Site) -> None:
    """Each old process leaves in good order, with 0; whoever was turned away was served by the next one."""
    hall, replaced = Hall(site.town), asyncio.Event()
    callers, gate = Callers(site.town, hall), asyncio.Semaphore(IN_FLIGHT)
    async with site.worker("1.0") as old, AsyncExitStack() as opened:
        await site.deployments.make_current("1.0")
        first = [await opened.enter_async_context(hall.gateway()) for _ in range(2)]
        lives = [asyncio.create_task(live(callers, gate, replaced)) for _ in range(WHISTLES)]
        await callers.until_registered(WHISTLES)
        async with site.worker("2.0", *NEXT):
            await site.deployments.make_current("2.0")
            assert await left(old.process) == 0
            for gateway in first:
                await opened.enter_async_context(hall.gateway())
                before = acknowledged(callers)
                assert await left(gateway.process) == 0
                await until(lambda at=before: served_since(callers, at))
                hall.gateways.remove(gateway)
            replaced.set()
            closed = await asyncio.gather(*lives)
            assert {(await site.town.client.view(one)).state for one in closed} == {State.CLOSED}
            await callers.assert_nothing_is_lost_or_twice()
    assert acknowledged(callers) > WHISTLES * len(ordinary())
    assert hall.turned_away > 0


async def live(callers: Callers, gate: asyncio.Semaphore, replaced: asyncio.Event) -> str:
    """Register a matter, add to it until everything is replaced, and live it to its end."""
    whistle_id, number = await callers.register(), 0
    while not replaced.is_set():
        number += 1
        async with gate:
            await callers.do(whistle_id, Act(CLERK, "append", {"text": "又来电", "kind": "MORE"}), f"more-{number}")
    await callers.play_on(whistle_id, ordinary())
    return whistle_id


async def left(process: asyncio.subprocess.Process) -> int:
    """Tell a process to leave and give its exit code."""
    process.send_signal(signal.SIGTERM)
    return await asyncio.wait_for(process.wait(), 60)


def acknowledged(callers: Callers) -> int:
    """Count the commands that were acknowledged so far."""
    return sum(map(len, callers.acknowledged.values()))


async def served_since(callers: Callers, before: int) -> bool:
    """Whether commands went on being acknowledged."""
    return acknowledged(callers) > before + IN_FLIGHT
