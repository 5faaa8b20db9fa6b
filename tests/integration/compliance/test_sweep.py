"""The sweep over a real database and a simulated Temporal: it finds what is amiss, heals it, and keeps books."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from temporalio.service import RPCError, RPCStatusCode
from temporalio.testing import ActivityEnvironment

from activities.compliance import ComplianceActivities
from domain.compliance import FaultKind, SweepEnded, SweepReport, SweepRun
from storage.compliance import alarming, findings, last_run
from storage.faults import _OPEN, _UNDELIVERED, _UNSTARTED, _UNSTRUCK
from storage.pool import Pool

LONG_AGO = "now() - interval '3 minutes'"
MANY = 100_000
PLANTED = 100
PORTION = 10_000
CROWD = f"""
insert into whistle (whistle_id, source_system, external_id, content_hash, serial, sequence, value, title, state, step,
    chain, township, source_channel, supervision_level, registered_at, updated_at, started_at)
select 'crowd:' || lpad(n::text, 6, '0'), 'crowd', n::text, '', 'C-' || n, 5, '{{}}', '第' || n || '件', 'IN_ACTION', 5,
    'TOWNSHIP_CALLS', 'jinhaihu', 'GRID', 'NONE', {LONG_AGO}, {LONG_AGO}, {LONG_AGO}
