"""The whistle (哨): one serialisable value that holds all its life needs, and no personal data."""

from datetime import datetime, timedelta

from pydantic import Field

from domain.clocks import Clock, running
from domain.report_in import ReportIn
from domain.values import Frozen
from domain.vocabulary import (
    Chain,
    DemandType,
    Outcome,
    Phase,
    ReportInState,
    SourceChannel,
    State,
    SupervisionLevel,
    Tier,
    Urgency,
    WhistleKind,
)

CALLBACK_ATTEMPTS = 3


class Supervision(Frozen):
    """One supervision: raised by a clock and open while that clock runs, or made by hand."""

    number: int
    level: SupervisionLevel
    organisation: str
    raised_at: datetime
    phase: Phase | None = None
    clock_started_at: datetime | None = None
    responder: str | None = None
    answered_at: datetime | None = None
    ended_at: datetime | None = None

    def is_open(self, causes: set[tuple[Phase, str | None, datetime]]) -> bool:
        """Whether its cause, among the clocks that run, or for one made by hand its answer, is outstanding."""
        if self.phase is None or self.clock_started_at is None:
            return self.answered_at is None and self.ended_at is None
        return (self.phase, self.responder, self.clock_started_at) in causes


class Whistle(Frozen):
    """A whistle as its events have made it; `sequence` is that of the last one applied."""

    whistle_id: str
    serial: str
    title: str
    source_system: str
    external_id: str
    township: str
    chain: Chain
    channel: SourceChannel
    received_at: datetime
    registered_at: datetime
    state: State
    sequence: int
    step: int = 1
    caller: str | None = None
    grid: str | None = None
    kind: WhistleKind | None = None
    urgency: Urgency | None = None
    tier: Tier | None = None
    demand_type: DemandType | None = None
    item_code: str | None = None
    local_label: str | None = None
    source_due_at: datetime | None = None
    has_reporter: bool = False
    round: int = 1
    proposed: tuple[str, ...] = ()
    assemble_at: datetime | None = None
    assembly_place: str | None = None
    lead: str | None = None
    ownerless: bool = False
    report_ins: tuple[ReportIn, ...] = ()
    earlier_report_ins: tuple[ReportIn, ...] = ()
    clocks: dict[Phase, Clock] = {}
    blown_at: datetime | None = None
    ratified: bool | None = None
    suspended_at: datetime | None = None
    source_put_off: timedelta = Field(
        default=timedelta(),
        description="How far suspensions put off the source's own limit; `source_due_at` stays as it was given.",
    )
    state_before_suspension: State | None = None
    suspension_requested: bool = False
    outcome: Outcome | None = None
    feedback_given: bool = False
    callback_attempts: int = 0
    callback_ended: bool = False
    dissatisfied: bool = False
    supervisions: tuple[Supervision, ...] = ()
    handlers: tuple[str, ...] = ()
    merged_into: str | None = None
    repeated_calls: int = 0
    withdrawn_by_reporter: int = 0
    closed_at: datetime | None = None
    archived: bool = False
    names: dict[str, str] = Field(
        default={}, description="What the organisations it speaks of were called when it first did, by code."
    )

    @property
    def source_limit(self) -> datetime | None:
        """The source's own limit (来单时限), with the pauses that it was stopped for added back as to any other."""
        return self.source_due_at and self.source_due_at + self.source_put_off

    @property
    def callback_awaited(self) -> bool:
        """Whether the reply is given and the resident is still to be called back."""
        return self.feedback_given and self.has_reporter and not self.callback_ended

    @property
    def answered(self) -> bool:
        """Whether the reply is given and no callback is awaited."""
        return self.feedback_given and not self.callback_awaited

    @property
    def ended(self) -> bool:
        """Whether nothing can happen any more, so that its workflow may complete."""
        return self.archived or self.state in (State.MERGED, State.REJECTED, State.CANCELLED)

    @property
    def responders(self) -> tuple[str, ...]:
        """Every responder of this round that was not withdrawn."""
        return tuple(r.responder for r in self.report_ins if r.state is not ReportInState.WITHDRAWN)

    @property
    def organisations(self) -> frozenset[str]:
        """The code of every organisation it speaks of."""
        called = (*self.proposed, *(r.responder for r in self.report_ins))
        held = (s.organisation for s in self.supervisions)
        return frozenset(filter(None, (self.township, self.caller, self.lead, *called, *held)))

    @property
    def open_supervisions(self) -> tuple[Supervision, ...]:
        """Those whose cause has not ended, the highest first."""
        if not self.supervisions or self.ended:
            return ()
        causes = {(r.phase, r.responder, r.clock.deadline.started_at) for r in running(self)}
        held = [s for s in self.supervisions if s.is_open(causes)]
        return tuple(sorted(held, key=lambda s: (-s.level.rank, s.number)))

    @property
    def supervision_level(self) -> SupervisionLevel:
        """The highest open level, else NONE."""
        held = self.open_supervisions
        return held[0].level if held else SupervisionLevel.NONE

    def report_in(self, responder: str) -> ReportIn | None:
        """Find a responder's report-in of this round."""
        return next((r for r in self.report_ins if r.responder == responder), None)

    def last_evaluated(self, responder: str) -> ReportIn | None:
        """Find a responder's last evaluated report-in of any round: the one that an appeal speaks of."""
        return next(reversed(self._evaluated(responder)), None)

    def appealed(self, responder: str) -> ReportIn | None:
        """Find a responder's first report-in of any round whose appeal is pending, else the last evaluated."""
        pending = (r for r in self._evaluated(responder) if r.appeal_pending)
        return next(pending, self.last_evaluated(responder))

    def _evaluated(self, responder: str) -> list[ReportIn]:
        every = self.earlier_report_ins + self.report_ins
        return [r for r in every if r.responder == responder and r.state is ReportInState.EVALUATED]
