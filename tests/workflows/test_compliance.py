"""The scheduled workflows: a sweep takes its steps, a digest knows its days."""

from datetime import UTC, date, datetime, timedelta

from temporalio.client import Client
from temporalio.testing import WorkflowEnvironment

from domain.compliance import FaultKind, SweepInput, SweepReport
from domain.digest import DigestReport
from domain.working_time import BEIJING, WorkCalendar
from starter.calendar_seed import official_days
from tests.offices import Office, staffed
from tests.replay.scheduled import due_at, know_scheduled_times
from tests.stage import TASK_QUEUE
from workflows.compliance import ComplianceSweepWorkflow, DailyDigestWorkflow

OFFICIAL = WorkCalendar.of(official_days())
BEFORE_THE_FESTIVAL = date(2026, 2, 9)
WORKED = [9, 10, 11, 12, 13, 14, 24, 25, 26, 27, 28]
"""Of the 21 days around the Spring Festival of 2026: 14 and 28 February are make-up Saturdays (调休)."""


async def digest(client: Client, due: datetime) -> DigestReport:
    """Run the digest as its schedule does for this time."""
    report: DigestReport = await client.execute_workflow(
        DailyDigestWorkflow.run,
        id=f"daily-digest-{due:%Y-%m-%dT%H:%M:%SZ}",
        task_queue=TASK_QUEUE,
        search_attributes=due_at(due),
    )
    return report


async def test_a_sweep_takes_its_steps_in_order_and_reports(real_client: Client) -> None:
    """A step that fails is repeated; the run knows when it was due."""
    async with staffed(real_client) as office:
        office.failures = 1
        report = await real_client.execute_workflow(
            ComplianceSweepWorkflow.run, SweepInput(), id="compliance-sweep-1", task_queue=TASK_QUEUE
        )
    assert report == SweepReport(checked=9, healed=2, found={FaultKind.LAGGING: 2})
    assert office.steps == ["find", "find", "heal", "finish"]
    assert office.runs[0].run_id.startswith("compliance-sweep-1/")
    assert abs(office.runs[0].scheduled_at - datetime.now(UTC)) < timedelta(minutes=1)


async def test_over_a_spring_festival_the_digest_is_sent_on_the_days_that_offices_work(
    env: WorkflowEnvironment,
) -> None:
    """The schedule fires at 08:30 every day: days off send nothing, make-up Saturdays do, and no day that has gone.

    The festival of 2026, its calendar put onto the coming three weeks: no server's clock runs backwards.
    """
    await know_scheduled_times(env.client)
    now = (await env.get_current_time()).astimezone(BEIJING)
    tomorrow = (now + timedelta(days=1)).date()
    days = [BEFORE_THE_FESTIVAL + timedelta(days=n) for n in range(21)]
    calendar = WorkCalendar(days={tomorrow + (d - days[0]): OFFICIAL.is_working_day(d) for d in days})
    first = datetime(tomorrow.year, tomorrow.month, tomorrow.day, 8, 30, tzinfo=BEIJING)
    sent: list[int] = []
    async with staffed(env.client, Office(calendar)) as office:
        for n, day in enumerate(days):
            due = first + timedelta(days=n)
            await env.sleep(due - await env.get_current_time() + timedelta(seconds=5))
            with env.auto_time_skipping_disabled():
                report = await digest(env.client, due)
            assert (report.day, report.skipped) == (due.date(), None if report.sent else "DAY_OFF")
            sent += [day.day] if report.sent else []
        past = await digest(env.client, first - timedelta(days=2))
    assert sent == WORKED
    assert past.skipped == "PAST"
    assert [(day - tomorrow).days + days[0].day for day in office.days] == WORKED