from generate_series($1::integer, $2::integer) n
"""
CLOCKS = """
insert into clock (whistle_id, phase, responder, organisation, started_at, due_at, struck, next_strike_at)
select whistle_id, 'HANDLE', 'water', 'water', now(), now() + interval '1 day', 0, now() + interval '1 day' from whistle
where whistle_id between $1 and $2
"""

TOLD = """
insert into outbox (whistle_id, sequence, kind, audience, urgent, text, delivered_at)
select whistle_id, 1, 'x', 'water', false, 'x', now() from whistle limit 10000
"""


class Visibility:
    """Temporal as a sweep sees it: versions by whistle, and who was woken."""

    def __init__(self, versions: dict[str, int]) -> None:
        self.versions = versions
        self.woken: list[str] = []
        self.deliveries = 0
        self.deaf: set[str] = set()

    async def running(self) -> AsyncIterator[dict[str, int]]:
        """Page through the versions."""
        ids = list(self.versions)
        for start in range(0, len(ids), 1000):
            yield {one: self.versions[one] for one in ids[start : start + 1000]}

    async def wake(self, whistle_id: str) -> None:
        """Note who was woken; the deaf cannot be reached."""
        if whistle_id in self.deaf:
            raise RPCError("away", RPCStatusCode.UNAVAILABLE, b"")
        self.woken.append(whistle_id)

    async def deliver(self) -> None:
        """Note that delivery was seen to."""
        self.deliveries += 1


class Sweeper:
    """Runs sweeps one after another, as the workflow does."""

    def __init__(self, pool: Pool, seen: Visibility) -> None:
        self.activities = ComplianceActivities(pool, seen, "default", 10)
        self.runs = 0

    async def sweep(self) -> SweepReport:
        """Take the four steps."""
        run = SweepRun(run_id=f"run-{self.runs}", scheduled_at=datetime.now(UTC))
        self.runs += 1
        await self._do(self.activities.begin_sweep, run)
        checked = await self._do(self.activities.find_faults, run)
        healed = await self._do(self.activities.heal_faults, run)
        report = await self._do(self.activities.finish_sweep, SweepEnded(run=run, checked=checked, healed=healed))
        assert isinstance(report, SweepReport)
        return report

    async def _do(self, activity: Any, argument: Any) -> Any:
        return await ActivityEnvironment().run(activity, argument)


async def crowd(pool: Pool, first: int, last: int) -> Visibility:
    """Store whistles with a running clock that Temporal knows as the store does."""
    for start in range(first, last + 1, PORTION):
        end = min(start + PORTION - 1, last)
        await pool.execute(CROWD, start, end)
        await pool.execute(CLOCKS, f"crowd:{start:06d}", f"crowd:{end:06d}")
    return Visibility({f"crowd:{n:06d}": 5 for n in range(first, last + 1)})


async def test_a_sweep_finds_and_heals_exactly_what_is_amiss(pool: Pool) -> None:
    """One of each kind among whistles that are well, each found once under its own name."""
    seen = await crowd(pool, 1, 20)
    seen.versions["crowd:000001"] = 4
    del seen.versions["crowd:000002"]
    seen.versions["crowd:000003"] = 6
    seen.versions["nobody:1"] = 1
    late = "update clock set next_strike_at = now() - interval '2 minutes' where whistle_id = 'crowd:000004'"
    await pool.execute(late)
    await pool.execute("update whistle set started_at = null where whistle_id = 'crowd:000005'")
    del seen.versions["crowd:000005"]
    await pool.execute("""
        insert into outbox (whistle_id, sequence, kind, audience, urgent, text, due_at)
        values ('crowd:000006', 1, 'x', 'water', false, 'x', now() - interval '1 hour')
    """)
    await pool.execute("update whistle set updated_at = now() - interval '60 days' where whistle_id = 'crowd:000007'")
    report = await Sweeper(pool, seen).sweep()
    found = {one.kind: one.subject for one in await findings(pool)}
    assert found == {
        FaultKind.LAGGING: "crowd:000001",
        FaultKind.GONE: "crowd:000002",
        FaultKind.AHEAD: "crowd:000003",
        FaultKind.UNKNOWN: "nobody:1",
        FaultKind.UNSTRUCK: "crowd:000004",
        FaultKind.UNSTARTED: "crowd:000005",
        FaultKind.UNDELIVERED: "crowd:000006",
        FaultKind.DORMANT: "crowd:000007",
    }
    assert sorted(seen.woken) == ["crowd:000001", "crowd:000002", "crowd:000004", "crowd:000005"]
    assert (seen.deliveries, report.checked, report.healed, report.alerts) == (1, 21, 5, 2)


async def test_a_whistle_that_moved_in_the_last_minute_is_left_alone(pool: Pool) -> None:
    """It may be on its way from the store to Temporal, or be acknowledged this very moment."""
    seen = await crowd(pool, 1, 3)
    seen.versions["crowd:000001"] = 4
    del seen.versions["crowd:000002"]
    await pool.execute("update clock set next_strike_at = now() - interval '2 minutes'")
    await pool.execute("update whistle set updated_at = now() - interval '30 seconds'")
    assert (await Sweeper(pool, seen).sweep()).found == {}
    assert seen.woken == []


async def test_what_a_run_no_longer_finds_is_resolved_and_what_stays_is_told_once(pool: Pool) -> None:
    """A whistle that was woken in vain is put into one alert at the second run, with what kept it from healing."""
    seen = await crowd(pool, 1, 5)
    seen.versions |= {"crowd:000001": 4, "crowd:000002": 4}
    seen.deaf = {"crowd:000002"}
    sweeper = Sweeper(pool, seen)
    assert (await sweeper.sweep()).alerts == 0
    seen.versions["crowd:000001"] = 5
    assert (await sweeper.sweep()).alerts == 1
    assert (await sweeper.sweep()).alerts == 0
    (standing,) = await findings(pool)
    assert (standing.subject, standing.times, standing.last_error) == ("crowd:000002", 3, "away")
    assert [one.subject for one in await alarming(pool)] == ["crowd:000002"]
    notices = await pool.fetch("select audience, template, whistle_id, text from outbox")
    assert [(n["audience"], n["template"], n["whistle_id"]) for n in notices] == [
        ("admin", "compliance", "crowd:000002")
    ]
    resolved = [one for one in await findings(pool, resolved=True) if one.resolved_at]
    assert [one.subject for one in resolved] == ["crowd:000001"]


async def test_a_run_that_failed_and_runs_that_never_came_raise_an_alert(pool: Pool) -> None:
    """Each run records itself; the next one sees the gap, alerts, and resolves it one run later."""
    sweeper = Sweeper(pool, await crowd(pool, 1, 1))
    await pool.execute("""
        insert into compliance_run (run_id, scheduled_at, started_at) values ('lost', now(), now() - interval '1 hour')
    """)
    report = await sweeper.sweep()
    assert report.found == {FaultKind.FAILED_RUN: 1, FaultKind.MISSED_RUN: 1}
    assert report.alerts == 2
    assert "巡查缺失" in await pool.fetchval("select fields ->> 'text' from outbox")
    assert (await sweeper.sweep()).found == {}
    ran = await last_run(pool)
    assert ran is not None
    assert ran.finished_at is not None


async def test_every_run_that_failed_since_the_last_that_ended_is_told(pool: Pool) -> None:
    """Two that were cut short one after the other: the one that ends tells of both, and of none before the last end."""
    await pool.execute("""
        insert into compliance_run (run_id, scheduled_at, started_at, finished_at) values
            ('old', now(), now() - interval '30 minutes', null),
            ('well', now(), now() - interval '15 minutes', now()),
            ('cut 1', now(), now() - interval '10 minutes', null),
            ('cut 2', now(), now() - interval '5 minutes', null)
    """)
    report = await Sweeper(pool, await crowd(pool, 1, 1)).sweep()
    assert (report.found, report.alerts) == ({FaultKind.FAILED_RUN: 2}, 2)
    assert {one.subject for one in await alarming(pool)} == {"cut 1", "cut 2"}


async def test_a_step_that_is_repeated_changes_nothing(pool: Pool) -> None:
    """An activity whose answer was lost is run again."""
    seen = await crowd(pool, 1, 3)
    seen.versions["crowd:000001"] = 4
    activities = ComplianceActivities(pool, seen, "default", 10)
    run = SweepRun(run_id="again", scheduled_at=datetime.now(UTC))
    for step in (activities.begin_sweep, activities.find_faults):
        await ActivityEnvironment().run(step, run)
        await ActivityEnvironment().run(step, run)
    assert [(one.subject, one.times) for one in await findings(pool)] == [("crowd:000001", 1)]
    assert await pool.fetchval("select count(*) from compliance_run") == 1


@pytest.mark.timeout(120)
async def test_a_hundred_thousand_whistles_are_swept_in_ten_seconds(pool: Pool, owner_pool: Pool) -> None:
    """A hundred planted faults among them are found and healed, no other, and no table is read through."""
    seen = await crowd(pool, 1, MANY)
    await pool.execute(TOLD)
    await owner_pool.execute("analyze whistle, clock, outbox")
    behind = [f"crowd:{n:06d}" for n in range(500, MANY, MANY // (PLANTED - 20))][: PLANTED - 20]
    seen.versions |= dict.fromkeys(behind, 4)
    late = [f"crowd:{n:06d}" for n in range(777, 797)]
    await pool.execute(
        "update clock set next_strike_at = now() - interval '90 seconds' where whistle_id = any($1::text[])", late
    )
    spent = await counted(pool)
    report = await Sweeper(pool, seen).sweep()
    assert report.found == {FaultKind.LAGGING: PLANTED - 20, FaultKind.UNSTRUCK: 20}
    assert sorted(seen.woken) == sorted(behind + late)
    assert (report.checked, report.healed) == (MANY, PLANTED)
    assert sum(spent, timedelta()) < timedelta(seconds=10), spent
    await assert_by_index(owner_pool)


async def counted(pool: Pool) -> list[timedelta]:
    """Count from now on how long each statement takes in the database."""
    spent: list[timedelta] = []
    connections = [await pool.acquire() for _ in range(pool.get_max_size())]
    for connection in connections:
        # A pool takes loggers of its proxies away when they are released.
        connection._con.add_query_logger(lambda record: spent.append(timedelta(seconds=record.elapsed)))
        await pool.release(connection)
    return spent


async def assert_by_index(pool: Pool) -> None:
    """Every statement of a look goes by an index."""
    now, first = datetime.now(UTC), datetime(1, 1, 1, tzinfo=UTC)
    for statement, arguments, index in (
        (_OPEN, ("crowd:050000", 1000), "whistle_open"),
        (_UNSTRUCK, (now, first, "", "", "", 1000), "clock_next_strike"),
        (_UNSTARTED, (now, first, "", 1000), "whistle_unstarted"),
        (_UNDELIVERED, (now, 1000), "outbox_pending"),
    ):
        (shown,) = await pool.fetchval(f"explain (format json, costs off) {statement}", *arguments)
        assert index in str(shown)
        # No delivery was ever made here, and an empty table has no better way.
        assert read_through(shown["Plan"]) <= {"notice_delivery"}


def read_through(plan: dict[str, Any]) -> set[str]:
    """Name the tables that a plan reads from end to end."""
    own = {plan["Relation Name"]} if plan["Node Type"] == "Seq Scan" else set()
    return own.union(*map(read_through, plan.get("Plans", ())))
