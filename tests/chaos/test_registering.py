"""Registering under chaos: fifty at once, and a process that dies half-way."""

import asyncio
import json
import signal
import sys

import pytest

from tests.chaos.story import SOURCE, matter, ordinary
from tests.chaos.town import ROOT, Crowd
from tests.life import actor

pytestmark = pytest.mark.timeout(120)
HEALED_WITHIN_S = 15


async def test_fifty_identical_registrations_at_once_make_one_whistle_of_one_event(crowd: Crowd) -> None:
    """One of them creates it, and all are told the same."""
    same = matter()
    told = await asyncio.gather(*(crowd.town.client.register(same, actor(SOURCE)) for _ in range(50)))
    assert [t.created for t in told].count(True) == 1
    assert len({(t.whistle_id, t.serial) for t in told}) == 1
    crowd.whistle_ids.append(told[0].whistle_id)
    assert await crowd.version_of(told[0].whistle_id) == 1
    await crowd.assert_nothing_is_lost_or_twice()


async def test_a_whistle_whose_registrar_died_before_its_workflow_was_started_is_started_within_seconds(
    crowd: Crowd,
) -> None:
    """Nobody registers it again, and it lives its life all the same."""
    left = matter()
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "tests.chaos.dying_registrar", json.dumps(left), cwd=ROOT, env=crowd.town.environment()
    )
    assert await asyncio.wait_for(process.wait(), 30) == -signal.SIGKILL
    whistle_id = f"{left['source_system']}:{left['external_id']}"
    crowd.whistle_ids.append(whistle_id)
    await crowd.assert_nothing_is_lost_or_twice(HEALED_WITHIN_S)
    await crowd.play_on(whistle_id, ordinary())
    await crowd.assert_nothing_is_lost_or_twice()
