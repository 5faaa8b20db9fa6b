"""The monthly workflow: which periods it freezes, in what order, and again without effect."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta

import pytest
from temporalio import activity
from temporalio.client import Client
from temporalio.exceptions import ApplicationError
from temporalio.testing import WorkflowEnvironment
from temporalio.worker import Worker

from domain.figures.freezing import FreezePeriod, PeriodFrozen, ScorecardAsked, ScorecardsFrozen
from domain.figures.periods import Period
from tests.stage import TASK_QUEUE
from workflows.sandbox import workflow_runner
from workflows.scorecard import MonthlyScorecardWorkflow


class FakeReports:
    """Keeps what was frozen in memory; a quarter is complete with its three months."""

    def __init__(self) -> None:
        self.asked: list[FreezePeriod] = []
        self.frozen: set[str] = set()

    @activity.defn(name="freeze_scorecard")
    async def freeze_scorecard(self, asked: FreezePeriod) -> PeriodFrozen:
        """Freeze as the store would."""
        self.asked.append(asked)
        period = Period.named(asked.period)
        if asked.known_at < period.end:
            raise ApplicationError("it has not ended", non_retryable=True)
        missing = {month.label for month in period.months} - self.frozen - {period.label}
        if missing or not (asked.first or asked.period in self.frozen):
            return PeriodFrozen(period=asked.period, kind=period.kind, version=None)
        changed = asked.period not in self.frozen
        self.frozen.add(asked.period)
        return PeriodFrozen(period=asked.period, kind=period.kind, version=1, changed=changed)


@pytest.fixture
def reports() -> FakeReports:
    """A store of reports in memory."""
    return FakeReports()


@pytest.fixture
async def working(client: Client, reports: FakeReports) -> AsyncIterator[Client]:
    """A worker that runs for the length of the test."""
    async with Worker(
        client,
        task_queue=TASK_QUEUE,
        workflows=[MonthlyScorecardWorkflow],
        activities=[reports.freeze_scorecard],
        workflow_runner=workflow_runner(),
        graceful_shutdown_timeout=timedelta(seconds=1),
    ):
        yield client


async def run(client: Client, asked: ScorecardAsked | None = None) -> ScorecardsFrozen:
    """Run it as the schedule does, without an argument, or by hand with a month."""
    return await client.execute_workflow(
        "MonthlyScorecardWorkflow",
        args=[] if asked is None else [asked],
        id=f"scorecard-{datetime.now(UTC).timestamp()}",
        task_queue=TASK_QUEUE,
        result_type=ScorecardsFrozen,
    )


async def test_it_freezes_the_month_before_and_looks_at_three_earlier_ones(
    env: WorkflowEnvironment, working: Client, reports: FakeReports
):
    """Earlier ones only where they were frozen; then the quarters and years they belong to."""
    month = Period.month_of(await env.get_current_time()).before
    done = await run(working)
    assert [(asked.period, asked.first) for asked in reports.asked[:2]] == [
        (month.label, True),
        (month.before.label, False),
    ]
    assert [one.period for one in done.periods if one.version] == [month.label]
    earlier = {whole.label for whole in month.before.rollups if whole.end <= month.end}
    assert earlier <= {asked.period for asked in reports.asked[4:]}
    assert all(asked.known_at >= Period.named(asked.period).end for asked in reports.asked)


async def test_the_last_month_of_a_quarter_completes_it(working: Client, reports: FakeReports):
    """October and November are frozen already."""
    reports.frozen = {"2026-07", "2026-08"}
    done = await run(working, ScorecardAsked(month="2026-09"))
    assert {one.period for one in done.periods if one.changed} == {"2026-09", "2026-Q3"}


async def test_running_it_again_changes_nothing(working: Client):
    """Whoever triggers or backfills it."""
    await run(working, ScorecardAsked(month="2026-09"))
    again = await run(working, ScorecardAsked(month="2026-09"))
    assert not any(one.changed for one in again.periods)
