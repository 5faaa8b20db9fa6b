"""Scorecards: months, corrections of months that are over, roll-ups, ties, and who is proposed to account."""

from datetime import UTC, date, datetime, timedelta

import pytest

from domain.errors import InvalidError
from domain.events import RespondersEvaluated
from domain.figures.folding import history_of
from domain.figures.periods import Period
from domain.figures.reports import ReportName, report_of, scorecard_reports
from domain.figures.scorecard import FrozenScorecard, Scorecard, make_scorecard, rolled_up
from domain.figures.tables import About
from domain.figures.tally import figures_of
from domain.figures.words import Exclusion, Figure
from domain.vocabulary import Phase
from storage.scoring import shipped_rules
from tests.life import Life

NOVEMBER = Period.named("2026-11")


def card(*lives: Life, period: Period = NOVEMBER, known_at: datetime | None = None) -> Scorecard:
    """The card of a month, known at some moment."""
    known_at = known_at or max(life.now for life in lives)
    histories = [h for life in lives if (h := history_of(life.trail, period.last_moment, known_at))]
    found = figures_of(histories, period, shipped_rules())
    return make_scorecard(found, period, shipped_rules(), as_of=period.end, known_at=known_at)


def test_months_quarters_and_years_begin_at_midnight_of_beijing():
    """Which is 16:00 UTC the day before."""
    assert NOVEMBER.start == datetime(2026, 10, 31, 16, tzinfo=UTC)
    assert NOVEMBER.end == Period.named("2026-12").start
    assert [m.label for m in Period.named("2026-Q4").months] == ["2026-10", "2026-11", "2026-12"]
    assert len(Period.named("2026").months) == 12
    assert [p.label for p in NOVEMBER.rollups] == ["2026-Q4", "2026"]
    assert Period.named("2027-01").before.label == "2026-12"
    assert Period.days(date(2026, 11, 1), date(2026, 11, 30)).end == NOVEMBER.end


@pytest.mark.parametrize("label", ["2026-13", "2026-Q5", "26", "", "2026-1", "0999"])
def test_what_is_no_period_is_refused(label: str):
    """As invalid."""
    with pytest.raises(InvalidError):
        Period.named(label)


def test_a_report_of_more_than_a_year_is_refused():
    """And of days that run backwards."""
    with pytest.raises(InvalidError):
        Period.days(date(2025, 1, 1), date(2026, 11, 1))
    with pytest.raises(InvalidError):
        Period.days(date(2026, 11, 2), date(2026, 11, 1))


def test_what_happens_after_the_month_leaves_its_card_alone():
    """A late arrival, a late callback, a new round: they are of the month they are decided in."""
    life = Life().assembling("water", "police").arrive("water")
    life.wait(days=5)
    before = card(life)
    life.wait(days=10)
    life.arrive("police").handle("water", "police")
    assert card(life, known_at=life.now).content_hash == before.content_hash


def test_an_appeal_upheld_after_the_month_makes_other_figures():
    """The only way that a month changes: a correction."""
    life = Life().closed("water", "police")
    before = card(life)
    life.wait(days=7)
    assert card(life).content_hash == before.content_hash
    life.do("department@water", "appeal", responder="water", reason="评分有误")
    assert card(life).content_hash == before.content_hash
    life.do("platform", "decide_appeal", responder="water", upheld=True)
    after = card(life)
    assert after.content_hash != before.content_hash
    water = next(one for one in after.responders if one.organisation == "water")
    assert water.score.excluded == {Exclusion.APPEAL_UPHELD: 1}
    assert water.rank is None
    assert card(life, known_at=before.known_at).content_hash == before.content_hash


