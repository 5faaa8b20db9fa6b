"""The time-limit rules and the deadlines they give.

Rules come from a catalogue, one profile at a time; a deadline is computed once, when its clock starts, and frozen.
Only the 30 minutes of arrival is a published Pinggu rule; every other rule names where it is borrowed from, or [P]
for ours (domain.md (c)).
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from functools import cached_property
from itertools import product
from typing import NamedTuple, Self

from pydantic import AwareDatetime, BaseModel, Field, ValidationInfo, field_validator, model_validator

from domain.vocabulary import Phase, TimeUnit, Urgency, WhistleKind
from domain.working_time import WORKING_UNITS, WorkCalendar, nominal_span

DEFAULT_PROFILE = "default"
DEMO_PROFILE = "demo"
REMINDERS = (Decimal("0.5"), Decimal("0.8"))

_ARRIVALS = frozenset({Phase.ARRIVE, Phase.ARRIVE_SECOND})
_BEFORE_ARRIVAL = frozenset({Phase.ACCEPT, Phase.SIGN})
_HALVED = frozenset({Urgency.URGENT, Urgency.CRITICAL})
_LONGEST = timedelta(days=3660)
_MILLISECOND = timedelta(milliseconds=1)


class LimitRule(BaseModel, frozen=True):
    """How long a phase may last, and where that rule comes from; kind or urgency None means any."""

    profile: str = Field(min_length=1)
    kind: WhistleKind | None = None
    urgency: Urgency | None = None
    phase: Phase
    amount: Decimal = Field(gt=0, le=100_000_000, decimal_places=3, allow_inf_nan=False)
    unit: TimeUnit
    source: str = Field(min_length=1)

    @field_validator("unit")
    @classmethod
    def _ends_within_ten_years(cls, unit: TimeUnit, info: ValidationInfo) -> TimeUnit:
        amount = info.data.get("amount")
        if amount is not None and nominal_span(amount, unit) > _LONGEST:
            message = f"{amount} {unit} is longer than ten years"
            raise ValueError(message)
        return unit

    @property
    def key(self) -> tuple[WhistleKind | None, Urgency | None, Phase]:
        """What the rule is for; a profile holds one rule for each."""
        return self.kind, self.urgency, self.phase

    def times(self, factor: Decimal, why: str) -> Self:
        """Give the same rule with its amount multiplied, saying why in its source."""
        return self.model_copy(update={"amount": self.amount * factor, "source": f"{self.source}, {why}"})


class Limits(BaseModel, frozen=True):
    """The rules of one profile."""

    profile: str
    rules: tuple[LimitRule, ...]

    @model_validator(mode="after")
    def _one_rule_each_of_this_profile(self) -> Self:
        if any(rule.profile != self.profile for rule in self.rules):
            message = f"a rule belongs to another profile than {self.profile}"
            raise ValueError(message)
        if len(self._by_key) < len(self.rules):
            message = f"profile {self.profile} holds two rules for one kind, urgency and phase"
            raise ValueError(message)
        return self

    @cached_property
    def _by_key(self) -> dict[tuple[WhistleKind | None, Urgency | None, Phase], LimitRule]:
        return {rule.key: rule for rule in self.rules}

    def find(self, kind: WhistleKind | None, urgency: Urgency | None, phase: Phase) -> LimitRule | None:
        """Find the rule for a phase: the closest row, then the kind's NORMAL row, then the rows of any kind.

        URGENT and CRITICAL halve an arrival taken from the NORMAL row. Where no row gives the second arrival limit
        it is twice the first [P].
        """
        rule = self._row(kind, urgency, phase)
        if rule or phase is not Phase.ARRIVE_SECOND:
            return rule
        first = self.find(kind, urgency, Phase.ARRIVE)
        return first and first.times(Decimal(2), "twice the first: ours [P]").model_copy(update={"phase": phase})

    def gaps(self) -> Iterator[tuple[WhistleKind, Urgency, Phase]]:
        """List the combinations that no rule covers, so that no clock will run for them."""
        for combination in product(WhistleKind, Urgency, Phase):
            if self.find(*combination) is None:
                yield combination

    def _row(self, kind: WhistleKind | None, urgency: Urgency | None, phase: Phase) -> LimitRule | None:
        rows = self._by_key
        close = rows.get((kind, urgency, phase)) or rows.get((kind, None, phase))
        if close:
            return close
        normal = rows.get((kind, Urgency.NORMAL, phase)) if kind else None
        if normal and phase in _ARRIVALS and urgency in _HALVED:
            return normal.times(Decimal("0.5"), f"halved for {urgency}: ours [P]")
        return normal or rows.get((None, urgency, phase)) or rows.get((None, None, phase))


class Deadline(BaseModel, frozen=True):
    """When a clock started, when it is due and what its lateness raises: all in UTC, in whole milliseconds.

    `estimated` says that due_at rests on days whose official calendar is not on file yet.
    """

    started_at: AwareDatetime
    due_at: AwareDatetime
    remind_at: tuple[AwareDatetime, ...] = ()
    supervise_at: AwareDatetime | None = None
    circulate_at: AwareDatetime | None = None
    estimated: bool = False


def deadline(
    phase: Phase,
    *,
    kind: WhistleKind | None,
    urgency: Urgency | None,
    start: datetime,
    limits: Limits,
    calendar: WorkCalendar,
    no_later_than: datetime | None = None,
    not_before: datetime | None = None,
    ladder: bool = True,
) -> Deadline | None:
    """Compute the deadline of a phase whose clock starts at start; None where no rule sets one.

    `not_before` is assemble_at: the arrival limit is that time if it is later than the rule's, and the second limit
    follows it; no other phase is put off by it, and one that is not after start is void. ACCEPT and SIGN never end
    after the arrival limit, the demo profile excepted. `no_later_than` caps the limit; a cap that is not after start
    is void. Without the ladder there are no reminders either: due_at alone.
    """
    case = _Case(kind, urgency, whole_milliseconds(start), limits, calendar)
    due = case.due(phase, not_before)
    if due is None:
        return None
    if not (phase in _BEFORE_ARRIVAL and limits.profile == DEMO_PROFILE):
        due = case.capped(due, no_later_than)
    return case.deadline(due, ladder=ladder, estimated=due.working and calendar.is_estimated(case.start, due.at))


def deadline_at(
    due_at: datetime,
    *,
    start: datetime,
    limits: Limits,
    calendar: WorkCalendar,
    working: bool = False,
    kind: WhistleKind | None = None,
    urgency: Urgency | None = None,
    ladder: bool = True,
) -> Deadline:
    """Give a limit that was set as a time its reminders, in working time if `working`, and its ladder.

    A time set by a person is never estimated; one that is not after start has no reminders.
    """
    case = _Case(kind, urgency, whole_milliseconds(start), limits, calendar)
    return case.deadline(_Due(whole_milliseconds(due_at), working), ladder=ladder, estimated=False)


def whole_milliseconds(at: datetime) -> datetime:
    """Round up to the millisecond, in UTC: a limit never strikes early."""
    at = at.astimezone(UTC)
    return at + timedelta(microseconds=-at.microsecond % 1000)


class _Due(NamedTuple):
    at: datetime
    working: bool


@dataclass(frozen=True)
class _Case:
    kind: WhistleKind | None
    urgency: Urgency | None
    start: datetime
    limits: Limits
    calendar: WorkCalendar

    def due(self, phase: Phase, assemble_at: datetime | None) -> _Due | None:
        if phase is Phase.ARRIVE:
            return self.arrival(assemble_at)
        if phase is Phase.ARRIVE_SECOND:
            return self.second_arrival(assemble_at)
        due = self.after(self.start, phase)
        if due and phase in _BEFORE_ARRIVAL and self.limits.profile != DEMO_PROFILE:
            arrival = self.arrival(assemble_at)
            return self.capped(due, arrival and arrival.at)
        return due

    def after(self, start: datetime, phase: Phase) -> _Due | None:
        rule = self.limits.find(self.kind, self.urgency, phase)
        if rule is None:
            return None
        return _Due(whole_milliseconds(self.calendar.add(start, rule.amount, rule.unit)), rule.unit in WORKING_UNITS)

    def arrival(self, assemble_at: datetime | None) -> _Due | None:
        due = self.after(self.start, Phase.ARRIVE)
        if assemble_at is None or assemble_at <= (due.at if due else self.start):
            return due
        return _Due(whole_milliseconds(assemble_at), due.working if due else False)

    def second_arrival(self, assemble_at: datetime | None) -> _Due | None:
        first, rule_first = self.arrival(assemble_at), self.after(self.start, Phase.ARRIVE)
        if first is None:
            return None
        if rule_first is None:
            return self.after(first.at, Phase.ARRIVE_SECOND)
        second = self.after(self.start, Phase.ARRIVE_SECOND)
        again = self.after(first.at, Phase.ARRIVE) if first != rule_first else None
        return max(filter(None, (second, again)), default=None)

    def capped(self, due: _Due, cap: datetime | None) -> _Due:
        return due._replace(at=whole_milliseconds(cap)) if cap and self.start < cap < due.at else due

    def deadline(self, due: _Due, *, ladder: bool, estimated: bool) -> Deadline:
        if not ladder:
            return Deadline(started_at=self.start, due_at=due.at, estimated=estimated)
        supervise, circulate = self.after(due.at, Phase.SUPERVISE), self.after(due.at, Phase.CIRCULATE)
        return Deadline(
            started_at=self.start,
            due_at=due.at,
            remind_at=tuple(self.reminders(due)),
            supervise_at=supervise and supervise.at,
            circulate_at=circulate and circulate.at,
            estimated=estimated,
        )

    def reminders(self, due: _Due) -> Iterator[datetime]:
        working_time = self.calendar.working_time_between(self.start, due.at) if due.working else timedelta()
        for share in REMINDERS:
            if working_time > timedelta():
                at = self.calendar.add_working_time(self.start, working_time * float(share))
            else:
                at = self.start + (due.at - self.start) * float(share)
            if self.start < (at := whole_milliseconds(at)) < due.at:
                yield at
