"""Clocks that are due together strike in one transaction, each as a command of its own."""

from datetime import timedelta
from itertools import pairwise

import pytest
from structlog.testing import capture_logs

from activities.ledger import LedgerActivities
from domain.authority import Request
from domain.errors import InvalidError
from domain.events import Event
from domain.rules import Rules
from domain.whistle import Whistle
from storage import ledger
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


async def test_one_that_is_refused_holds_up_none_before_it(late: Desk, monkeypatch: pytest.MonkeyPatch):
    """It is asked for alone then, and says why; as where a catalogue lost a limit that the strike needs."""
    every = ledger.decide

    def without_police(whistle: Whistle, request: Request, rules: Rules) -> tuple[Event, ...]:
        if getattr(request.command, "responder", None) == "police":
            raise InvalidError.of("kind", "the limits catalogue has no such limit")
        return every(whistle, request, rules)

    monkeypatch.setattr(ledger, "decide", without_police)
    request = late.striking(await late.whistle(), late.now)
    output = await late.send(request)
    assert output.commits
    late.learn(output)
    with pytest.raises(InvalidError):
        await late.send(late.striking(await late.whistle(), late.now))


async def test_each_clock_has_a_line_with_its_lateness(late: Desk):
    """A supervisor counts strikes; how many shared a transaction is nobody's business but ours."""
    request = late.striking(await late.whistle(), late.now)
    with capture_logs() as lines:
        told = await LedgerActivities(late.pool, "default").record_command(request)
    struck = [(line["phase"], line["point"]) for line in lines if line["event"] == "command" and "late_s" in line]
    assert struck == [(commit.events[0][1]["phase"], commit.events[0][1]["point"]) for commit in told.commits]


async def test_what_struck_before_is_not_measured_again(late: Desk):
    """A workflow that knows nothing yet is handed the older strikes too, whose lateness is long on record."""
    unknowing = late.known
    older = await late.send(late.striking(await late.whistle(), late.now - timedelta(days=9)))
    late.learn(older)
    later = late.striking(await late.whistle(), late.now)
    assert (await late.send(later)).commits
    with capture_logs() as lines:
        again = later.model_copy(update={"known_sequence": unknowing})
        told = await LedgerActivities(late.pool, "default").record_command(again)
    assert len(told.commits) > len(older.commits) > 0
    assert len([line for line in lines if "late_s" in line]) == len(told.commits) - len(older.commits)
