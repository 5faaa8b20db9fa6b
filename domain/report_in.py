"""One responder's part in a whistle: its report-in (报到任务)."""

from datetime import datetime, timedelta

from domain.clocks import Clock
from domain.values import Frozen, Scores
from domain.vocabulary import ExtensionPhase, HandlingResult, ObjectionReason, Phase, ReportInState, ResponderRole

PRESENT = frozenset({ReportInState.ARRIVED, ReportInState.HANDLED})


class Dispute(Frozen):
    """An objection that has not been ruled on, or the last one that was."""

    reason: ObjectionReason
    state_before: ReportInState
    open: bool = True
    proposed_responder: str | None = None


class Extension(Frozen):
    """An extension asked for and not yet decided."""

    phase: ExtensionPhase
    until: datetime


class Evaluation(Frozen):
    """What the township gave, and until when it may be appealed."""

    at: datetime
    appeal_until: datetime
    scores: Scores | None = None
    by_default: bool = False


class ReportIn(Frozen):
    """One responder in one round. `due_at` is the first arrival limit, frozen at dispatch."""

    responder: str
    role: ResponderRole
    state: ReportInState = ReportInState.NOTIFIED
    round: int = 1
    notified_at: datetime
    signed_at: datetime | None = None
    arrived_at: datetime | None = None
    handled_at: datetime | None = None
    released_at: datetime | None = None
    late_by_s: int = 0
    overdue: bool = False
    no_show: bool = False
    progress_reported: bool = False
    result: HandlingResult | None = None
    rework: int = 0
    false_arrivals: int = 0
    section: str | None = None
    state_before_arrival: ReportInState | None = None
    clocks: dict[Phase, Clock] = {}
    object_until: datetime | None = None
    objections: int = 0
    dispute: Dispute | None = None
    extension: Extension | None = None
    extended: tuple[ExtensionPhase, ...] = ()
    evaluation: Evaluation | None = None
    appeal_pending: bool = False
    appeal_upheld: bool | None = None

    @property
    def dispute_open(self) -> bool:
        """Whether an objection awaits its ruling."""
        return self.dispute is not None and self.dispute.open

    @property
    def on_site(self) -> bool:
        """Whether the responder is on the spot now."""
        return self.state in PRESENT

    @property
    def active(self) -> bool:
        """Whether the responder still has a part to play in the action."""
        return self.state not in (ReportInState.WITHDRAWN, ReportInState.RELEASED, ReportInState.EVALUATED)

    @property
    def missing(self) -> bool:
        """Whether its second arrival limit struck and it is not on the spot, its mark annulled or not."""
        second = self.clocks.get(Phase.ARRIVE_SECOND)
        return bool(second and second.limit_struck) and not self.on_site

    @property
    def extendable(self) -> tuple[ExtensionPhase, ...]:
        """The phases whose limit may be asked to move: each once, the arrival only before arriving."""
        asked = {
            ExtensionPhase.ARRIVAL: Phase.ARRIVE in self.clocks and self.arrived_at is None,
            ExtensionPhase.HANDLING: Phase.HANDLE in self.clocks,
        }
        return tuple(phase for phase, runs in asked.items() if runs and phase not in self.extended)

    def due(self, phase: Phase) -> datetime | None:
        """The frozen limit of one phase."""
        clock = self.clocks.get(phase)
        return clock.deadline.due_at if clock else None


def seconds_late(at: datetime, due_at: datetime | None) -> int:
    """Whole seconds by which a report-in is late, at least 1 when late at all; else 0."""
    if due_at is None or at <= due_at:
        return 0
    return max(1, (at - due_at) // timedelta(seconds=1))
