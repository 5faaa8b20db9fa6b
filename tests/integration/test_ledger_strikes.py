"""Clocks that are due together strike in one transaction, each as a command of its own."""

from itertools import pairwise

import pytest

from storage.pool import Pool
from storage.verification import verify
from tests.integration.desk import Desk

CALLED = ("water", "police", "planning")


@pytest.fixture
async def late(pool: Pool) -> Desk:
    """Give a whistle whose three departments have neither signed nor come, ten days on."""
    desk = await Desk.registered(pool, external_id="together")
    await desk.assembling(*CALLED)
    desk.wait(days=10)
    return desk


async def test_what_is_due_by_then_strikes_with_the_first_and_nothing_twice(late: Desk):
    """Nobody asks again for each of them, and the trail is what it would be if somebody had."""
    request = late.striking(await late.whistle(), late.now)
    output = await late.send(request)
    late.learn(output)
    ids = [commit.command_id for commit in output.commits]
    assert len(set(ids)) == len(ids) > len(CALLED)
    assert all(before.sequence + len(before.events) == after.sequence for before, after in pairwise(output.commits))
    assert (await late.whistle()).sequence == late.known
    assert {(r.events[0][1]["responder"], r.events[0][1]["phase"]) for r in output.commits} >= {
        (code, "ARRIVE") for code in CALLED
    }
    stored = await late.pool.fetch("select command_id from command where name = 'strike' order by first_sequence")
    assert [row["command_id"] for row in stored] == ids


async def test_a_repetition_hands_out_the_same_commits(late: Desk):
    """Also where the worker died before it could tell the first ones."""
    request = late.striking(await late.whistle(), late.now)
    first = await late.send(request)
    assert (await late.send(request)).commits == first.commits


async def test_what_is_due_later_waits(late: Desk):
    """The store strikes up to the moment it is asked for, and no further."""
    whistle = await late.whistle()
    request = late.striking(whistle, whistle.registered_at)
    output = await late.send(request)
    struck = [commit.events[0][1]["due_at"] for commit in output.commits]
    assert len(set(struck)) == 1
    late.learn(output)
    assert (await late.send(late.striking(await late.whistle(), late.now))).commits


async def test_strikes_together_keep_the_chain(late: Desk, pool: Pool):
    """Each row builds on the hash of the one before, across the commands of one transaction."""
    await late.strike()
    flaws = [flaw async for page in verify(pool, [late.whistle_id]) for one in page for flaw in one.flaws]
    assert flaws == []
