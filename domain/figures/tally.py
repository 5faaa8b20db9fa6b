"""Adding up: rates with numerator, denominator and exclusions, mean scores, demand, and ranks with their ties."""

from collections import Counter
from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from decimal import ROUND_HALF_UP, Decimal
from typing import NamedTuple, Self

from pydantic import Field

from domain.figures.history import History, Part, is_organisation
from domain.figures.periods import Period
from domain.figures.rows import OF_THE_TOWNSHIP, Row, rows_of
from domain.figures.rules import ScoringRules
from domain.figures.scoring import ScoreRow, scores_of
from domain.figures.words import Exclusion, Figure, Side
from domain.values import Frozen
from domain.vocabulary import ReturnReason, WhistleKind

_SHOWN = Decimal("0.01")
_PERCENT = Decimal(100)


class Rate(Frozen):
    """A share with what it is made of; rates of several periods add up."""

    numerator: int = 0
    denominator: int = 0
    excluded: dict[Exclusion, int] = {}

    @classmethod
    def of(cls, rows: Iterable[Row]) -> Self:
        """Count rows of one figure."""
        every = list(rows)
        counted = [row for row in every if row.exclusion is None]
        left_out = Counter(row.exclusion for row in every if row.exclusion)
        return cls(numerator=sum(row.met for row in counted), denominator=len(counted), excluded=_sorted(left_out))

    def __add__(self, other: "Rate") -> "Rate":
        """Add the rate of another period."""
        return Rate(
            numerator=self.numerator + other.numerator,
            denominator=self.denominator + other.denominator,
            excluded=_sorted(Counter(self.excluded) + Counter(other.excluded)),
        )

    @property
    def percent(self) -> Decimal | None:
        """The share in percent to two places, half up; None where there is nothing to count."""
        if not self.denominator:
            return None
        return (_PERCENT * self.numerator / self.denominator).quantize(_SHOWN, ROUND_HALF_UP)


class MeanScore(Frozen):
    """The weighted mean of scores, as its sums; those of several periods add up."""

    points: Decimal = Decimal(0)
    weight: Decimal = Decimal(0)
    rows: int = 0
    by_default: int = 0
    reworked: int = Field(default=0, description="How many of the parts came back from a check at least once.")
    excluded: dict[Exclusion, int] = {}

    @classmethod
    def of(cls, rows: Iterable[ScoreRow]) -> Self:
        """Add up scores."""
        every = list(rows)
        counted = [row for row in every if row.exclusion is None]
        return cls(
            points=sum((row.total * row.weight for row in counted), Decimal(0)),
            weight=sum((row.weight for row in counted), Decimal(0)),
            rows=len(counted),
            by_default=sum(row.by_default for row in counted),
            reworked=sum(row.rework > 0 for row in counted),
            excluded=_sorted(Counter(row.exclusion for row in every if row.exclusion)),
        )

    def __add__(self, other: "MeanScore") -> "MeanScore":
        """Add the scores of another period."""
        return MeanScore(
            points=(self.points + other.points),
            weight=(self.weight + other.weight),
            rows=self.rows + other.rows,
            by_default=self.by_default + other.by_default,
            reworked=self.reworked + other.reworked,
            excluded=_sorted(Counter(self.excluded) + Counter(other.excluded)),
        )

    @property
    def rework(self) -> Rate:
        """返工率: the parts that came back, of those that were scored."""
        return Rate(numerator=self.reworked, denominator=self.rows)

    @property
    def mean(self) -> Decimal | None:
        """The mean to two places, half up; None where nothing weighs."""
        return (self.points / self.weight).quantize(_SHOWN, ROUND_HALF_UP) if self.weight else None


class Demand(Frozen):
    """How often a responder was called, and how long those who came took, suspensions left out."""

    calls: int = 0
    arrivals: int = 0
    seconds: int = 0

    def __add__(self, other: "Demand") -> "Demand":
        """Add the demand of another period."""
        return Demand(
            calls=self.calls + other.calls,
            arrivals=self.arrivals + other.arrivals,
            seconds=self.seconds + other.seconds,
        )

    @property
    def mean_arrival_s(self) -> int | None:
        """Mean seconds from dispatch to arrival."""
        return round(self.seconds / self.arrivals) if self.arrivals else None


class Call(NamedTuple):
    """One dispatch of one responder."""

    organisation: str
    township: str
    moment: datetime
    seconds: int | None


class Circulation(NamedTuple):
    """One 通报批评 that a supervisor issued."""

    organisation: str
    township: str
    moment: datetime


class Blown(NamedTuple):
    """One blown whistle, by which repeats are found."""

    history: History
    moment: datetime


class Which(NamedTuple):
    """Of which whistles: of one township, kind or grid; None is any."""

    township: str | None = None
    kind: WhistleKind | None = None
    grid: str | None = None

    def holds(self, history: History) -> bool:
        """Whether a whistle is one of them."""
        return all(
            wanted in (None, found)
            for wanted, found in (
                (self.township, history.township),
                (self.kind, history.kind),
                (self.grid, history.grid),
            )
        )


EVERY_WHISTLE = Which()


