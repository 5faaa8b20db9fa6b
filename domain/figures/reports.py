"""The reports on any days: who reported in on time, who scored what, how the whistle is used."""

from collections.abc import Mapping
from decimal import Decimal
from enum import StrEnum

from domain.figures.periods import Period
from domain.figures.scorecard import FrozenScorecard, ResponderCard
from domain.figures.tables import (
    DEMAND,
    ORGANISATION,
    RANK,
    About,
    Cell,
    Column,
    Names,
    Report,
    minutes,
    named,
    place_cells,
    rate_cells,
    rate_columns,
    score_cells,
    table,
)
from domain.figures.tally import Demand, Figures, Place, Rate, demands_of, means_of, ranked, rates_of
from domain.figures.words import OVERUSE, RATES, Figure, Side
from domain.summaries import local_time

NEITHER_GOOD = "吹哨率过低、过高都值得注意,排序不是评价 neither a low nor a high rate is good: ordered, not judged"
"""[A12]: a mechanism that idles, or one that failed day by day."""
OF_TOWNSHIPS = tuple(figure for figure in RATES if figure is not Figure.ARRIVAL)


class ReportName(StrEnum):
    """The reports on any days."""

    ARRIVAL = "arrival"
    RATES = "rates"
    DEPARTMENTS = "departments"
    TOWNSHIPS = "townships"
    OVERUSE = "overuse"


TITLES = {
    ReportName.ARRIVAL: "按时报到率排名 arrival in time",
    ReportName.RATES: "三率与按期结案率,按牵头单位 rates by leading responder",
    ReportName.DEPARTMENTS: "报到单位考核排名 scores of responders",
    ReportName.TOWNSHIPS: "街乡三率与按期结案率 rates of townships",
    ReportName.OVERUSE: "防止泛化:街乡吹哨情况 use of the whistle by townships",
}


def report_of(name: ReportName, figures: Figures, about: About, name_of: Names) -> Report:
    """Make one report of what a period holds."""
    match name:
        case ReportName.ARRIVAL:
            rates = rates_of(figures.rows, Figure.ARRIVAL, Side.RESPONDER)
            return _arrival(rates, demands_of(figures.calls), about, name_of)
        case ReportName.DEPARTMENTS:
            cards = [ResponderCard(organisation=o, score=s, mean=s.mean) for o, s in means_of(figures.scores).items()]
            return _scores(cards, about, name_of)
        case ReportName.RATES:
            return _rates(name, _rates_by(figures, OF_TOWNSHIPS, Side.RESPONDER), OF_TOWNSHIPS, about, name_of)
        case ReportName.TOWNSHIPS:
            return _rates(name, _rates_by(figures, OF_TOWNSHIPS, Side.TOWNSHIP), OF_TOWNSHIPS, about, name_of)
        case ReportName.OVERUSE:
            return _rates(name, _rates_by(figures, OVERUSE, Side.TOWNSHIP), OVERUSE, about, name_of)


def scorecard_reports(frozen: FrozenScorecard, name_of: Names) -> tuple[Report, Report]:
    """Make the two tables of a frozen scorecard: responders and townships."""
    card = frozen.card
    about = About(period=Period.named(card.period), as_of=card.as_of, rules=card.rules)
    proposed = tuple(f"提请问责(仅建议) proposed, decided elsewhere: {name_of(o)} {o}" for o in card.to_account)
    reason = "更正 a correction" if frozen.version > 1 else "首次 the first"
    note = f"第 {frozen.version} 版,{reason};{local_time(frozen.frozen_at)}封存"
    responders = _scores(list(card.responders), about, name_of, with_rates=True)
    held = {one.organisation: one.rates for one in card.townships}
    townships = _rates(ReportName.TOWNSHIPS, held, (*OF_TOWNSHIPS, *OVERUSE), about, name_of)
    return (
        _of_version(responders, "responders", frozen, (note, *responders.notes, *proposed)),
        _of_version(townships, "townships", frozen, (note, *townships.notes, *proposed)),
    )


def _of_version(made: Report, part: str, frozen: FrozenScorecard, notes: tuple[str, ...]) -> Report:
    title = f"{frozen.card.period} {made.title}"
    named_so = {"name": f"scorecard-{part}", "title": title, "version": frozen.version, "notes": notes}
    return made.model_copy(update=named_so)


