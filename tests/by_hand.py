"""The figures once more, by hand: simple questions to an audit trail and to the value it makes, apart from the product.

It knows nothing of domain/figures: the value comes from `evolve`, which replay runs on.
"""

from collections import Counter
from collections.abc import Iterable, Sequence
from datetime import datetime
from decimal import Decimal
from typing import NamedTuple

from domain import events as e
from domain.evolve import evolve
from domain.records import Record
from domain.report_in import ReportIn
from domain.vocabulary import Chain, Phase, ReportInState, ResponderRole, Satisfaction, State
from domain.whistle import Whistle

Key = tuple[str, datetime]


class ByHand(NamedTuple):
    """What was counted: by responder numerators and denominators, and totals of the township."""

    arrived: Counter[str]
    called: Counter[str]
    scores: dict[str, list[tuple[Decimal, Decimal]]]
    totals: Counter[str]


def count(trail: Sequence[Record], now: datetime) -> ByHand:
    """Count one whistle by its whole trail."""
    steps = list(_steps(trail))
    whistle = steps[-1][2]
    arrived: Counter[str] = Counter()
    called: Counter[str] = Counter()
    scores: dict[str, list[tuple[Decimal, Decimal]]] = {}
    if whistle.chain is Chain.BRANCH_CALLS:
        return ByHand(arrived, called, scores, _totals(steps))
    late = _handled_late(steps)
    for part in whistle.earlier_report_ins + whistle.report_ins:
        if _struck(part, steps):
            continue
        due = part.due(Phase.ARRIVE)
        in_time = due is not None and part.arrived_at is not None and part.arrived_at <= due
        if due and (in_time or _passed(due, part, whistle, now)):
            called[part.responder] += 1
            arrived[part.responder] += in_time
        if part.state is ReportInState.EVALUATED:
            scores.setdefault(part.responder, []).append(_score(part, steps, late))
    return ByHand(arrived, called, scores, _totals(steps))


def _steps(trail: Sequence[Record]) -> Iterable[tuple[Record, Whistle | None, Whistle]]:
    whistle: Whistle | None = None
    for record in trail:
        before, whistle = whistle, evolve(whistle, record)
        yield record, before, whistle


def _struck(part: ReportIn, steps: Sequence[tuple[Record, Whistle | None, Whistle]]) -> bool:
    after = [r.event for r, _, _ in steps if r.at >= part.notified_at]
    upheld = [x for x in after if isinstance(x, e.ObjectionUpheld) and x.responder == part.responder]
    annulled = part.state is ReportInState.WITHDRAWN or bool(upheld and not part.overdue and _same(part, steps))
    false_alarm = any(isinstance(r.event, e.RatificationRefused) for r, _, _ in steps)
    return annulled or bool(part.appeal_upheld) or false_alarm


def _same(part: ReportIn, steps: Sequence[tuple[Record, Whistle | None, Whistle]]) -> bool:
    """Whether the objection that was upheld was about this very part."""
    for record, before, _ in steps:
        if isinstance(record.event, e.ObjectionUpheld) and record.event.responder == part.responder and before:
            then = before.report_in(part.responder)
            if then and (then.notified_at, then.round) == (part.notified_at, part.round):
                return True
    return False


def _passed(due: datetime, part: ReportIn, whistle: Whistle, now: datetime) -> bool:
    stopped = whistle.state is State.SUSPENDED and whistle.suspended_at is not None and due > whistle.suspended_at
    if part.released_at and part.released_at < due:
        return False
    return due < now and not (stopped and part.active and part.arrived_at is None)


def _handled_late(steps: Sequence[tuple[Record, Whistle | None, Whistle]]) -> set[Key]:
    late: set[Key] = set()
    for record, before, _ in steps:
        if isinstance(record.event, e.HandlingReported) and before:
            part = before.report_in(record.event.responder)
            due = part and part.due(Phase.HANDLE)
            if part and due and record.at > due:
                late.add((part.responder, part.notified_at))
    return late


