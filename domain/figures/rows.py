"""What one whistle's history counts for: rows of the rates, each counted once, or left out for a stated reason.

A row of a limit belongs to the moment at which it was decided: done in time, when it was done; else when the limit
passed. So what happens later moves no row into another period.
"""

from collections.abc import Iterator
from datetime import datetime

from domain.figures.history import Answered, History, Part, Round, is_organisation
from domain.figures.rules import ScoringRules
from domain.figures.words import ALWAYS, Exclusion, Figure, Side
from domain.values import Frozen
from domain.vocabulary import Chain, Outcome, Satisfaction, WhistleKind

OF_THE_TOWNSHIP = frozenset({Chain.TOWNSHIP_CALLS, Chain.VILLAGE_CALLS})
"""The chains in which the township itself whistles for departments."""


class Row(Frozen):
    """One row of one figure: whose it is, when it was decided, whether it is met, and why it does not count."""

    figure: Figure
    side: Side
    organisation: str
    whistle_id: str
    serial: str
    township: str
    round: int
    moment: datetime
    met: bool
    kind: WhistleKind | None = None
    grid: str | None = None
    exclusion: Exclusion | None = None


def rows_of(history: History, rules: ScoringRules) -> Iterator[Row]:
    """List every row of a whistle, of all periods; none on persons."""
    book = _Book(history, rules)
    for number in history.rounds:
        if history.scored:
            for part in number.parts:
                yield from book.arrival(number, part)
        yield from book.response(number)
        yield from book.callbacks(number)
        yield from book.closure(number)
    yield from book.use()


