"""The worker as a process among others: first there, left alone by its servers, told to go, one of two."""

import asyncio
import signal
from datetime import timedelta

import pytest

from domain.vocabulary import State
from tests.chaos.story import ordinary
from tests.chaos.town import GRACE_S, Crowd

pytestmark = pytest.mark.timeout(180)
LEEWAY_S = 3.0
AT_ONCE = 10


async def test_a_worker_that_was_there_before_its_servers_works_once_they_are(crowd: Crowd) -> None:
    """It waits for Temporal and for PostgreSQL, and then does all there is to do."""
    stack = crowd.town.stack
    await stack.take_down("worker")
    await asyncio.gather(*(stack.take_down(part, timedelta(0)) for part in ("temporal", "postgres")))
    async with crowd.town.another_worker() as first:
        await first.until_it_says("temporal_not_ready")
        await stack.bring_up("temporal")
        await first.until_it_says("worker_started")
        await stack.bring_up("postgres")
        await crowd.play(ordinary())
        await crowd.assert_nothing_is_lost_or_twice()


async def test_an_idle_worker_outlives_the_restart_of_both_its_servers(crowd: Crowd) -> None:
    """The same process goes on with lives that began before."""
    stack = crowd.town.stack
    whistle_id = await crowd.register()
    await crowd.play_on(whistle_id, ordinary()[:4])
    same = stack.pid("worker")
    await asyncio.gather(stack.restart("postgres"), stack.restart("temporal"))
    await crowd.play_on(whistle_id, ordinary()[4:], 4)
    assert stack.pid("worker") == same
    await crowd.assert_nothing_is_lost_or_twice()


async def test_a_worker_told_to_go_in_the_middle_of_commands_leaves_in_time_and_loses_nothing(crowd: Crowd) -> None:
    """SIGTERM ends it within its grace; whoever comes after it goes on."""
    stack = crowd.town.stack
    clock = asyncio.get_running_loop().time
    await stack.take_down("worker")
    async with crowd.town.another_worker() as leaving:
        await leaving.until_it_says("worker_started")
        lives = [asyncio.create_task(crowd.play(ordinary())) for _ in range(AT_ONCE)]
        await asyncio.gather(*(crowd.until_version(i, 3) for i in await crowd.until_registered(AT_ONCE)))
        told = clock()
        leaving.process.send_signal(signal.SIGTERM)
        assert await leaving.process.wait() == 0
        assert clock() - told < GRACE_S + LEEWAY_S
    await stack.bring_up("worker")
    ended = await asyncio.gather(*lives)
    assert {(await crowd.town.client.view(i)).state for i in ended} == {State.CLOSED}
    await crowd.assert_nothing_is_lost_or_twice()


async def test_of_two_workers_one_may_be_killed(crowd: Crowd) -> None:
    """The other takes over what it had begun."""
    async with crowd.town.another_worker() as other:
        await other.until_it_says("worker_started")
        lives = [asyncio.create_task(crowd.play(ordinary())) for _ in range(AT_ONCE)]
        await asyncio.gather(*(crowd.until_version(i, 3) for i in await crowd.until_registered(AT_ONCE)))
        other.process.kill()
        ended = await asyncio.gather(*lives)
    assert {(await crowd.town.client.view(i)).state for i in ended} == {State.CLOSED}
    await crowd.assert_nothing_is_lost_or_twice(worker_died=True)
