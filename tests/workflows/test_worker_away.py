"""An hour without a worker, in the middle of life: every deadline is struck, and the figures are those of its twin."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from datetime import datetime, timedelta
from typing import NamedTuple

import pytest
from temporalio.api.enums.v1 import EventType
from temporalio.api.testservice.v1 import LockTimeSkippingRequest, UnlockTimeSkippingRequest
from temporalio.client import Client
from temporalio.testing import WorkflowEnvironment

from domain.clocks import next_strike
from domain.events import ActionStarted, ClockStruck
from domain.figures.folding import history_of
from domain.figures.rows import Row, rows_of
from domain.figures.scoring import ScoreRow, scores_of
from domain.records import Record
from domain.vocabulary import Phase, Point, State
from domain.working_time import BEIJING, WorkCalendar
from storage.scoring import shipped_rules as scoring_rules
from tests.fakes import FakeLedger, shipped_rules
from tests.servers import make_test_worker
from tests.stage import CLERK, LEADER, THREE, Play

AWAY = timedelta(hours=1, minutes=5)
PROMPT = timedelta(seconds=2)
APART = timedelta(seconds=5)
"""How far apart the same commands of the two towns may be."""
Limit = tuple[Phase, Point, str | None]


class Town(NamedTuple):
    """A worker's own task queue and store, and the whistles in them."""

    client: Client
    queue: str
    ledger: FakeLedger
    plays: dict[str, Play]

    async def begin(self, name: str, at: datetime) -> Play:
        """Register a whistle."""
        play = await Play.begin(self.client, self.ledger, at, queue=self.queue)
        self.plays[name] = play
        return play

    def trail(self, name: str) -> list[Record]:
        """What is stored of a whistle."""
        return self.ledger.trail[self.plays[name].whistle_id]

    def strikes(self, name: str) -> dict[Limit, tuple[datetime, datetime]]:
        """When each point was due and when it struck; fails for one that struck twice."""
        found: dict[Limit, tuple[datetime, datetime]] = {}
        for record in self.trail(name):
            if isinstance(record.event, ClockStruck):
                point = (record.event.phase, record.event.point, record.event.responder)
                assert point not in found
                found[point] = (record.event.due_at, record.at)
        return found


@pytest.fixture
def towns(client: Client) -> tuple[Town, Town]:
    """Two towns on one server, by a calendar of plain weeks; in the first the worker will go away."""
    rules = shipped_rules(WorkCalendar())
    disturbed, twin = (Town(client, queue, FakeLedger(rules), {}) for queue in ("disturbed", "twin"))
    return disturbed, twin


@pytest.fixture
async def working(towns: tuple[Town, Town]) -> AsyncIterator[AsyncExitStack]:
    """Workers of both towns; closing the stack takes the first town's worker away."""
    disturbed, twin = towns
    async with make_test_worker(twin.client, twin.ledger, queue=twin.queue), AsyncExitStack() as workers:
        await workers.enter_async_context(worker_of(disturbed))
        yield workers


def worker_of(town: Town, *, cached: int = 0):
    """Make a town's worker, at first without a cache: the test server keeps what is cached for the worker that left."""
    return make_test_worker(town.client, town.ledger, queue=town.queue, cached=cached)


async def test_an_hour_without_a_worker_changes_no_deadline_and_no_figure(
    env: WorkflowEnvironment, towns: tuple[Town, Town], working: AsyncExitStack
) -> None:
    """Each point strikes once, with its own due time on record and its lateness to be seen; rows and scores agree.

    Only what the engine tells late runs from when it was told: the charge, and the handling limits that begin with it.
    """
    disturbed, twin = towns
    thursday = await live_until_thursday(env, towns)
    await working.aclose()
    await pass_time_unattended(env, list(disturbed.plays.values()), AWAY)
    back = await env.get_current_time()
    assert all(next_due(disturbed, name) < back for name in disturbed.plays)
    async with worker_of(disturbed, cached=1000):
        for town in towns:
            await conclude(town)
    for name in twin.plays:
        assert_the_same_strikes(disturbed.strikes(name), twin.strikes(name), since=thursday)
        assert figures(disturbed, name) == figures(twin, name)
        assert_moments_agree(disturbed, twin, name)
    assert no_shows(disturbed) == no_shows(twin) == {"police", "emergency"}
    charge, on_time = (action_start(town) for town in (disturbed, twin))
    assert charge - on_time > timedelta(minutes=4)


async def live_until_thursday(env: WorkflowEnvironment, towns: tuple[Town, Town]) -> datetime:
    """Bring three whistles to where an hour holds their limits: sign-in and arrivals, an evaluation, an assembly."""
    monday = await skip_to(env, weekday=1, hour=14, minute=30)
    for town in towns:
        play = await town.begin("evaluating", monday)
        await play.accept_enforcement(*THREE)
        for responder in THREE:
            await play.arrive(responder)
        await play.handle_all(*THREE)
        await play.do("check", CLERK, passed=True, outcome="RESOLVED")
    thursday = await skip_to(env, weekday=4, hour=14, minute=0)
    for town in towns:
        emergency = await town.begin("emergency", thursday)
        await emergency.blow_emergency(*THREE)
        await emergency.arrive("water")
        await (await town.begin("assembling", thursday)).accept_enforcement(*THREE)
    return thursday