class _Book:
    """Writes the rows of one history."""

    def __init__(self, history: History, rules: ScoringRules) -> None:
        self.history = history
        self.rules = rules

    def arrival(self, number: Round, part: Part) -> Iterator[Row]:
        """按时报到率: whoever was called to arrive by a limit."""
        h, due = self.history, part.arrive_due
        grounds = _grounds(h, part)
        if due is None:
            return
        if part.arrived_at and part.arrived_at <= due:
            yield self._of(part, number, Figure.ARRIVAL, part.arrived_at, grounds, met=True)
        elif part.left_at and part.left_at < due:
            if grounds:
                yield self._of(part, number, Figure.ARRIVAL, part.left_at, grounds, met=False)
        elif due < h.as_of:
            stopped = h.stopped(due) and part.left_at is None and part.arrived_at is None
            held = (*grounds, *((Exclusion.SUSPENDED,) if stopped else ()))
            yield self._of(part, number, Figure.ARRIVAL, due, held, met=False)

    def response(self, number: Round) -> Iterator[Row]:
        """响应率: the source was answered within its own limit (来单时限), or ours where it gave none."""
        h = self.history
        ours = number.reply_due or number.self_handling_due
        due = h.source_due_at if h.source_due_at and number.number == 1 else ours
        if due is None:
            return
        if number.replied_at and number.replied_at <= due:
            yield from self._both(number, Figure.RESPONSE, number.replied_at, (), met=True)
            return
        ended = h.ended_at if h.ended_at and number is h.round else None
        decided = min(due, ended) if ended else due
        if decided < h.as_of or ended:
            grounds = (
                (Exclusion.REJECTED, h.rejected and decided == ended),
                (Exclusion.CALLED_OFF, h.called_off and decided == ended),
                (Exclusion.SUSPENDED, h.stopped(due)),
            )
            yield from self._both(number, Figure.RESPONSE, decided, _held(grounds), met=False)

    def callbacks(self, number: Round) -> Iterator[Row]:
        """解决率 and 满意率: the resident's word, where the source or the platform got it."""
        for call in number.callbacks:
            for figure, told in ((Figure.SOLVED, call.solved), (Figure.SATISFIED, call.satisfaction)):
                grounds = (
                    (Exclusion.SELF_CHECK, not call.counts),
                    (Exclusion.NOT_REACHED, not call.reached),
                    (Exclusion.NOT_ANSWERED, told is None),
                )
                met = bool(call.solved) if figure is Figure.SOLVED else self.satisfied(call)
                yield from self._both(number, figure, call.at, _held(grounds), met=met)

    def satisfied(self, call: Answered) -> bool:
        """Whether a resident counts as satisfied."""
        fair = call.satisfaction is Satisfaction.FAIR and self.rules.fair_is_satisfied
        return call.satisfaction is Satisfaction.SATISFIED or fair

    def closure(self, number: Round) -> Iterator[Row]:
        """按期结案率: every responder handled within its limit, and the check passed [C3][C8]."""
        h = self.history
        parts = [p for p in number.parts if not p.withdrawn]
        due = number.self_handling_due if not parts else None
        missed = [at for p in parts if (at := _missed_at(h, p))]
        ended = h.ended_at if h.ended_at and number is h.round else None
        grounds = _held(((Exclusion.FALSE_ALARM, h.false_alarm),))
        if due and number.replied_at and number.replied_at <= due:
            yield from self._both(number, Figure.CLOSURE, number.replied_at, grounds, met=True)
        elif due and not h.runs(due) and (ended is None or due < ended):
            yield from self._both(number, Figure.CLOSURE, due, grounds, met=False)
        elif missed:
            yield from self._both(number, Figure.CLOSURE, min(missed), grounds, met=False)
        elif number.passed_at:
            yield from self._both(number, Figure.CLOSURE, number.passed_at, grounds, met=True)
        else:
            yield from self._unfinished(number, [p.handle_due for p in parts if p.handle_due], ended)

    def _unfinished(self, number: Round, limits: list[datetime], ended: datetime | None) -> Iterator[Row]:
        h = self.history
        stopped = [due for due in limits if h.stopped(due)]
        if ended and limits and h.called_off:
            yield from self._both(number, Figure.CLOSURE, ended, (Exclusion.CALLED_OFF,), met=False)
        elif stopped and min(stopped) < h.as_of:
            yield from self._both(number, Figure.CLOSURE, min(stopped), (Exclusion.SUSPENDED,), met=False)

    def use(self) -> Iterator[Row]:
        """吹哨率 over the matters registered, and of the whistles blown what became of them (防止泛化)."""
        h = self.history
        if h.chain not in OF_THE_TOWNSHIP:
            return
        blown = h.blown_at is not None
        grounds = _held(((Exclusion.REJECTED, h.rejected), (Exclusion.MERGED, h.merged and not blown)))
        yield self._of_township(Figure.USE, h.registered_at, grounds, met=blown)
        if h.blown_at is None:
            return
        false = h.kind is WhistleKind.EMERGENCY and (h.false_alarm or h.round.outcome is Outcome.UNFOUNDED)
        wasted = h.called_off or h.returned_now or h.false_alarm
        for figure, met in (
            (Figure.EFFECTIVE, not wasted),
            (Figure.RETURNED, bool(h.returns)),
            (Figure.CANCELLED, h.cancelled),
        ):
            yield self._of_township(figure, h.blown_at, (), met=met)
        if h.kind is WhistleKind.EMERGENCY:
            yield self._of_township(Figure.FALSE_EMERGENCY, h.blown_at, (), met=false)

    def _both(
        self, number: Round, figure: Figure, moment: datetime, grounds: tuple[Exclusion, ...], *, met: bool
    ) -> Iterator[Row]:
        """Write the row of the township of the place, and the same of the responder that leads (牵头负全责)."""
        yield self._of_township(figure, moment, grounds, met=met, number=number.number)
        lead = number.lead
        if lead and self.history.scored:
            yield self._of(lead, number, figure, moment, (*_struck(lead), *grounds), met=met)

    def _of_township(
        self, figure: Figure, moment: datetime, grounds: tuple[Exclusion, ...], *, met: bool, number: int = 1
    ) -> Row:
        return self._row((figure, Side.TOWNSHIP, self.history.township), number, moment, grounds, met=met)

    def _of(
        self,
        part: Part,
        number: Round,
        figure: Figure,
        moment: datetime,
        grounds: tuple[Exclusion, ...],
        *,
        met: bool,
    ) -> Row:
        return self._row((figure, Side.RESPONDER, part.responder), number.number, moment, grounds, met=met)

    def _row(
        self,
        whose: tuple[Figure, Side, str],
        number: int,
        moment: datetime,
        grounds: tuple[Exclusion, ...],
        *,
        met: bool,
    ) -> Row:
        h, (figure, side, organisation) = self.history, whose
        out = (g for g in grounds if g in ALWAYS or self.rules.excludes(figure, g))
        return Row(
            figure=figure,
            side=side,
            organisation=organisation,
            whistle_id=h.whistle_id,
            serial=h.serial,
            township=h.township,
            round=number,
            moment=moment,
            met=met,
            kind=h.kind,
            grid=h.grid,
            exclusion=next(out, None),
        )


def _held(grounds: tuple[tuple[Exclusion, bool], ...]) -> tuple[Exclusion, ...]:
    return tuple(ground for ground, holds in grounds if holds)


def _struck(part: Part) -> tuple[Exclusion, ...]:
    return _held(((Exclusion.APPEAL_UPHELD, part.appeal_upheld), (Exclusion.OBJECTION_UPHELD, part.objection_upheld)))


def _grounds(h: History, part: Part) -> tuple[Exclusion, ...]:
    return (
        *_struck(part),
        *_held(((Exclusion.FALSE_ALARM, h.false_alarm), (Exclusion.CALLED_OFF, part.called_off))),
    )


def _missed_at(h: History, part: Part) -> datetime | None:
    if part.missed_at or not part.handle_due or part.handled_at or part.left_at:
        return part.missed_at
    return None if h.runs(part.handle_due) else part.handle_due


def is_person(row: Row) -> bool:
    """Tell whether a row is about a party member's post; there must be none."""
    return row.side is Side.RESPONDER and not is_organisation(row.organisation)