def test_an_arrival_found_false_and_one_recorded_late_correct_the_month():
    """报到不实 and 补录, both after the month's end."""
    life = Life(now=datetime(2026, 11, 24, 2, tzinfo=UTC)).assembling("water", "police").arrive("water")
    there = life.now + timedelta(hours=1)
    life.wait(days=8)
    assert rate_of(card(life), "water") == (1, 1)
    assert rate_of(card(life), "police") == (0, 1)
    life.do("clerk@jinhaihu", "reject_arrival", responder="water", reason="未到场")
    life.do("clerk@jinhaihu", "arrive", responder="police", officers=[{"name": "李明"}], occurred_at=there.isoformat())
    assert rate_of(card(life), "water") == (0, 1)
    assert rate_of(card(life), "police") == (1, 1)


def test_a_limit_to_evaluate_that_was_struck_late_counts_where_it_passed():
    """The engine was away over the 1st: the score is November's, by a correction, and not December's."""
    life = Life(now=datetime(2026, 11, 25, 2, tzinfo=UTC)).evaluating("water")
    due = life.whistle.clocks[Phase.EVALUATE].deadline.due_at
    assert due < NOVEMBER.end
    before = card(life, known_at=due)
    life.unattended(NOVEMBER.end - life.now + timedelta(hours=1))
    assert life.last(RespondersEvaluated).by_default
    scores = [
        one.score.by_default
        for made in (before, card(life), card(life, period=Period.named("2026-12")))
        for one in made.responders
    ]
    assert scores == [0, 1]


def rate_of(made: Scorecard, organisation: str) -> tuple[int, int]:
    """按时报到率 of one responder."""
    one = next(r for r in made.responders if r.organisation == organisation)
    rate = one.rates[Figure.ARRIVAL]
    return rate.numerator, rate.denominator


def test_a_quarter_adds_up_its_months():
    """Numerators, denominators, points and weights; the mean of the sums, not of the means."""
    october = Life(now=datetime(2026, 10, 13, 2, tzinfo=UTC), external_id="1").closed("water", "police")
    november = [Life(external_id=str(n)).closed("water") for n in (2, 3)]
    months = [
        card(october, period=Period.named("2026-10")),
        card(*november),
        card(*november, period=Period.named("2026-12")),
    ]
    made = rolled_up(months, Period.named("2026-Q4"))
    water = next(one for one in made.responders if one.organisation == "water")
    assert (water.score.rows, water.rates[Figure.ARRIVAL].denominator) == (3, 3)
    assert made.townships[0].rates[Figure.USE].denominator == 3


def test_three_circulations_in_a_quarter_propose_to_account():
    """提请问责 is only proposed [P]; in a month never."""
    life = Life().assembling("water")
    for _ in range(3):
        life.do("supervisor", "supervise", level="CIRCULATE", responder="water")
    month = card(life)
    assert (month.circulations, month.to_account) == ({"water": 3}, ())
    others = [month.model_copy(update={"circulations": {}, "responders": (), "townships": ()})] * 2
    assert rolled_up([*others, month], Period.named("2026-Q4")).to_account == ("water",)


def test_ties_are_stated():
    """In the table, in its notes and on the card."""
    made = card(Life().closed("water", "police", "planning"))
    assert {one.organisation: (one.rank, one.tied) for one in made.responders} == {
        "water": (1, 3),
        "police": (1, 3),
        "planning": (1, 3),
    }
    frozen = FrozenScorecard(version=2, reason="CORRECTION", frozen_at=NOVEMBER.end, card=made)
    responders, townships = scorecard_reports(frozen, str)
    assert [item["tied"] for item in responders.items] == [3, 3, 3]
    assert any("equals share a rank" in note for note in responders.notes)
    assert responders.version == 2
    assert [item["organisation"] for item in townships.items] == ["jinhaihu"]


@pytest.mark.parametrize("name", ReportName)
def test_every_report_has_a_cell_for_every_column(name: ReportName):
    """So that sheets line up."""
    life = Life().closed("water", "police")
    history = history_of(life.trail, life.now)
    assert history is not None
    about = About(period=NOVEMBER, as_of=life.now, rules=shipped_rules())
    made = report_of(name, figures_of([history], NOVEMBER, shipped_rules()), about, str)
    assert made.items
    assert all(set(item) == {column.key for column in made.columns} for item in made.items)
    assert made.charted in {column.key for column in made.columns}
