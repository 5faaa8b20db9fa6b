"""What the scheduled workflows ask for, in memory: steps of a sweep, calendar and post of a digest, frozen months."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import date, timedelta

from temporalio import activity
from temporalio.client import Client
from temporalio.exceptions import ApplicationError
from temporalio.worker import Worker

from domain.compliance import FaultKind, SweepEnded, SweepReport, SweepRun
from domain.figures.freezing import FreezePeriod, PeriodFrozen
from domain.figures.periods import Period
from domain.working_time import WorkCalendar
from starter.calendar_seed import official_days
from tests.stage import TASK_QUEUE
from workflows.compliance import ComplianceSweepWorkflow, DailyDigestWorkflow
from workflows.sandbox import workflow_runner
from workflows.scorecard import MonthlyScorecardWorkflow


class Office:
    """Sweeps nine whistles, sends three digests, and freezes periods as the store would."""

    def __init__(self, calendar: WorkCalendar | None = None) -> None:
        """Work by this calendar, else by the official one."""
        self.calendar = calendar or WorkCalendar.of(official_days())
        self.days: list[date] = []
        self.steps: list[str] = []
        self.runs: list[SweepRun] = []
        self.failures = 0
        self.asked: list[FreezePeriod] = []
        self.frozen: set[str] = set()

    @activity.defn(name="is_working_day")
    async def is_working_day(self, day: date) -> bool:
        """Look into the calendar."""
        return self.calendar.is_working_day(day)

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

    @activity.defn(name="freeze_scorecard")
    async def freeze_scorecard(self, asked: FreezePeriod) -> PeriodFrozen:
        """Freeze as the store would; a quarter is complete with its three months."""
        self.asked.append(asked)
        period = Period.named(asked.period)
        if asked.known_at < period.end:
            message = "it has not ended"
            raise ApplicationError(message, non_retryable=True)
        missing = {month.label for month in period.months} - self.frozen - {period.label}
        if missing or not (asked.first or asked.period in self.frozen):
            return PeriodFrozen(period=asked.period, kind=period.kind, version=None)
        changed = asked.period not in self.frozen
        self.frozen.add(asked.period)
        return PeriodFrozen(period=asked.period, kind=period.kind, version=1, changed=changed)


@asynccontextmanager
async def staffed(client: Client, office: Office | None = None) -> AsyncIterator[Office]:
    """Run a worker for the scheduled workflows, its workflows in the sandbox as in production."""
    office = office or Office()
    worker = Worker(
        client,
        task_queue=TASK_QUEUE,
        workflows=[ComplianceSweepWorkflow, DailyDigestWorkflow, MonthlyScorecardWorkflow],
        activities=[
            office.is_working_day,
            office.send_digests,
            office.begin_sweep,
            office.find_faults,
            office.heal_faults,
            office.finish_sweep,
            office.freeze_scorecard,
        ],
        workflow_runner=workflow_runner(guarding=True),
        graceful_shutdown_timeout=timedelta(seconds=1),
    )
    async with worker:
        yield office
