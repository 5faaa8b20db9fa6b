"""What the monkey does and when: a deck of blows, shuffled by the seed. The same seed gives the same plan."""

import random
from enum import StrEnum
from typing import NamedTuple

from tests.chaos.storm.weather import Weather

PARTS = ("worker", "gateway", "temporal", "postgres")
LINES = ("client-gateway", "gateway-postgres", "gateway-temporal", "worker-postgres", "worker-temporal")
AMBUSHED = ("sign", "arrive", "report_handling", "append")
"""Commands after whose commit the worker may die: kept by the store, unknown to Temporal."""
BREATH_EVERY, BREATH_S = 7, 8.0
FIRST_AT_S = 2.0
GAP_S = (1.0, 4.0)
LASTS_S = (2.0, 6.0)


class Kind(StrEnum):
    """A kind of blow."""

    KILL = "kill"
    AMBUSH = "ambush"
    PAUSE = "pause"
    READ_ONLY = "read-only"
    WEATHER = "weather"


class Blow(NamedTuple):
    """One blow: at how many seconds, of which kind, on what (names with a +), and for how long where it lasts."""

    at: float
    kind: Kind
    target: str
    lasts: float = 0.0
    weather: Weather = Weather.CALM

    def __str__(self) -> str:
        """Say it in a line."""
        lasting = f" for {self.lasts:.1f} s" if self.lasts else ""
        kind = self.weather if self.kind is Kind.WEATHER else self.kind
        return f"{self.at:6.1f} s  {kind} {self.target}{lasting}"


def plan(seed: int, length: float) -> tuple[Blow, ...]:
    """Plan a storm of so many seconds; the first cards hold one of every kind, and each part is killed among them."""
    chance = random.Random(seed)
    cards = _shuffled(chance, _first_cards(chance)) + _shuffled(chance, _all_cards(chance))
    blows: list[Blow] = []
    at = FIRST_AT_S
    while at <= length:
        if len(blows) == len(cards):
            cards += _shuffled(chance, _all_cards(chance))
        blows.append(cards[len(blows)]._replace(at=at))
        at += chance.uniform(*GAP_S) + (0.0 if len(blows) % BREATH_EVERY else BREATH_S)
    return tuple(blows)


def _first_cards(chance: random.Random) -> list[Blow]:
    lines = chance.sample(LINES, 4)
    kinds = [w for w in Weather if w is not Weather.CALM]
    return [
        *_kills(),
        _ambush(chance),
        _read_only(chance),
        *(_weather(chance, *it) for it in zip(lines, kinds, strict=True)),
    ]


def _all_cards(chance: random.Random) -> list[Blow]:
    weathers = [_weather(chance, line, w) for line in LINES for w in Weather if w is not Weather.CALM]
    pairs = [Blow(0, Kind.KILL, pair) for pair in ("worker+temporal", "gateway+postgres", "+".join(PARTS))]
    pauses = [Blow(0, Kind.PAUSE, part, chance.uniform(*LASTS_S)) for part in ("worker", "gateway", "temporal")]
    return [*_kills(), *pairs, *pauses, *weathers, _ambush(chance), _ambush(chance), _read_only(chance)]


def _kills() -> list[Blow]:
    return [Blow(0, Kind.KILL, part) for part in PARTS]


def _ambush(chance: random.Random) -> Blow:
    return Blow(0, Kind.AMBUSH, chance.choice(AMBUSHED))


def _read_only(chance: random.Random) -> Blow:
    return Blow(0, Kind.READ_ONLY, "postgres", chance.uniform(*LASTS_S))


def _weather(chance: random.Random, line: str, weather: Weather) -> Blow:
    return Blow(0, Kind.WEATHER, line, chance.uniform(*LASTS_S), weather)


def _shuffled(chance: random.Random, cards: list[Blow]) -> list[Blow]:
    return chance.sample(cards, len(cards))
