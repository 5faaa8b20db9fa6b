"""Schedules on the real server: applied once however often, paused, triggered, filled in, never side by side."""

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta

import pytest
from temporalio import workflow
from temporalio.client import (
    Client,
    ScheduleActionExecutionStartWorkflow,
    ScheduleOverlapPolicy,
    ScheduleSpec,
    ScheduleUpdate,
    ScheduleUpdateInput,
    WorkflowExecutionStatus,
)
from temporalio.worker import UnsandboxedWorkflowRunner, Worker

from domain.errors import NotFoundError
from settings import TASK_QUEUE
from starter import scheduling
from starter.schedules import COMPLIANCE_SWEEP, DAILY_DIGEST, MONTHLY_SCORECARD, SCHEDULES
from tests.patience import until
from tests.servers import real_server
from workflows.compliance import scheduled_at

WITHIN_S = 40


@workflow.defn(name="MonthlyScorecardWorkflow")
class Passes:
    """A scorecard that tells for when it ran."""

    @workflow.run
    async def run(self) -> datetime:
        """End at once."""
        return scheduled_at()


@pytest.fixture(scope="module")
async def client() -> AsyncIterator[Client]:
    """A client of one real server for all tests of this file; what schedules start waits for a worker."""
    async with real_server() as found:
        yield found


@pytest.fixture(autouse=True)
async def clean(client: Client) -> AsyncIterator[None]:
    """Leave no schedule and nothing running behind."""
    yield
    for planned in SCHEDULES:
        handle = client.get_schedule_handle(planned.id)
        if (await scheduling.show_one(client, planned.id)).exists:
            await handle.delete()
    async for execution in client.list_workflows("ExecutionStatus = 'Running'"):
        await client.get_workflow_handle(execution.id).terminate()


async def of(client: Client, schedule_id: str, status: WorkflowExecutionStatus) -> list[str]:
    """List the workflows of a schedule in a status."""
    handle = client.get_schedule_handle(schedule_id)
    actions = (await handle.describe()).info.recent_actions
    ids = [a.action.workflow_id for a in actions if isinstance(a.action, ScheduleActionExecutionStartWorkflow)]
    found = [await client.get_workflow_handle(one).describe() for one in ids]
    return [one.id for one in found if one.status is status]


async def test_applying_twice_makes_three_schedules_once(client: Client) -> None:
    """The first time creates them, the second finds no difference."""
    assert [one.outcome for one in await scheduling.apply(client)] == ["CREATED"] * 3
    again = await scheduling.apply(client)
    assert [(one.outcome, one.differences) for one in again] == [("UNCHANGED", ())] * 3
    expected = sorted(planned.id for planned in SCHEDULES)

    async def are_listed() -> bool:
        """Temporal's lists follow its schedules a moment later."""
        return sorted([listed.id async for listed in await client.list_schedules()]) == expected

    await until(are_listed)


async def test_two_that_apply_at_once_make_each_schedule_once(client: Client) -> None:
    """Several replicas of a release start together."""
    await asyncio.gather(*(scheduling.apply(client) for _ in range(3)))
    assert [one.outcome for one in await scheduling.apply(client)] == ["UNCHANGED"] * 3


async def test_a_difference_is_shown_by_a_dry_run_and_corrected_by_applying(client: Client) -> None:
    """What somebody changed by hand comes back, field by field."""
    await scheduling.apply(client)

    def meddle(given: ScheduleUpdateInput) -> ScheduleUpdate:
        schedule = given.description.schedule
        schedule.policy.overlap = ScheduleOverlapPolicy.ALLOW_ALL
        schedule.spec.time_zone_name = "UTC"
        return ScheduleUpdate(schedule=schedule)

    await client.get_schedule_handle(DAILY_DIGEST).update(meddle)
    expected = ("spec.time_zone: UTC → Asia/Shanghai", "policy.overlap: ALLOW_ALL → SKIP")
    for outcome in (await scheduling.apply(client, dry_run=True), await scheduling.apply(client)):
        (updated,) = [one for one in outcome if one.outcome == "UPDATED"]
        assert (updated.id, updated.differences) == (DAILY_DIGEST, expected)
    assert (await scheduling.show_one(client, DAILY_DIGEST)).differences == ()


async def test_a_schedule_that_was_rewritten_and_limited_is_mended(client: Client) -> None:
    """As the form of the UI leaves it: another spec, a last run after which none would come, another note."""
    await scheduling.apply(client)

    def rewrite(given: ScheduleUpdateInput) -> ScheduleUpdate:
        schedule = given.description.schedule
        schedule.spec = ScheduleSpec(cron_expressions=["0 9 * * *"], end_at=datetime(2099, 1, 1, tzinfo=UTC))
        schedule.state.limited_actions, schedule.state.remaining_actions = True, 1
        schedule.state.note = "try"
        return ScheduleUpdate(schedule=schedule)

    await client.get_schedule_handle(COMPLIANCE_SWEEP).update(rewrite)
    (updated,) = [one for one in await scheduling.apply(client) if one.outcome == "UPDATED"]
    assert {one.partition(":")[0] for one in updated.differences} == {
        "spec.calendars",
        "spec.bounds",
        "spec.jitter",
        "spec.time_zone",
        "state.limited",
        "state.note",
    }
    shown = await scheduling.show_one(client, COMPLIANCE_SWEEP)
    assert (shown.differences, shown.note) == ((), SCHEDULES[0].note)
    assert not (await client.get_schedule_handle(COMPLIANCE_SWEEP).describe()).schedule.state.limited_actions


