"""Temporal Schedules as code: this table is what they are; scheduling.py makes it so."""

from collections.abc import Sequence
from datetime import timedelta
from typing import NamedTuple

from temporalio.client import (
    Schedule,
    ScheduleActionStartWorkflow,
    ScheduleCalendarSpec,
    ScheduleOverlapPolicy,
    SchedulePolicy,
    ScheduleRange,
    ScheduleSpec,
    ScheduleState,
)

from domain.compliance import SweepInput
from domain.errors import NotFoundError
from domain.values import Frozen
from settings import TASK_QUEUE

TIME_ZONE = "Asia/Shanghai"
COMPLIANCE_SWEEP, DAILY_DIGEST, MONTHLY_SCORECARD = "compliance-sweep", "daily-digest", "monthly-scorecard"
SWEEP_EVERY = timedelta(minutes=5)
_MINUTE = timedelta(minutes=1)
_Range = ScheduleRange


class Planned(NamedTuple):
    """One schedule: what it starts, when by the clock of Beijing, and what happens to runs that meet or are missed.

    A run ends, at the latest, before the next one is due. What is missed longer ago than `catchup` is not made up.
    """

    id: str
    workflow: str
    argument: Frozen | None
    calendar: ScheduleCalendarSpec
    jitter: timedelta
    overlap: ScheduleOverlapPolicy
    catchup: timedelta
    ends_within: timedelta
    note: str
    summary: str
    task_queue: str = TASK_QUEUE

    def schedule(self, state: ScheduleState | None = None) -> Schedule:
        """Write it as Temporal has it; `state` is what an operator made of it."""
        return Schedule(
            action=ScheduleActionStartWorkflow(
                self.workflow,
                args=[] if self.argument is None else [self.argument],
                id=self.id,
                task_queue=self.task_queue,
                execution_timeout=self.ends_within,
                static_summary=self.summary,
            ),
            spec=ScheduleSpec(calendars=[self.calendar], jitter=self.jitter, time_zone_name=TIME_ZONE),
            policy=SchedulePolicy(overlap=self.overlap, catchup_window=self.catchup, pause_on_failure=False),
            state=state or ScheduleState(note=self.note),
        )


SCHEDULES: tuple[Planned, ...] = (
    Planned(
        id=COMPLIANCE_SWEEP,
        workflow="ComplianceSweepWorkflow",
        argument=SweepInput(interval=SWEEP_EVERY),
        calendar=ScheduleCalendarSpec(minute=[_Range(0, 59, 5)], hour=[_Range(0, 23)], comment="every 5 minutes"),
        jitter=timedelta(seconds=10),
        overlap=ScheduleOverlapPolicy.BUFFER_ONE,
        catchup=SWEEP_EVERY,
        ends_within=timedelta(minutes=4, seconds=40),
        note="合规巡查,每 5 分钟:流程与台账比对,时限、启动、通知、停滞",
        summary="合规巡查",
    ),
    Planned(
        id=DAILY_DIGEST,
        workflow="DailyDigestWorkflow",
        argument=None,
        calendar=ScheduleCalendarSpec(
            minute=[_Range(30)], hour=[_Range(8)], comment="08:30; the workflow leaves out days off"
        ),
        jitter=_MINUTE,
        overlap=ScheduleOverlapPolicy.SKIP,
        catchup=timedelta(hours=4),
        ends_within=timedelta(hours=2),
        note="每日提要,工作日 08:30:今日到期、逾期、待评价、久无进展",
        summary="每日提要",
    ),
    Planned(
        id=MONTHLY_SCORECARD,
        workflow="MonthlyScorecardWorkflow",
        argument=None,
        calendar=ScheduleCalendarSpec(
            minute=[_Range(30)], hour=[_Range(1)], day_of_month=[_Range(1)], comment="the 1st, 01:30"
        ),
        jitter=5 * _MINUTE,
        overlap=ScheduleOverlapPolicy.BUFFER_ALL,
        catchup=timedelta(days=27),
        ends_within=timedelta(hours=6),
        note="月度考核,每月 1 日 01:30:封存上月各单位、各街乡数据",
        summary="月度考核",
    ),
)
Plan = Sequence[Planned]


def schedules_on(task_queue: str) -> Plan:
    """Give the table for the district of this task queue."""
    return [planned._replace(task_queue=task_queue) for planned in SCHEDULES]


def planned_as(schedule_id: str, plan: Plan = SCHEDULES) -> Planned:
    """Find a schedule of the table; raises NotFoundError."""
    for planned in plan:
        if planned.id == schedule_id:
            return planned
    message = f"there is no schedule {schedule_id}; there are {', '.join(planned.id for planned in plan)}"
    raise NotFoundError(message)
