"""What the compliance sweep looks for, and what it says of what it found."""

from datetime import datetime, timedelta

from domain.values import Frozen
from domain.vocabulary.labelled import Labelled
from domain.working_time import BEIJING, WorkCalendar

UNDISTURBED = timedelta(minutes=1)
"""A whistle that moved so lately is left alone, and a clock is not late before."""


class Remedy(Labelled):
    """What a sweep can do by itself."""

    WAKE = "WAKE", "唤醒流程"
    START = "START", "补启动"
    DELIVER = "DELIVER", "重启投递"


class FaultKind(Labelled):
    """What may be amiss between Temporal, the store and the people."""

    LAGGING = "LAGGING", "流程落后于台账"
    GONE = "GONE", "在办哨单没有流程"
    UNSTRUCK = "UNSTRUCK", "时限已过未触发"
    UNSTARTED = "UNSTARTED", "登记后未启动"
    UNDELIVERED = "UNDELIVERED", "通知未投递"
    AHEAD = "AHEAD", "流程超前于台账"
    UNKNOWN = "UNKNOWN", "流程在册而台账无此哨单"
    DORMANT = "DORMANT", "久无进展"
    MISSED_RUN = "MISSED_RUN", "巡查缺失"
    FAILED_RUN = "FAILED_RUN", "巡查失败"

    @property
    def remedy(self) -> Remedy | None:
        """What heals it; None: it is for people."""
        return _REMEDIES.get(self)

    @property
    def patience(self) -> int | None:
        """How many runs in a row see it before an alert is raised; None: never, the digest tells of it."""
        if self is FaultKind.DORMANT:
            return None
        return 2 if self.remedy else 1


_REMEDIES = {
    FaultKind.LAGGING: Remedy.WAKE,
    FaultKind.GONE: Remedy.WAKE,
    FaultKind.UNSTRUCK: Remedy.WAKE,
    FaultKind.UNSTARTED: Remedy.START,
    FaultKind.UNDELIVERED: Remedy.DELIVER,
}


class Fault(Frozen):
    """One thing amiss; `subject` is a whistle's id, or a run of the sweep."""

    kind: FaultKind
    subject: str
    detail: str


class SweepInput(Frozen):
    """How far apart sweeps are; twice that without one is a gap."""

    interval: timedelta = timedelta(minutes=5)


class SweepRun(Frozen):
    """One run of the sweep, and when it was due."""

    run_id: str
    scheduled_at: datetime
    interval: timedelta = timedelta(minutes=5)


class SweepEnded(Frozen):
    """A run that has looked everywhere: how many whistles it compared, and how many remedies it applied."""

    run: SweepRun
    checked: int
    healed: int


class SweepReport(Frozen):
    """What a run did: whistles compared, faults found by kind, and remedies applied; `alerts` were raised."""

    checked: int = 0
    found: dict[FaultKind, int] = {}
    healed: int = 0
    alerts: int = 0

    @property
    def line(self) -> str:
        """Say it in one Chinese line."""
        faults = "、".join(f"{kind.label} {count}" for kind, count in self.found.items()) or "无异常"
        return f"比对 {self.checked} 件;{faults};已处理 {self.healed} 项,告警 {self.alerts} 条"


def dormant_before(calendar: WorkCalendar, now: datetime, work_days: int) -> datetime:
    """Give the moment since which so many working days have gone by, at the same time of day."""
    local = now.astimezone(BEIJING)
    day, left = local.date(), work_days
    while left:
        day -= timedelta(days=1)
        left -= calendar.is_working_day(day)
    return datetime.combine(day, local.timetz())
