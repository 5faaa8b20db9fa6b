"""Parts killed at random moments while twenty people lead twenty whistles through all their steps."""

import asyncio
import itertools
import random
from collections.abc import Sequence

import pytest

from domain.vocabulary import State
from tests.chaos.story import emergency, ordinary
from tests.chaos.town import Crowd

WHISTLES = 20
# A killed worker's tasks wait for their time-out of 10 s, so a second kill has somebody to hit.
FIRST_KILL_S, NEXT_KILL_S = (0.3, 3.0), (2.0, 8.0)
LONG = pytest.param(12, marks=pytest.mark.long)


async def keep_killing(crowd: Crowd, parts: Sequence[str], times: int) -> None:
    """Kill the parts all at once, several times, each time when they are up again."""
    for turn in range(times):
        await asyncio.sleep(random.uniform(*(NEXT_KILL_S if turn else FIRST_KILL_S)))
        await asyncio.gather(*(crowd.town.stack.crash(part) for part in parts))


@pytest.mark.timeout(600)
@pytest.mark.parametrize("times", [1, LONG])
@pytest.mark.parametrize("parts", [("worker",), ("temporal",), ("worker", "temporal")], ids=" and ".join)
async def test_whoever_is_killed_every_whistle_is_closed_with_nothing_lost_and_nothing_twice(
    crowd: Crowd, parts: tuple[str, ...], times: int
) -> None:
    """Clients who send the same command again until they are told bring every whistle to its end."""
    lives = itertools.cycle((ordinary, ordinary, ordinary, emergency))
    rounds = 1 + times // 4
    killing = asyncio.create_task(keep_killing(crowd, parts, times))
    for _ in range(rounds):
        await asyncio.gather(*(crowd.play(next(lives)()) for _ in range(WHISTLES)))
    await killing
    views = await asyncio.gather(*(crowd.town.client.view(i) for i in crowd.whistle_ids))
    assert {view.state for view in views} == {State.CLOSED}
    await crowd.assert_nothing_is_lost_or_twice(worker_died="worker" in parts)