async def conclude(town: Town) -> None:
    """Let those who are missing come too late, all handle, and the township judge; and ask for the two others."""
    play = town.plays["emergency"]
    await play.arrive("police")
    await play.arrive("emergency")
    await play.handle_all(*THREE)
    await play.do("check", CLERK, passed=True, outcome="RESOLVED")
    scores = {"cooperation": 95, "result": 90}
    await play.do("evaluate", LEADER, responders=list(THREE), scores=scores)
    for name in ("evaluating", "assembling"):
        await town.plays[name].view()
    assert town.ledger.values[town.plays["evaluating"].whistle_id].state is State.FEEDBACK


async def skip_to(env: WorkflowEnvironment, *, weekday: int, hour: int, minute: int) -> datetime:
    """Let the server's clock run to the next such weekday (1: Monday) and time in Beijing."""
    now = (await env.get_current_time()).astimezone(BEIJING)
    then = now.replace(hour=hour, minute=minute, second=0, microsecond=0)
    then += timedelta(days=(weekday - now.isoweekday()) % 7)
    if then <= now:
        then += timedelta(days=7)
    await env.sleep(then - now)
    return await env.get_current_time()


async def pass_time_unattended(env: WorkflowEnvironment, away: list[Play], duration: timedelta) -> None:
    """Let the clock run although tasks wait for a worker.

    The test server holds its clock for every task that waits; each hold is given up as it is taken, and taken back
    at the end.
    """
    service, held = env.client.test_service, list(away)
    passing = asyncio.create_task(env.sleep(duration))
    while not passing.done():
        for play in [play for play in held if await waits_for_a_worker(play)]:
            await service.unlock_time_skipping(UnlockTimeSkippingRequest())
            held.remove(play)
        await asyncio.sleep(0.02)
    await passing
    assert held == []
    for _ in away:
        await service.lock_time_skipping(LockTimeSkippingRequest())


async def waits_for_a_worker(play: Play) -> bool:
    """Whether the last thing that happened is a task that nobody has taken."""
    last = (await play.handle.fetch_history()).events[-1]
    return last.event_type == EventType.EVENT_TYPE_WORKFLOW_TASK_SCHEDULED


def next_due(town: Town, name: str) -> datetime:
    """When the next clock of a whistle strikes."""
    strike = next_strike(town.ledger.values[town.plays[name].whistle_id])
    assert strike is not None
    return strike.at


def assert_the_same_strikes(
    late: dict[Limit, tuple[datetime, datetime]], prompt: dict[Limit, tuple[datetime, datetime]], since: datetime
) -> None:
    """The same points for the same times; in the twin at once, without the worker when it was back."""
    assert set(late) == set(prompt)
    assert any(due > since for due, _ in late.values())
    for point, (due, at) in late.items():
        assert abs(due - prompt[point][0]) < APART
        assert due <= at
        assert timedelta() <= prompt[point][1] - prompt[point][0] <= PROMPT
    assert max(at - due for due, at in late.values()) > timedelta(minutes=15)


def figures(town: Town, name: str) -> tuple[Counter[object], Counter[object]]:
    """What a whistle counts for, apart from the moments."""
    return (
        Counter((r.figure, r.side, r.organisation, r.round, r.met, r.exclusion) for r in rows(town, name)),
        Counter(
            (s.organisation, s.role, s.total, *s.items.values(), *s.deductions, s.by_default)
            for s in scores(town, name)
        ),
    )


def assert_moments_agree(one: Town, other: Town, name: str) -> None:
    """Nothing that a limit decided is decided later because the worker was away."""

    def of(town: Town) -> list[datetime]:
        return sorted([r.moment for r in rows(town, name)] + [s.moment for s in scores(town, name) if s.by_default])

    for here, there in zip(of(one), of(other), strict=True):
        assert abs(here - there) < APART, (here, there)


def rows(town: Town, name: str) -> list[Row]:
    """The rows of a whistle as of its last event."""
    trail = town.trail(name)
    history = history_of(trail, trail[-1].at)
    assert history is not None
    return list(rows_of(history, scoring_rules()))


def scores(town: Town, name: str) -> list[ScoreRow]:
    """The scores of a whistle as of its last event."""
    trail = town.trail(name)
    history = history_of(trail, trail[-1].at)
    assert history is not None
    return list(scores_of(history, scoring_rules()))


def no_shows(town: Town) -> set[str]:
    """Who is marked as not having come by the second limit."""
    value = town.ledger.values[town.plays["emergency"].whistle_id]
    return {part.responder for part in value.report_ins if part.no_show}


def action_start(town: Town) -> datetime:
    """When the charge sounded."""
    return next(r.at for r in town.trail("emergency") if isinstance(r.event, ActionStarted))
