"""Requests that no clock drives await somebody all the same, from the moment they are made to their decision."""

import re
from pathlib import Path
from typing import Any

from domain.vocabulary import Phase, RequestKind
from storage import migrate
from storage.pool import Pool
from storage.tasks import Task, tasks_of
from tests.integration.desk import Desk
from tests.life import OFFICERS, actor

LEADER, PLATFORM, WATER = "leader@jinhaihu", "platform", "department@water"
ALL = "select kind, responder, round, organisation, asked_at, due_at from pending_request order by 1, 2, whistle_id"


async def asked(pool: Pool, who: str) -> list[Task]:
    """List the requests that await somebody."""
    return [task for task in (await tasks_of(pool, actor(who))).items if task.request]


async def test_an_extension_awaits_the_leader_until_it_is_decided(pool: Pool):
    """Due when the limit is that it would move, which the clocks may move meanwhile."""
    desk = await (await Desk.registered(pool)).assembling("water", "power")
    until = (desk.now.replace(month=12)).isoformat()
    await desk.do(WATER, "request_extension", responder="water", phase="ARRIVAL", until=until, reason="路远")
    [task] = await asked(pool, LEADER)
    part = (await desk.whistle()).report_in("water")
    assert part is not None
    assert (task.request, task.responder, task.asked_at) == (RequestKind.EXTENSION, "water", desk.now)
    assert task.due_at == part.due(Phase.ARRIVE)
    assert await asked(pool, PLATFORM) == await asked(pool, "clerk@jinhaihu") == await asked(pool, WATER) == []
    await desk.do(LEADER, "decide_extension", responder="water", granted=False)
    assert await asked(pool, LEADER) == []


async def test_a_pause_that_is_asked_for_awaits_the_platform_without_a_limit(pool: Pool):
    """It comes after everything that has one, and vanishes with the suspension."""
    desk = await (await Desk.registered(pool)).assembling("water")
    await Desk.registered(pool, external_id="other")
    await desk.do(WATER, "request_suspension", reason="汛期")
    [task] = await asked(pool, PLATFORM)
    assert (task.request, task.due_at, task.responder) == (RequestKind.SUSPENSION, None, None)
    await desk.do(PLATFORM, "suspend", reason="汛期", review_at=desk.now.replace(month=12).isoformat())
    assert await asked(pool, PLATFORM) == []


async def test_an_appeal_awaits_the_platform_though_the_whistle_is_closed(pool: Pool):
    """Its decision still changes the score."""
    desk = await (await Desk.registered(pool)).closed()
    await desk.do(WATER, "appeal", responder="water", reason="不符")
    assert [(t.request, t.responder, t.state) for t in await asked(pool, PLATFORM)] == [("APPEAL", "water", "CLOSED")]
    await desk.do(PLATFORM, "decide_appeal", responder="water", upheld=True)
    assert await asked(pool, PLATFORM) == []


async def test_an_objection_awaits_the_arbiter_by_its_clock(pool: Pool):
    """It has a limit of its own, so it is among the clocks."""
    desk = await (await Desk.registered(pool)).assembling("water")
    await desk.do(WATER, "object", responder="water", reason="NOT_MY_POWER", legal_basis="三定规定")
    assert [(t.phase, t.responder) for t in (await tasks_of(pool, actor("arbiter"))).items] == [("RULE", "water")]


async def test_what_awaits_pages_through_clocks_and_requests_alike(pool: Pool):
    """Those without a limit last; none is lost or repeated."""
    for number in range(4):
        desk = await (await Desk.registered(pool, external_id=str(number))).blown("water")
        if number % 2:
            await desk.do(PLATFORM, "accept", lead="water", cooperating=[])
            await desk.do(WATER, "request_suspension", reason="汛期")
    whole = (await tasks_of(pool, actor(PLATFORM))).items
    assert [task.request for task in whole] == [None, None, "SUSPENSION", "SUSPENSION"]
    for size in (1, 3):
        shown: list[Task] = []
        cursor = None
        while True:
            page = await tasks_of(pool, actor(PLATFORM), cursor, size)
            shown += page.items
            cursor = page.next_cursor
            if cursor is None:
                break
        assert tuple(shown) == whole


async def test_the_migration_finds_what_was_asked_before_it(pool: Pool, owner_pool: Pool):
    """The same rows as the commands of this release write."""
    for number, kind in enumerate(("ARRIVAL", "HANDLING")):
        desk = await (await Desk.registered(pool, external_id=f"more{number}")).assembling("water", "power")
        if kind == "HANDLING":
            for unit in ("water", "power"):
                await desk.do(f"department@{unit}", "arrive", responder=unit, officers=OFFICERS)
        until = desk.now.replace(month=12).isoformat()
        await desk.do(WATER, "request_extension", responder="water", phase=kind, until=until, reason="路远")
        await desk.do("clerk@jinhaihu", "request_suspension", reason="汛期")
    desk = await (await Desk.registered(pool, external_id="closed")).closed()
    await desk.do(WATER, "appeal", responder="water", reason="不符")
    desk = await Desk.registered(
        pool,
        by="department@transport",
        external_id="led",
        source_system="transport",
        chain="LEAD_DEPARTMENT_CALLS",
        caller="transport",
    )
    await led(desk)
    before = await owner_pool.fetch(ALL)
    assert len(before) == 7
    await owner_pool.execute("delete from pending_request")
    await owner_pool.execute(backfill())
    assert await owner_pool.fetch(ALL) == before


async def led(desk: Desk) -> None:
    """Let a lead department's whistle ask for time twice: the caller decides on others, the platform on the caller."""
    named: dict[str, Any] = {"proposed_responders": ["transport", "police"]}
    more = {"decision": "WHISTLE", "kind": "DAILY", "urgency": "NORMAL", "tier": "COMPREHENSIVE"}
    await desk.do("department@transport", "review", **more, **named)
    await desk.do("department@transport", "blow")
    await desk.do(PLATFORM, "accept", lead="transport", cooperating=["police"])
    until = desk.now.replace(month=12).isoformat()
    for unit in ("transport", "police"):
        body = {"responder": unit, "phase": "ARRIVAL", "until": until, "reason": "路远"}
        await desk.do(f"department@{unit}", "request_extension", **body)


def backfill() -> str:
    """Read the statement out of the migration."""
    text = Path(migrate.MIGRATIONS, "0009_reading.sql").read_text("utf-8")
    found = re.search(r"^with part as .*?;$", text, re.DOTALL | re.MULTILINE)
    assert found
    return found[0]
