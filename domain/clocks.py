"""Which deadlines run on a whistle, whom they bind, and when each next strikes.

A clock is a frozen deadline plus how many of its points have struck. Whether it runs is
never stored: it follows from the whistle's state, so a clock, and the supervision it
raised, stops the moment its cause ends (domain.md (b), (c)).
"""

from datetime import datetime, timedelta
from typing import TYPE_CHECKING, NamedTuple

from domain.limits import Deadline
from domain.values import Frozen
from domain.vocabulary import Phase, Point, ReportInState, State, WhistleKind

if TYPE_CHECKING:
    from domain.report_in import ReportIn
    from domain.whistle import Whistle

WINDOWS = frozenset({Phase.REOPEN, Phase.APPEAL, Phase.START_ACTION})
RESPONDER_STATES = frozenset({State.BLOWN, State.ASSEMBLING, State.IN_ACTION})
RATIFY_STATES = frozenset(
    {
        State.BLOWN,
        State.ASSEMBLING,
        State.IN_ACTION,
        State.AWAITING_CHECK,
        State.EVALUATING,
        State.FEEDBACK,
        State.RETURNED,
        State.SELF_HANDLED,
    }
)
DISPUTE_STATES = frozenset({State.ASSEMBLING, State.IN_ACTION, State.AWAITING_CHECK, State.EVALUATING, State.FEEDBACK})
STATE_CLOCKS = {
    State.SOURCED: Phase.REVIEW,
    State.PROPOSED: Phase.BLOW,
    State.BLOWN: Phase.ACCEPT,
    State.RETURNED: Phase.RESUBMIT,
    State.SUSPENDED: Phase.SUSPENSION_REVIEW,
    State.AWAITING_CHECK: Phase.CHECK,
    State.EVALUATING: Phase.EVALUATE,
}

PHASE_ORDER = {phase: number for number, phase in enumerate(Phase)}


class Clock(Frozen):
    """A deadline and how many of its points have struck."""

    deadline: Deadline
    struck: int = 0

    @property
    def points(self) -> tuple[tuple[datetime, Point], ...]:
        """Every moment at which this clock strikes, in order."""
        d = self.deadline
        reminders = tuple(zip(d.remind_at, (Point.REMIND_HALF, Point.REMIND_NEAR), strict=False))
        later = ((d.supervise_at, Point.SUPERVISE), (d.circulate_at, Point.CIRCULATE))
        return (*reminders, (d.due_at, Point.LIMIT), *((at, point) for at, point in later if at))

    @property
    def next_point(self) -> tuple[datetime, Point] | None:
        """The first point that has not struck."""
        points = self.points
        return points[self.struck] if self.struck < len(points) else None

    @property
    def limit_struck(self) -> bool:
        """Whether the limit itself has passed and struck."""
        return self.struck > len(self.deadline.remind_at)

    def shifted(self, since: datetime, pause: timedelta) -> "Clock":
        """Add a pause back to every point that lay ahead when it began."""

        def later(at: datetime) -> datetime:
            return at + pause if at > since else at

        d = self.deadline
        moved = d.model_copy(
            update={
                "due_at": later(d.due_at),
                "remind_at": tuple(later(at) for at in d.remind_at),
                "supervise_at": d.supervise_at and later(d.supervise_at),
                "circulate_at": d.circulate_at and later(d.circulate_at),
            }
        )
        return self.model_copy(update={"deadline": moved})


class Running(NamedTuple):
    """A clock that runs now, and on which responder if on one."""

    phase: Phase
    responder: str | None
    clock: Clock


class Strike(NamedTuple):
    """The next moment at which a clock strikes."""

    at: datetime
    phase: Phase
    point: Point
    responder: str | None


def running(whistle: "Whistle") -> list[Running]:
    """List the clocks that run in this state, on the whistle and on each responder."""
    phases = _whistle_phases(whistle)
    clocks = [Running(p, None, whistle.clocks[p]) for p in phases if p in whistle.clocks]
    if whistle.state in RESPONDER_STATES:
        clocks += [r for report_in in whistle.report_ins for r in _report_in_clocks(whistle, report_in)]
    if whistle.state in DISPUTE_STATES:
        clocks += [
            Running(Phase.RULE, r.responder, r.clocks[Phase.RULE])
            for r in whistle.report_ins
            if r.dispute_open and Phase.RULE in r.clocks
        ]
    return clocks + _action_start(whistle)


def strikes(whistle: "Whistle") -> list[Strike]:
    """List the next point of every running clock, the earliest first; ties in the order of phases."""
    ahead = [
        Strike(point[0], r.phase, point[1], r.responder) for r in running(whistle) if (point := r.clock.next_point)
    ]
    return sorted(ahead, key=lambda s: (s.at, PHASE_ORDER[s.phase], s.responder or ""))


def next_strike(whistle: "Whistle") -> Strike | None:
    """The earliest point of all running clocks."""
    return next(iter(strikes(whistle)), None)


def next_deadline(whistle: "Whistle") -> datetime | None:
    """The earliest limit that binds somebody and has not struck; windows bind nobody."""
    limits = (r.clock.deadline.due_at for r in running(whistle) if r.phase not in WINDOWS and not r.clock.limit_struck)
    return min(limits, default=None)


def _whistle_phases(w: "Whistle") -> list[Phase]:
    phases = [STATE_CLOCKS[w.state]] if w.state in STATE_CLOCKS else []
    if w.ownerless and w.state in (State.ASSEMBLING, State.IN_ACTION):
        phases.append(Phase.ACCEPT)
    if w.state is State.SELF_HANDLED and not w.feedback_given:
        phases.append(Phase.SELF_HANDLING)
    if w.state in (State.EVALUATING, State.FEEDBACK) and not w.feedback_given:
        phases.append(Phase.FEEDBACK)
    if w.state in (State.EVALUATING, State.FEEDBACK, State.SELF_HANDLED) and w.callback_awaited:
        phases.append(Phase.CALLBACK)
    if w.kind is WhistleKind.EMERGENCY and w.ratified is None and w.state in RATIFY_STATES:
        phases.append(Phase.RATIFY)
    if w.state is State.CLOSED and not w.archived:
        phases += [Phase.REOPEN, Phase.APPEAL]
    return phases


def _report_in_clocks(w: "Whistle", r: "ReportIn") -> list[Running]:
    coming = r.state in (ReportInState.NOTIFIED, ReportInState.SIGNED)
    disputed = r.state is ReportInState.OBJECTED and r.arrived_at is None
    runs = {
        Phase.SIGN: r.state is ReportInState.NOTIFIED,
        Phase.ARRIVE: coming or disputed,
        Phase.ARRIVE_SECOND: coming or disputed,
        Phase.FIRST_REPORT: (coming or r.state is ReportInState.ARRIVED) and not r.progress_reported,
        Phase.HANDLE: (coming or r.state is ReportInState.ARRIVED) and w.state is State.IN_ACTION,
    }
    return [Running(p, r.responder, r.clocks[p]) for p, on in runs.items() if on and p in r.clocks]


def _action_start(w: "Whistle") -> list[Running]:
    if w.state is not State.ASSEMBLING or not any(r.on_site for r in w.report_ins):
        return []
    called = [
        r.clocks[Phase.START_ACTION]
        for r in w.report_ins
        if Phase.START_ACTION in r.clocks and r.state not in (ReportInState.WITHDRAWN, ReportInState.OBJECTED)
    ]
    last = max(called, key=lambda c: c.deadline.due_at, default=None)
    return [Running(Phase.START_ACTION, None, last)] if last else []
