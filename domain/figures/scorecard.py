"""The scorecard: the figures of a month, per responder and per township, frozen with the rules they were made by.

Quarters and years add up frozen months. What a card holds never changes; a correction makes the next version.
"""

import hashlib
import json
from collections import Counter
from collections.abc import Iterable, Mapping
from datetime import datetime
from decimal import Decimal
from typing import TypeVar

from pydantic import AwareDatetime, Field

from domain.figures.periods import Period, PeriodKind
from domain.figures.rules import ScoringRules
from domain.figures.tally import Demand, Figures, MeanScore, Rate, demands_of, means_of, ranked, rates_of
from domain.figures.words import OVERUSE, RATES, Figure, Side
from domain.values import Frozen

_OF_TOWNSHIPS = tuple(f for f in RATES if f is not Figure.ARRIVAL) + OVERUSE


class ResponderCard(Frozen):
    """One responder's period; `rank` is by mean score, `tied` how many share it."""

    organisation: str
    score: MeanScore = MeanScore()
    mean: Decimal | None = None
    rank: int | None = None
    tied: int = 0
    rates: dict[Figure, Rate] = {}
    demand: Demand = Demand()


class TownshipCard(Frozen):
    """One township's period."""

    organisation: str
    rates: dict[Figure, Rate] = {}


class Scorecard(Frozen):
    """A period's figures; `as_of` is how far the trail was read, `known_at` until when corrections were."""

    kind: PeriodKind
    period: str
    as_of: AwareDatetime
    known_at: AwareDatetime
    rules: ScoringRules
    responders: tuple[ResponderCard, ...] = ()
    townships: tuple[TownshipCard, ...] = ()
    circulations: dict[str, int] = {}
    to_account: tuple[str, ...] = Field(
        default=(), description="提请问责 is proposed for these; it is decided outside the system."
    )

    @property
    def content_hash(self) -> str:
        """Tell figures apart, whenever they were made."""
        content = self.model_dump(mode="json", exclude={"known_at"})
        return hashlib.sha256(json.dumps(content, sort_keys=True, ensure_ascii=False).encode()).hexdigest()


class FrozenScorecard(Frozen):
    """A stored version of a scorecard, and why it was made."""

    version: int
    reason: str
    frozen_at: AwareDatetime
    card: Scorecard


def make_scorecard(
    figures: Figures, period: Period, rules: ScoringRules, *, as_of: datetime, known_at: datetime
) -> Scorecard:
    """Make the card of a month from all that it holds."""
    card = Scorecard(kind=period.kind, period=period.label, as_of=as_of, known_at=known_at, rules=rules)
    return _filled(
        card,
        _by_organisation({f: rates_of(figures.rows, f, Side.RESPONDER) for f in RATES}),
        _by_organisation({f: rates_of(figures.rows, f, Side.TOWNSHIP) for f in _OF_TOWNSHIPS}),
        means_of(figures.scores),
        demands_of(figures.calls),
        Counter(one.organisation for one in figures.circulations),
    )


def rolled_up(cards: Iterable[Scorecard], period: Period) -> Scorecard:
    """Add up the frozen months of a quarter or year; the rules shown, and the ranks, are those of its last month."""
    months = list(cards)
    last = months[-1]
    card = Scorecard(
        kind=period.kind,
        period=period.label,
        as_of=last.as_of,
        known_at=max(month.known_at for month in months),
        rules=last.rules,
    )
    responders = [one for month in months for one in month.responders]
    return _filled(
        card,
        _added((one.organisation, one.rates) for one in responders),
        _added((one.organisation, one.rates) for month in months for one in month.townships),
        _summed((one.organisation, one.score) for one in responders),
        _summed((one.organisation, one.demand) for one in responders),
        sum((Counter(month.circulations) for month in months), Counter()),
    )


def _filled(
    card: Scorecard,
    of_responders: Mapping[str, dict[Figure, Rate]],
    of_townships: Mapping[str, dict[Figure, Rate]],
    means: Mapping[str, MeanScore],
    demands: Mapping[str, Demand],
    circulations: Mapping[str, int],
) -> Scorecard:
    rules = card.rules
    places = ranked({name: one.mean for name, one in means.items() if one.rows >= rules.rank_from})
    responders = []
    for name in sorted({*of_responders, *means, *demands}):
        score, place = means.get(name, MeanScore()), places.get(name)
        responders.append(
            ResponderCard(
                organisation=name,
                score=score,
                mean=score.mean,
                rank=place.rank if place else None,
                tied=place.sharing if place else 0,
                rates=of_responders.get(name, {}),
                demand=demands.get(name, Demand()),
            )
        )
    townships = tuple(TownshipCard(organisation=name, rates=of_townships[name]) for name in sorted(of_townships))
    issued = dict(sorted(circulations.items()))
    enough = card.kind is PeriodKind.QUARTER
    to_account = tuple(name for name, count in issued.items() if enough and count >= rules.account_after)
    update = {"responders": tuple(responders), "townships": townships, "circulations": issued, "to_account": to_account}
    return card.model_copy(update=update)


def _by_organisation(rates: Mapping[Figure, Mapping[str, Rate]]) -> dict[str, dict[Figure, Rate]]:
    found: dict[str, dict[Figure, Rate]] = {}
    for figure, of_each in rates.items():
        for organisation, rate in of_each.items():
            found.setdefault(organisation, {})[figure] = rate
    return found


def _added(rates: Iterable[tuple[str, Mapping[Figure, Rate]]]) -> dict[str, dict[Figure, Rate]]:
    found: dict[str, dict[Figure, Rate]] = {}
    for organisation, of_month in rates:
        held = found.setdefault(organisation, {})
        for figure, rate in of_month.items():
            held[figure] = held.get(figure, Rate()) + rate
    return found


SumT = TypeVar("SumT", MeanScore, Demand)


def _summed(parts: Iterable[tuple[str, SumT]]) -> dict[str, SumT]:
    found: dict[str, SumT] = {}
    for organisation, part in parts:
        found[organisation] = found[organisation] + part if organisation in found else part
    return found
