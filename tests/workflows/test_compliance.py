"""The scheduled workflows against the time-skipping server, and an hour without a worker."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, date, datetime, timedelta

from temporalio import activity
from temporalio.api.enums.v1 import IndexedValueType
from temporalio.api.operatorservice.v1 import AddSearchAttributesRequest
from temporalio.client import Client
from temporalio.common import SearchAttributeKey, SearchAttributePair, TypedSearchAttributes
from temporalio.exceptions import ApplicationError
from temporalio.testing import WorkflowEnvironment
from temporalio.worker import Worker

from domain.clocks import next_strike
from domain.compliance import FaultKind, SweepEnded, SweepInput, SweepReport, SweepRun
from domain.digest import DigestReport
from domain.events import ClockStruck
from domain.ledger import RecordInput, WhistleInput
from domain.values import compact
from domain.working_time import WorkCalendar
from starter.calendar_seed import official_days
from tests.fakes import FakeLedger
from tests.servers import make_test_worker
from tests.stage import CLERK, SOURCE, TASK_QUEUE, Play, registration
from workflows.compliance import ComplianceSweepWorkflow, DailyDigestWorkflow
from workflows.sandbox import workflow_runner
from workflows.whistle import WhistleWorkflow

CALENDAR = WorkCalendar.of(official_days())
AWAY = timedelta(hours=1, minutes=5)
SCHEDULED_AT = SearchAttributeKey.for_datetime("TemporalScheduledStartTime")


class Office:
    """What the scheduled workflows ask for, in memory."""

    def __init__(self) -> None:
        self.days: list[date] = []
        self.steps: list[str] = []
        self.runs: list[SweepRun] = []
        self.failures = 0

    @activity.defn(name="is_working_day")
    async def is_working_day(self, day: date) -> bool:
        """Look into the official calendar."""
        return CALENDAR.is_working_day(day)

    @activity.defn(name="send_digests")
    async def send_digests(self, day: date) -> int:
        """Note the day."""
        self.days.append(day)
        return 3

    @activity.defn(name="begin_sweep")
    async def begin_sweep(self, run: SweepRun) -> None:
        """Note the run."""
        self.runs.append(run)

    @activity.defn(name="find_faults")
    async def find_faults(self, _run: SweepRun) -> int:
        """Compare nine, after some failures."""
        self.steps.append("find")
        if self.failures:
            self.failures -= 1
            message = "visibility is away"
            raise ApplicationError(message)
        return 9

    @activity.defn(name="heal_faults")
    async def heal_faults(self, _run: SweepRun) -> int:
        """Heal two."""
        self.steps.append("heal")
        return 2

    @activity.defn(name="finish_sweep")
    async def finish_sweep(self, ended: SweepEnded) -> SweepReport:
        """Report what was told."""
        self.steps.append("finish")
        return SweepReport(checked=ended.checked, healed=ended.healed, found={FaultKind.LAGGING: 2})


@asynccontextmanager
async def staffed(client: Client) -> AsyncIterator[Office]:
    """Run a worker for the scheduled workflows."""
    office = Office()
    worker = Worker(
        client,
        task_queue=TASK_QUEUE,
        workflows=[ComplianceSweepWorkflow, DailyDigestWorkflow],
        activities=[
            office.is_working_day,
            office.send_digests,
            office.begin_sweep,
            office.find_faults,
            office.heal_faults,
            office.finish_sweep,
        ],
        workflow_runner=workflow_runner(),
    )
    async with worker:
        yield office


async def digest(client: Client, due: datetime) -> DigestReport:
    """Run the digest as its schedule does for this time."""
    report: DigestReport = await client.execute_workflow(
        DailyDigestWorkflow.run,
        id=f"daily-digest-{due:%Y-%m-%dT%H:%M:%SZ}",
        task_queue=TASK_QUEUE,
        search_attributes=TypedSearchAttributes([SearchAttributePair(SCHEDULED_AT, due)]),
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


async def test_the_digest_is_sent_on_working_days_alone(env: WorkflowEnvironment) -> None:
    """The schedule fires at 08:30 every day; days off, and days that have gone, send nothing."""
    kinds = {SCHEDULED_AT.name: IndexedValueType.INDEXED_VALUE_TYPE_DATETIME}
    request = AddSearchAttributesRequest(namespace=env.client.namespace, search_attributes=kinds)
    await env.client.operator_service.add_search_attributes(request)
    now = await env.get_current_time()
    morning = now.astimezone(UTC).replace(hour=0, minute=30, second=0, microsecond=0) + timedelta(days=1)
    expected: list[date] = []
    async with staffed(env.client) as office:
        for n in range(8):
            due = morning + timedelta(days=n)
            await env.sleep(due - await env.get_current_time() + timedelta(seconds=5))
            with env.auto_time_skipping_disabled():
                report = await digest(env.client, due)
            works = CALENDAR.is_working_day(due.date())
            assert (report.day, report.sent, report.skipped) == (
                (due.date(), 3, None) if works else (due.date(), 0, "DAY_OFF")
            )
            expected += [due.date()] if works else []
        past = await digest(env.client, morning - timedelta(days=2))
    assert past.skipped == "PAST"
    assert office.days == expected
    assert 5 <= len(expected) < 8


async def test_an_hour_without_a_worker_leaves_no_deadline_unstruck(
    env: WorkflowEnvironment, client: Client, ledger: FakeLedger
) -> None:
    """Every point that fell due meanwhile is struck once a worker is there, in its order: none twice, none early.

    The test server stands still while a task waits for a worker, so it is the first task that waits for an hour.
    """
    blown = await env.get_current_time()
    plays = [await unattended(client, ledger, blown, AWAY) for _ in range(8)]
    await env.sleep(AWAY)
    back = await env.get_current_time()
    assert all(next_due(ledger, play) < back for play in plays)
    async with make_test_worker(client, ledger):
        for play in plays:
            assert (await play.view()).report_ins[1].no_show
    for play in plays:
        struck = [r for r in ledger.trail[play.whistle_id] if isinstance(r.event, ClockStruck)]
        points = [r.event for r in struck if isinstance(r.event, ClockStruck)]
        assert len(points) == len({(p.phase, p.point, p.responder, p.due_at) for p in points}) > 5
        assert [p.due_at for p in points] == sorted(p.due_at for p in points)
        assert all(r.at >= p.due_at for r, p in zip(struck, points, strict=True))
        assert next_due(ledger, play) > back


async def unattended(client: Client, ledger: FakeLedger, at: datetime, away: timedelta) -> Play:
    """Blow an emergency of two departments that no worker looks at for a while."""
    whistle_id = ledger.register(registration(at), SOURCE, at)
    review = {
        "decision": "WHISTLE",
        "kind": "EMERGENCY",
        "urgency": "CRITICAL",
        "tier": "EMERGENCY_RESPONSE",
        "proposed_responders": ["water", "police"],
        "actor": compact(CLERK),
        "command_id": "clerk:1",
    }
    ledger.store_behind(RecordInput(whistle_id=whistle_id, known_sequence=1, name="review", argument=review, at=at))
    handle = await client.start_workflow(
        WhistleWorkflow.run,
        WhistleInput(whistle_id=whistle_id, title="盗采砂石"),
        id=f"whistle:{whistle_id}",
        task_queue=TASK_QUEUE,
        start_delay=away,
    )
    return Play(client, whistle_id, handle)


def next_due(ledger: FakeLedger, play: Play) -> datetime:
    """When the next clock of a whistle strikes."""
    strike = next_strike(ledger.values[play.whistle_id])
    assert strike is not None
    return strike.at