def _arrival(rates: Mapping[str, Rate], demands: Mapping[str, Demand], about: About, name_of: Names) -> Report:
    columns = (*RANK, *ORGANISATION, *rate_columns((Figure.ARRIVAL,)), *DEMAND)
    places = _places({name: rate.percent for name, rate in rates.items()}, rates, about)
    items = []
    for name in _in_order({*rates, *demands}, places):
        demand = demands.get(name, Demand())
        own: dict[str, Cell] = {"calls": demand.calls, "mean_arrival": minutes(demand)}
        rate = {Figure.ARRIVAL: rates.get(name, Rate())}
        items.append(place_cells(places.get(name)) | named(name, name_of) | rate_cells(rate) | own)
    found = table(ReportName.ARRIVAL, TITLES[ReportName.ARRIVAL], about, columns, tuple(items), _ties(places))
    return found.model_copy(update={"charted": "arrival"})


def _scores(cards: list[ResponderCard], about: About, name_of: Names, *, with_rates: bool = False) -> Report:
    columns = (
        *RANK,
        *ORGANISATION,
        Column(key="score", label="考核分", kind="points"),
        Column(key="weight", label="权重和", kind="points"),
        Column(key="rows", label="计分件数", kind="count"),
        Column(key="by_default", label="默认评价件数", kind="count"),
        Column(key="rework", label="返工率%", kind="percent"),
        Column(key="rework_numerator", label="返工率分子", kind="count"),
        Column(key="rework_denominator", label="返工率分母", kind="count"),
        Column(key="excluded", label="剔除"),
        *(rate_columns(RATES) if with_rates else ()),
        *(DEMAND if with_rates else ()),
    )
    counted = {one.organisation: one for one in cards}
    enough = {n: one.mean for n, one in counted.items() if one.score.rows >= about.rules.rank_from}
    places = ranked(enough)
    items = []
    for name in _in_order(set(counted), places):
        one = counted[name]
        more: dict[str, Cell] = rate_cells({f: one.rates.get(f, Rate()) for f in RATES}) if with_rates else {}
        demand: dict[str, Cell] = {"calls": one.demand.calls, "mean_arrival": minutes(one.demand)} if with_rates else {}
        items.append(place_cells(places.get(name)) | named(name, name_of) | score_cells(one.score) | more | demand)
    title = TITLES[ReportName.DEPARTMENTS]
    found = table(ReportName.DEPARTMENTS, title, about, columns, tuple(items), _ties(places))
    return found.model_copy(update={"charted": "score"})


def _rates(
    name: ReportName,
    held: Mapping[str, Mapping[Figure, Rate]],
    figures: tuple[Figure, ...],
    about: About,
    name_of: Names,
) -> Report:
    by = figures[0] if name is ReportName.OVERUSE else Figure.SOLVED
    leading = {organisation: rates.get(by, Rate()) for organisation, rates in held.items()}
    places = _places({n: rate.percent for n, rate in leading.items()}, leading, about)
    items = tuple(
        place_cells(places.get(organisation))
        | named(organisation, name_of)
        | rate_cells({figure: held[organisation].get(figure, Rate()) for figure in figures})
        for organisation in _in_order(set(held), places)
    )
    columns = (*RANK, *ORGANISATION, *rate_columns(figures))
    judged = (NEITHER_GOOD,) if name is ReportName.OVERUSE else ()
    notes = (f"按{by.label}排序 ranked by {by.value}", *judged, *_ties(places))
    found = table(name, TITLES[name], about, columns, items, notes)
    return found.model_copy(update={"charted": by.value.lower()})


def _rates_by(figures: Figures, names: tuple[Figure, ...], side: Side) -> dict[str, dict[Figure, Rate]]:
    found: dict[str, dict[Figure, Rate]] = {}
    for figure in names:
        for organisation, rate in rates_of(figures.rows, figure, side).items():
            found.setdefault(organisation, {})[figure] = rate
    return found


def _places(values: Mapping[str, Decimal | None], rates: Mapping[str, Rate], about: About) -> dict[str, Place]:
    return ranked({n: value for n, value in values.items() if rates[n].denominator >= about.rules.rank_from})


def _in_order(names: set[str], places: Mapping[str, Place]) -> list[str]:
    return sorted(names, key=lambda n: (places[n].rank if n in places else len(places) + 1, n))


def _ties(places: Mapping[str, Place]) -> tuple[str, ...]:
    rule = "数值相同者同名次,其后名次顺延空缺 equals share a rank and the next is skipped"
    return (rule,) if any(place.sharing > 1 for place in places.values()) else ()
