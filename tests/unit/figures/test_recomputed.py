"""Over random lives the figures are those that simple questions to the trail give."""

from datetime import timedelta

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from domain import events as e
from domain.figures.folding import history_of
from domain.figures.periods import Period
from domain.figures.rows import rows_of
from domain.figures.scorecard import make_scorecard
from domain.figures.tally import Figures, Rate, demands_of, figures_of, means_of, rates_of
from domain.figures.words import Figure, Side
from storage.scoring import shipped_rules
from tests import by_hand
from tests.life import Life
from tests.random_lives import lives

YEARS = Period.named("2026").model_copy(update={"end": Period.named("2028").end})
CORRECTIONS = {
    e.AppealDecided,
    e.ObjectionUpheld,
    e.RatificationRefused,
    e.ArrivalRejected,
    e.RespondersWithdrawn,
    e.ResponderArrived,
}
SOME = settings(max_examples=15, deadline=None, suppress_health_check=list(HealthCheck))


def figures(*trails: Life) -> Figures:
    """Everything that these lives hold, as of their end."""
    histories = [h for life in trails if (h := history_of(life.trail, life.now))]
    return figures_of(histories, YEARS, shipped_rules())


@settings(SOME, max_examples=60)
@given(lives())
def test_the_figures_are_those_of_simple_questions_to_the_trail(life: Life):
    """Who came in time of those called; every part evaluated, its points and weight; 三率 and 防止泛化 by events."""
    counted, found = by_hand.count(life.trail, life.now), figures(life)
    arrivals = rates_of(found.rows, Figure.ARRIVAL, Side.RESPONDER)
    assert {n: r.denominator for n, r in arrivals.items() if r.denominator} == dict(counted.called)
    assert {n: r.numerator for n, r in arrivals.items() if r.numerator} == dict(+counted.arrived)
    weighed = {name: (sum(t * w for t, w in rows), sum(w for _, w in rows)) for name, rows in counted.scores.items()}
    assert {n: (m.points, m.weight) for n, m in means_of(found.scores).items() if m.rows} == weighed
    assert township_totals(found) == {name: counted.totals[name] for name in township_totals(found)}


@SOME
@given(lives(), st.integers(0, 60 * 24 * 60))
def test_what_happens_later_changes_no_rate_of_a_moment_but_by_corrections(life: Life, minutes: int):
    """Read up to a moment the trail gives one history, however much longer it is by now."""
    moment = min(life.trail[0].at + timedelta(minutes=minutes), life.now)
    cut = [record for record in life.trail if record.at <= moment]
    before, after = history_of(cut, moment), history_of(life.trail, moment)
    assert before == after
    later = {type(record.event) for record in life.trail[len(cut) :]}
    if before and after and not later & CORRECTIONS:
        corrected = history_of(life.trail, moment, life.now)
        assert corrected is not None
        assert list(rows_of(corrected, shipped_rules())) == list(rows_of(before, shipped_rules()))


@SOME
@given(st.lists(lives(steps=10), min_size=1, max_size=4))
def test_a_scorecard_survives_storage_and_is_the_same_whenever_it_is_made(every: list[Life]):
    """Same trail, same rules, same content."""
    end = max(life.now for life in every)
    period = Period.month_of(every[0].trail[0].at)

    def card():
        histories = [h for life in every if (h := history_of(life.trail, period.last_moment, end))]
        found = figures_of(histories, period, shipped_rules())
        return make_scorecard(found, period, shipped_rules(), as_of=period.end, known_at=end)

    first, again = card(), card()
    assert first.content_hash == again.content_hash
    stored = type(first).model_validate_json(first.model_dump_json())
    assert (stored, stored.content_hash) == (first, first.content_hash)


def township_totals(found: Figures) -> dict[str, int]:
    """Total what the township's rates are made of."""

    def total(figure: Figure) -> Rate:
        return sum(rates_of(found.rows, figure, Side.TOWNSHIP).values(), Rate())

    solved, satisfied = total(Figure.SOLVED), total(Figure.SATISFIED)
    return {
        "solved": solved.numerator,
        "solved_of": solved.denominator,
        "satisfied": satisfied.numerator,
        "satisfied_of": satisfied.denominator,
        "answered_in_time": total(Figure.RESPONSE).numerator,
        "closed_in_time": total(Figure.CLOSURE).numerator,
        "blown": total(Figure.EFFECTIVE).denominator,
        "returned": total(Figure.RETURNED).numerator,
        "cancelled": total(Figure.CANCELLED).numerator,
        "calls": sum(d.calls for d in demands_of(found.calls).values()),
    }