class Figures(NamedTuple):
    """All that a period holds."""

    rows: tuple[Row, ...]
    scores: tuple[ScoreRow, ...]
    calls: tuple[Call, ...]
    circulations: tuple[Circulation, ...]


class Place(NamedTuple):
    """A rank, and how many share it."""

    rank: int
    sharing: int


def figures_of(
    histories: Iterable[History], period: Period, rules: ScoringRules, which: Which = EVERY_WHISTLE
) -> Figures:
    """Collect what belongs to a period, of these whistles; others, and earlier ones, matter for repeats alone."""
    rows: list[Row] = []
    scores: list[ScoreRow] = []
    calls: list[Call] = []
    circulations: list[Circulation] = []
    blown: list[Blown] = []
    for history in histories:
        if history.blown_at and history.chain in OF_THE_TOWNSHIP:
            blown.append(Blown(history, history.blown_at))
        if not which.holds(history):
            continue
        rows += (row for row in rows_of(history, rules) if period.holds(row.moment))
        scores += (row for row in scores_of(history, rules) if period.holds(row.moment))
        calls += (call for call in _calls_of(history) if period.holds(call.moment))
        issued = (Circulation(organisation, history.township, at) for at, organisation in history.circulations)
        circulations += (one for one in issued if period.holds(one.moment))
    rows += (row for history, row in _repeats(blown, period, rules) if which.holds(history))
    return Figures(
        tuple(sorted(rows, key=lambda r: (r.moment, r.whistle_id, r.round, r.figure, r.side, r.organisation))),
        tuple(sorted(scores, key=lambda r: (r.moment, r.whistle_id, r.round, r.organisation))),
        tuple(calls),
        tuple(circulations),
    )


def earliest_needed(period: Period, rules: ScoringRules) -> datetime:
    """Give the moment from which blown whistles are needed, so that repeats of earlier ones are found."""
    return period.start - timedelta(days=rules.repeated_within_days)


def rates_of(rows: Iterable[Row], figure: Figure, side: Side) -> dict[str, Rate]:
    """Count one figure by organisation."""
    found: dict[str, list[Row]] = {}
    for row in rows:
        if (row.figure, row.side) == (figure, side):
            found.setdefault(row.organisation, []).append(row)
    return {organisation: Rate.of(held) for organisation, held in found.items()}


def means_of(scores: Iterable[ScoreRow]) -> dict[str, MeanScore]:
    """Average the scores by organisation."""
    found: dict[str, list[ScoreRow]] = {}
    for row in scores:
        found.setdefault(row.organisation, []).append(row)
    return {organisation: MeanScore.of(held) for organisation, held in found.items()}


def demands_of(calls: Iterable[Call]) -> dict[str, Demand]:
    """Add up the calls by organisation."""
    found: dict[str, Demand] = {}
    for call in calls:
        one = Demand(calls=1, arrivals=int(call.seconds is not None), seconds=call.seconds or 0)
        found[call.organisation] = found.get(call.organisation, Demand()) + one
    return found


def ranked(values: Mapping[str, Decimal | None]) -> dict[str, Place]:
    """Rank by the value as it is shown, the highest first: equals share a rank, and the next ranks are skipped."""
    shown = [value for value in values.values() if value is not None]
    return {
        name: Place(1 + sum(other > value for other in shown), shown.count(value))
        for name, value in values.items()
        if value is not None
    }


def _calls_of(history: History) -> Iterable[Call]:
    for part in (p for r in history.rounds for p in r.parts if is_organisation(p.responder)):
        yield Call(part.responder, history.township, part.notified_at, _seconds_taken(part))


def _seconds_taken(part: Part) -> int | None:
    if part.arrived_at is None:
        return None
    return max(0, (part.arrived_at - part.notified_at - part.paused_before_arriving) // timedelta(seconds=1))


def _repeats(blown: list[Blown], period: Period, rules: ScoringRules) -> Iterable[tuple[History, Row]]:
    """重复吹哨率: returned or merged as a duplicate, or on the grid and item of another one shortly before [P]."""
    within = timedelta(days=rules.repeated_within_days)
    last: dict[tuple[str, str, str], datetime] = {}
    for one in sorted(blown, key=lambda b: (b.moment, b.history.whistle_id)):
        h = one.history
        again = ReturnReason.DUPLICATE in h.returns or h.merged
        if h.grid and h.item_code:
            problem = (h.township, h.grid, h.item_code)
            before = last.get(problem)
            again = again or (before is not None and one.moment - before <= within)
            last[problem] = one.moment
        if period.holds(one.moment):
            row = Row(
                figure=Figure.REPEATED,
                side=Side.TOWNSHIP,
                organisation=h.township,
                whistle_id=h.whistle_id,
                serial=h.serial,
                township=h.township,
                round=1,
                moment=one.moment,
                met=again,
                kind=h.kind,
                grid=h.grid,
            )
            yield h, row


def _sorted(counted: Mapping[Exclusion, int]) -> dict[Exclusion, int]:
    order = list(Exclusion)
    return dict(sorted(counted.items(), key=lambda item: order.index(item[0])))
