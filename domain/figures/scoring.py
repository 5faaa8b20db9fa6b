"""Scoring a responder's part (下评上): timeliness from the record, the rest from the township and the resident.

100 = sign-in 10 + arrival 25 + handling in time 25 + result 25 + cooperation 15, less deductions; domain.md (a) [P].
"""

from collections.abc import Iterator
from datetime import datetime
from decimal import Decimal

from pydantic import Field

from domain.figures.history import History, Part, Round
from domain.figures.rules import FULL, ScoringRules
from domain.figures.words import Deduction, Exclusion, Figure, Item
from domain.values import Frozen
from domain.vocabulary import ResponderRole, Satisfaction, WhistleKind

_THIRD = 3
_NOTHING = Decimal(0)
_ALL = Decimal(1)


class ScoreRow(Frozen):
    """What one responder scored for its part in one whistle and round; it counts from its evaluation on."""

    organisation: str
    whistle_id: str
    serial: str
    township: str
    round: int
    role: ResponderRole
    moment: datetime
    items: dict[Item, Decimal]
    deductions: dict[Deduction, Decimal] = {}
    total: Decimal
    weight: Decimal
    rework: int = 0
    kind: WhistleKind | None = None
    grid: str | None = None
    by_default: bool = Field(
        default=False, description="The township's two items are full marks because its limit passed (默认评价)."
    )
    exclusion: Exclusion | None = None


def scores_of(history: History, rules: ScoringRules) -> Iterator[ScoreRow]:
    """Score every evaluated part of a whistle; none in chains that call persons."""
    if not history.scored:
        return
    for number in history.rounds:
        for part in number.parts:
            if part.evaluated_at:
                yield _scored(history, number, part, rules)


def _scored(h: History, number: Round, part: Part, rules: ScoringRules) -> ScoreRow:
    items = {item: share * rules.points[item] for item, share in _shares(part, rules).items()}
    deductions = {name: points for name, points in _deductions(number, part, rules).items() if points}
    total = max(_NOTHING, sum(items.values(), _NOTHING) - sum(deductions.values(), _NOTHING))
    return ScoreRow(
        organisation=part.responder,
        whistle_id=h.whistle_id,
        serial=h.serial,
        township=h.township,
        round=number.number,
        role=part.role,
        moment=part.evaluated_at or h.as_of,
        items=items,
        deductions=deductions,
        total=total,
        weight=rules.weights[part.role],
        rework=part.rework,
        kind=h.kind,
        grid=h.grid,
        by_default=part.by_default,
        exclusion=_excluded(h, part, rules),
    )


def _shares(part: Part, rules: ScoringRules) -> dict[Item, Decimal]:
    """Give of each item the share that was earned; a phase without a limit is in time once it is done."""
    late = rules.late_share
    given = part.scores
    return {
        Item.SIGN: _timely(part.signed_at, part.sign_due, late),
        Item.ARRIVAL: _timely(part.arrived_at, part.arrive_due, late, part.second_due),
        Item.HANDLING: _handled(part, late),
        Item.RESULT: Decimal(given.result) / FULL if given else _NOTHING,
        Item.COOPERATION: Decimal(given.cooperation) / FULL if given else _NOTHING,
    }


def _timely(at: datetime | None, due: datetime | None, late: Decimal, end: datetime | None = None) -> Decimal:
    if at is None or (due and end and at > max(due, end)):
        return _NOTHING
    return _ALL if due is None or at <= due else late


def _handled(part: Part, late: Decimal) -> Decimal:
    if part.handled_at is None:
        return _NOTHING
    return late if part.missed_at else _ALL


def _deductions(number: Round, part: Part, rules: ScoringRules) -> dict[Deduction, Decimal]:
    small = rules.deductions[Deduction.REWORK] * min(part.rework, _THIRD - 1)
    large = rules.rework_from_third * max(0, part.rework - _THIRD + 1)
    unsolved = part.role is ResponderRole.LEAD and _unsolved(number)
    return {
        Deduction.REWORK: small + large,
        Deduction.UNFOUNDED_OBJECTION: rules.deductions[Deduction.UNFOUNDED_OBJECTION] * part.unfounded_objections,
        Deduction.FALSE_ARRIVAL: rules.deductions[Deduction.FALSE_ARRIVAL] * part.false_arrivals,
        Deduction.UNSOLVED: rules.deductions[Deduction.UNSOLVED] if unsolved else _NOTHING,
    }


def _unsolved(number: Round) -> bool:
    counting = [call for call in number.callbacks if call.counts and call.reached]
    return any(c.solved is False or c.satisfaction is Satisfaction.DISSATISFIED for c in counting)


def _excluded(h: History, part: Part, rules: ScoringRules) -> Exclusion | None:
    grounds = (
        (Exclusion.APPEAL_UPHELD, part.appeal_upheld),
        (Exclusion.OBJECTION_UPHELD, part.objection_upheld),
        (Exclusion.FALSE_ALARM, h.false_alarm),
    )
    return next((g for g, holds in grounds if holds and rules.excludes(Figure.SCORE, g)), None)