async def test_every_policy_is_explicit_and_a_run_ends_before_the_next(client: Client) -> None:
    """Nothing is left to the server's defaults: a year of catch-up, runs that are silently skipped."""
    await scheduling.apply(client)
    for planned in SCHEDULES:
        found = await client.get_schedule_handle(planned.id).describe()
        spec, policy = found.schedule.spec, found.schedule.policy
        assert (spec.time_zone_name, spec.jitter) == ("Asia/Shanghai", planned.jitter)
        assert (policy.overlap, policy.catchup_window) == (planned.overlap, planned.catchup)
        first, second = found.info.next_action_times[:2]
        assert planned.ends_within + planned.jitter < second - first
        assert (found.schedule.state.note or "").strip()


async def test_the_times_are_those_of_beijing_the_year_round(client: Client) -> None:
    """08:30 and the 1st at 01:30 by the clock of Beijing, which knows no summer time; a jitter comes after."""
    await scheduling.apply(client)
    beijing = timedelta(hours=8)
    digest = (await client.get_schedule_handle(DAILY_DIGEST).describe()).info.next_action_times
    assert {((at + beijing).hour, (at + beijing).minute) for at in digest} <= {(8, 30), (8, 31)}
    scorecard = (await client.get_schedule_handle(MONTHLY_SCORECARD).describe()).info.next_action_times
    assert len({(at + beijing).month for at in scorecard}) == len(scorecard)
    assert {((at + beijing).day, (at + beijing).hour) for at in scorecard} == {(1, 1)}


async def test_a_paused_schedule_says_why_and_stays_paused_when_applied(client: Client) -> None:
    """An operator's pause outlives every release; unpausing brings the schedule's own note back."""
    await scheduling.apply(client)
    await scheduling.pause(client, COMPLIANCE_SWEEP, "supervisor: 系统割接")
    assert [one.outcome for one in await scheduling.apply(client)] == ["UNCHANGED"] * 3
    shown = await scheduling.show_one(client, COMPLIANCE_SWEEP)
    assert (shown.paused, shown.note, shown.next_at) == (True, "supervisor: 系统割接", None)
    await scheduling.unpause(client, COMPLIANCE_SWEEP)
    shown = await scheduling.show_one(client, COMPLIANCE_SWEEP)
    assert (shown.paused, shown.note) == (False, SCHEDULES[0].note)
    assert shown.next_at is not None


async def test_sweeps_never_run_side_by_side_and_one_waits(client: Client) -> None:
    """Of three that are triggered while one runs, one is kept for afterwards."""
    await scheduling.apply(client)
    for _ in range(4):
        await scheduling.trigger(client, COMPLIANCE_SWEEP)
    first = await the_one_running(client)
    await client.get_workflow_handle(first.workflow_id).terminate("its turn is over")
    second = await the_one_running(client, after=first.first_execution_run_id)
    await client.get_workflow_handle(second.workflow_id).terminate("its turn is over")

    async def nothing_runs() -> bool:
        return (await client.get_schedule_handle(COMPLIANCE_SWEEP).describe()).info.running_actions == []

    await until(nothing_runs)
    shown = await scheduling.show_one(client, COMPLIANCE_SWEEP)
    assert (shown.runs, shown.skipped) == (2, 2)


async def the_one_running(client: Client, after: str | None = None) -> ScheduleActionExecutionStartWorkflow:
    """Wait for the one run of the sweep that runs now, other than one before."""
    async with asyncio.timeout(WITHIN_S):
        while True:
            found = (await client.get_schedule_handle(COMPLIANCE_SWEEP).describe()).info.running_actions
            ours = [one for one in found if isinstance(one, ScheduleActionExecutionStartWorkflow)]
            assert len(ours) <= 1
            if ours and ours[0].first_execution_run_id != after:
                return ours[0]
            await asyncio.sleep(0.05)


async def test_a_backfill_runs_what_was_due_each_for_its_own_time(client: Client) -> None:
    """Three months of scorecards, the first due at the very beginning of the span."""
    await scheduling.apply(client)
    start = datetime(2026, 7, 31, 17, 30, tzinfo=UTC)
    done = WorkflowExecutionStatus.COMPLETED

    async def three_ran() -> bool:
        return len(await of(client, MONTHLY_SCORECARD, done)) == 3

    async with Worker(client, task_queue=TASK_QUEUE, workflows=[Passes], workflow_runner=UnsandboxedWorkflowRunner()):
        await scheduling.backfill(client, MONTHLY_SCORECARD, start, start + timedelta(days=70))
        await until(three_ran)
    ids = await of(client, MONTHLY_SCORECARD, done)
    times = [await client.get_workflow_handle(one, result_type=datetime).result() for one in ids]
    beijing = timedelta(hours=8)
    assert sorted(((at + beijing).month, (at + beijing).day) for at in times) == [(8, 1), (9, 1), (10, 1)]


async def test_what_is_not_in_the_table_or_not_applied_is_a_named_error(client: Client) -> None:
    """A misspelt id, and one that nobody has applied yet."""
    with pytest.raises(NotFoundError, match="there are compliance-sweep"):
        await scheduling.trigger(client, "complaince")
    with pytest.raises(NotFoundError, match="whistle schedules apply"):
        await scheduling.pause(client, COMPLIANCE_SWEEP, "x")
    assert [one.exists for one in await scheduling.show_all(client)] == [False] * 3
