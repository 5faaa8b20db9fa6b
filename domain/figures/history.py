"""One whistle as the figures see it: a fold over its audit trail alone, as of a moment.

Apart from `evolve`, which replay binds: these facts must stay recomputable by anyone from the same stored events.
"""

from dataclasses import dataclass, field
from datetime import datetime, timedelta

from domain.chains import CHAINS
from domain.values import POST_PREFIX, Scores
from domain.vocabulary import (
    Chain,
    Outcome,
    ResponderRole,
    ReturnReason,
    Satisfaction,
    WhistleKind,
)


@dataclass(slots=True, kw_only=True)
class Part:
    """One responder, from one dispatch on; `number` is the sequence of that dispatch."""

    responder: str
    role: ResponderRole
    number: int
    notified_at: datetime
    sign_due: datetime | None = None
    arrive_due: datetime | None = None
    second_due: datetime | None = None
    handle_due: datetime | None = None
    signed_at: datetime | None = None
    signed_by_arriving: bool = False
    arrived_at: datetime | None = None
    handled_at: datetime | None = None
    missed_at: datetime | None = None
    """The first handling limit that passed before the handling was reported, if any did."""
    left_at: datetime | None = None
    called_off: bool = False
    objection_upheld: bool = False
    ruled_out: bool = False
    rework: int = 0
    false_arrivals: int = 0
    unfounded_objections: int = 0
    paused_before_arriving: timedelta = timedelta()
    evaluated_at: datetime | None = None
    scores: Scores | None = None
    by_default: bool = False
    appeal_pending: bool = False
    appeal_upheld: bool = False

    @property
    def withdrawn(self) -> bool:
        """Whether the matter turned out not to be this responder's to handle."""
        return self.called_off or self.ruled_out


@dataclass(slots=True, kw_only=True)
class Answered:
    """One callback."""

    at: datetime
    counts: bool
    reached: bool
    solved: bool | None
    satisfaction: Satisfaction | None


@dataclass(slots=True, kw_only=True)
class Round:
    """From a first dispatch, or a reopening, to the end."""

    number: int
    parts: list[Part] = field(default_factory=list)
    current: dict[str, Part] = field(default_factory=dict)
    callbacks: list[Answered] = field(default_factory=list)
    reply_due: datetime | None = None
    replied_at: datetime | None = None
    self_handling_due: datetime | None = None
    passed_at: datetime | None = None
    evaluate_due: datetime | None = None
    outcome: Outcome | None = None

    @property
    def lead(self) -> Part | None:
        """The part that leads; of several, as after an objection upheld, the last that was not withdrawn."""
        leading = [p for p in self.current.values() if p.role is ResponderRole.LEAD]
        return max(leading, key=lambda p: (not p.withdrawn, p.number), default=None)


@dataclass(slots=True, kw_only=True)
class History:
    """What the figures need of one whistle; `as_of` is how far it was read."""

    whistle_id: str
    serial: str
    township: str
    chain: Chain
    as_of: datetime
    registered_at: datetime
    source_due_at: datetime | None = None
    grid: str | None = None
    item_code: str | None = None
    kind: WhistleKind | None = None
    blown_at: datetime | None = None
    returns: list[ReturnReason] = field(default_factory=list)
    returned_now: bool = False
    ended_at: datetime | None = None
    cancelled: bool = False
    merged: bool = False
    rejected: bool = False
    false_alarm: bool = False
    suspended_at: datetime | None = None
    rounds: list[Round] = field(default_factory=lambda: [Round(number=1)])
    circulations: list[tuple[datetime, str]] = field(default_factory=list)

    @property
    def round(self) -> Round:
        """The round that runs."""
        return self.rounds[-1]

    @property
    def scored(self) -> bool:
        """Whether its responders are organisations: there are no figures on persons (BRANCH_CALLS)."""
        return CHAINS[self.chain].ladder

    @property
    def called_off(self) -> bool:
        """Whether it ended before it was done."""
        return self.cancelled or self.merged

    def part(self, responder: str) -> Part:
        """Find a responder's part in the round that runs; raises ValueError."""
        found = self.round.current.get(responder)
        if found is None:
            message = f"{self.whistle_id}: {responder} has no part"
            raise ValueError(message)
        return found

    def evaluated(self, responder: str) -> list[Part]:
        """List a responder's evaluated parts of all rounds, in order."""
        every = (p for r in self.rounds for p in r.parts)
        return [p for p in every if p.responder == responder and p.evaluated_at]

    def note_missed(self, part: Part, left_at: datetime) -> None:
        """Note the handling limit of a part that left without having handled."""
        due = part.handle_due
        if part.handled_at is None and not part.called_off and due and due <= left_at and not self.stopped(due):
            part.missed_at = part.missed_at or due

    def runs(self, due: datetime) -> bool:
        """Whether a limit still runs, or was stopped before it passed."""
        return due >= self.as_of or self.stopped(due)

    def stopped(self, due: datetime) -> bool:
        """Whether a suspension stopped this limit before it passed."""
        return self.suspended_at is not None and due > self.suspended_at


def correct(history: History, later: History) -> None:
    """Carry back what was found after the moment that a history was read to, about what stood by then."""
    history.false_alarm = later.false_alarm
    found = {(p.number, p.responder): p for r in later.rounds for p in r.parts}
    for part in (p for r in history.rounds for p in r.parts):
        then = found[part.number, part.responder]
        part.appeal_upheld = then.appeal_upheld
        part.objection_upheld = then.objection_upheld
        part.called_off = then.called_off
        if then.false_arrivals > part.false_arrivals:
            part.arrived_at, part.false_arrivals = None, then.false_arrivals
        if part.arrived_at is None and then.arrived_at and then.arrived_at <= history.as_of:
            part.arrived_at, part.signed_at = then.arrived_at, part.signed_at or then.arrived_at
        if part.evaluated_at is None and then.evaluated_at and then.evaluated_at <= history.as_of:
            part.evaluated_at, part.scores, part.by_default = then.evaluated_at, then.scores, then.by_default


def is_organisation(responder: str) -> bool:
    """Tell an organisation from a party member's post."""
    return not responder.startswith(POST_PREFIX)