def _score(
    part: ReportIn, steps: Sequence[tuple[Record, Whistle | None, Whistle]], late: set[Key]
) -> tuple[Decimal, Decimal]:
    """100 = 10 + 25 + 25 + 25 + 15, half for what was late, less deductions; and the weight."""
    half = Decimal("0.5")

    def timely(at: datetime | None, due: datetime | None, end: datetime | None = None) -> Decimal:
        if at is None or (due and end and at > max(end, due)):
            return Decimal(0)
        return Decimal(1) if due is None or at <= due else half

    total = 10 * timely(part.signed_at, part.due(Phase.SIGN))
    total += 25 * timely(part.arrived_at, part.due(Phase.ARRIVE), part.due(Phase.ARRIVE_SECOND))
    if part.handled_at:
        total += 25 * (half if (part.responder, part.notified_at) in late else Decimal(1))
    if part.evaluation and part.evaluation.scores:
        total += Decimal(25 * part.evaluation.scores.result + 15 * part.evaluation.scores.cooperation) / 100
    total -= sum((Decimal("0.2") if n < 2 else Decimal("0.5") for n in range(part.rework)), Decimal(0))
    total -= part.false_arrivals + _overruled(part, steps)
    if part.role is ResponderRole.LEAD and _unsolved(part.round, steps):
        total -= 2
    weight = Decimal(1) if part.role is ResponderRole.LEAD else Decimal("0.6")
    return max(total, Decimal(0)), weight


def _overruled(part: ReportIn, steps: Sequence[tuple[Record, Whistle | None, Whistle]]) -> int:
    found = 0
    for record, before, _ in steps:
        if isinstance(record.event, e.ObjectionOverruled) and record.event.responder == part.responder and before:
            then = before.report_in(part.responder)
            found += then is not None and (then.notified_at, then.round) == (part.notified_at, part.round)
    return found


def _unsolved(round_: int, steps: Sequence[tuple[Record, Whistle | None, Whistle]]) -> bool:
    return any(
        event.counts and event.reached and (event.solved is False or event.satisfaction is Satisfaction.DISSATISFIED)
        for _, before, after in steps
        if before and after.round == round_
        for event in [_callback(before, after, steps)]
        if event
    )


def _callback(
    before: Whistle, after: Whistle, steps: Sequence[tuple[Record, Whistle | None, Whistle]]
) -> e.CallbackMade | None:
    event = steps[after.sequence - 1][0].event
    return event if isinstance(event, e.CallbackMade) and before.round == after.round else None


def _totals(steps: Sequence[tuple[Record, Whistle | None, Whistle]]) -> Counter[str]:
    whistle = steps[-1][2]
    found = [r.event for r, _, _ in steps]
    calls = [x for x in found if isinstance(x, e.CallbackMade) and x.counts and x.reached]
    blown = any(isinstance(x, e.WhistleBlown) for x in found)
    return Counter(
        {
            "solved_of": sum(c.solved is not None for c in calls),
            "solved": sum(bool(c.solved) for c in calls),
            "satisfied_of": sum(c.satisfaction is not None for c in calls),
            "satisfied": sum(c.satisfaction in (Satisfaction.SATISFIED, Satisfaction.FAIR) for c in calls),
            "blown": int(blown),
            "returned": int(any(isinstance(x, e.WhistleReturned) for x in found)),
            "cancelled": int(blown and whistle.state is State.CANCELLED),
            "answered_in_time": sum(_answered_in_time(step) for step in steps),
            "closed_in_time": _closed_in_time(steps),
            "calls": sum(len(x.responders) for x in found if isinstance(x, e.RespondersNotified)),
        }
    )


def _answered_in_time(step: tuple[Record, Whistle | None, Whistle]) -> bool:
    record, before, _ = step
    if not isinstance(record.event, e.FeedbackGiven) or before is None:
        return False
    clock = before.clocks[Phase.SELF_HANDLING if before.state is State.SELF_HANDLED else Phase.FEEDBACK]
    return record.at <= clock.deadline.due_at


def _closed_in_time(steps: Sequence[tuple[Record, Whistle | None, Whistle]]) -> int:
    late, closed = _handled_late(steps), 0
    false_alarm = any(isinstance(r.event, e.RatificationRefused) for r, _, _ in steps)
    for record, before, _ in steps:
        if isinstance(record.event, e.CheckPassed) and before:
            earlier = [p for p in before.earlier_report_ins if p.round == before.round]
            kept = [p for p in (*earlier, *before.report_ins) if p.state is not ReportInState.WITHDRAWN]
            unhandled = [p for p in kept if p.handled_at is None and p.active and p.due(Phase.HANDLE)]
            missed = any(p.due(Phase.HANDLE) <= record.at for p in unhandled)  # type: ignore[operator]
            closed += not (missed or any((p.responder, p.notified_at) in late for p in kept))
        elif isinstance(record.event, e.FeedbackGiven) and before and not before.report_ins:
            closed += _answered_in_time((record, before, before)) and before.state is State.SELF_HANDLED
    return 0 if false_alarm else closed
