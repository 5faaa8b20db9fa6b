"""A short storm and a short flood through the gateway; `make chaos` has the long ones."""

from collections.abc import AsyncIterator

import pytest

from tests.chaos.storm.course import storm
from tests.chaos.storm.grounds import Grounds, grounds
from tests.chaos.storm.overload import overload

pytestmark = pytest.mark.timeout(240)

SEED, WHISTLES, LENGTH_S = 5, 10, 14.0
FLOOD_S = 3.0
ENDS = ("CLOSED", "REJECTED", "CANCELLED")
"""Of every whistle but the first, which has fifty commands at once."""


@pytest.fixture(scope="module")
async def here() -> AsyncIterator[Grounds]:
    """A stack with weather on its lines."""
    async with grounds(SEED) as found:
        yield found


async def test_a_short_storm_leaves_everything_told_truly_and_once(here: Grounds) -> None:
    """Kills, cuts and silence on every side, and all five points hold; the seed in it repeats its plan."""
    verdict = await storm(here, SEED, WHISTLES, LENGTH_S, print)
    assert verdict.breaches == []
    assert sum(verdict.figures.get(f"whistles_{state}", 0) for state in ENDS) == WHISTLES - 1


async def test_ten_times_what_can_be_served_is_told_to_come_again_and_leaves_the_gateway_well(here: Grounds) -> None:
    """429 or 503 with Retry-After, bounded memory, each acknowledged command stored once, and no help needed."""
    verdict = await overload(here, FLOOD_S)
    assert verdict.breaches == [], verdict.figures
