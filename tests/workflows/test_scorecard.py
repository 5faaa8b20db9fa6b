"""The monthly workflow: which periods it freezes, in what order, and again without effect."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime

import pytest
from temporalio.client import Client
from temporalio.testing import WorkflowEnvironment

from domain.figures.freezing import ScorecardAsked, ScorecardsFrozen
from domain.figures.periods import Period
from tests.offices import Office, staffed
from tests.stage import TASK_QUEUE


@pytest.fixture
async def reports(client: Client) -> AsyncIterator[Office]:
    """A worker that freezes in memory for the length of the test."""
    async with staffed(client) as office:
        yield office


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
    env: WorkflowEnvironment, client: Client, reports: Office
):
    """Earlier ones only where they were frozen; then the quarters and years they belong to."""
    month = Period.month_of(await env.get_current_time()).before
    done = await run(client)
    assert [(asked.period, asked.first) for asked in reports.asked[:2]] == [
        (month.label, True),
        (month.before.label, False),
    ]
    assert [one.period for one in done.periods if one.version] == [month.label]
    earlier = {whole.label for whole in month.before.rollups if whole.end <= month.end}
    assert earlier <= {asked.period for asked in reports.asked[4:]}
    assert all(asked.known_at >= Period.named(asked.period).end for asked in reports.asked)


async def test_the_last_month_of_a_quarter_completes_it(client: Client, reports: Office):
    """July and August are frozen already."""
    reports.frozen = {"2026-07", "2026-08"}
    done = await run(client, ScorecardAsked(month="2026-09"))
    assert {one.period for one in done.periods if one.changed} == {"2026-09", "2026-Q3"}


async def test_running_it_again_changes_nothing(client: Client, reports: Office):
    """Whoever triggers or backfills it."""
    await run(client, ScorecardAsked(month="2026-09"))
    again = await run(client, ScorecardAsked(month="2026-09"))
    assert not any(one.changed for one in again.periods)
    assert reports.frozen == {"2026-09"}
