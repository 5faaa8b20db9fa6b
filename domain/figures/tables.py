"""The shape of every report: a table with its columns, the period, the rules, and notes."""

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Literal

from pydantic import Field

from domain.figures.periods import Period
from domain.figures.rules import ScoringRules
from domain.figures.tally import Demand, MeanScore, Place, Rate
from domain.figures.words import Exclusion, Figure
from domain.values import Frozen

Cell = str | int | float | None
Names = Callable[[str], str]
_MINUTE = 60


class Column(Frozen):
    """One column: its key in JSON, its heading, and how its cells read."""

    key: str
    label: str
    kind: Literal["text", "count", "percent", "points", "minutes", "time", "flag"] = "text"


class Report(Frozen):
    """A table with all that is needed to check it."""

    name: str
    title: str
    period: str
    start: datetime
    end: datetime
    as_of: datetime
    rules: str
    filters: dict[str, str] = {}
    version: int | None = None
    columns: tuple[Column, ...]
    items: tuple[dict[str, Cell], ...]
    notes: tuple[str, ...] = ()
    charted: str | None = Field(default=None, description="The column that a chart shows.")


class About(Frozen):
    """What a report is about."""

    period: Period
    as_of: datetime
    rules: ScoringRules
    filters: dict[str, str] = {}


ORGANISATION = (Column(key="organisation", label="代码"), Column(key="name", label="单位"))
RANK = (Column(key="rank", label="名次", kind="count"), Column(key="tied", label="并列", kind="count"))
DEMAND = (
    Column(key="calls", label="被吹哨次数", kind="count"),
    Column(key="mean_arrival", label="平均报到用时(分)", kind="minutes"),
)


def rate_columns(figures: tuple[Figure, ...]) -> tuple[Column, ...]:
    """Give the four columns of each rate."""
    return tuple(
        column
        for figure in figures
        for key, label in ((figure.value.lower(), figure.label),)
        for column in (
            Column(key=key, label=f"{label}%", kind="percent"),
            Column(key=f"{key}_numerator", label=f"{label}分子", kind="count"),
            Column(key=f"{key}_denominator", label=f"{label}分母", kind="count"),
            Column(key=f"{key}_excluded", label=f"{label}剔除"),
        )
    )


def rate_cells(rates: Mapping[Figure, Rate]) -> dict[str, Cell]:
    """Write rates: percent, numerator, denominator, exclusions."""
    cells: dict[str, Cell] = {}
    for figure, rate in rates.items():
        key = figure.value.lower()
        cells[key] = None if rate.percent is None else float(rate.percent)
        cells[f"{key}_numerator"], cells[f"{key}_denominator"] = rate.numerator, rate.denominator
        cells[f"{key}_excluded"] = _told(rate.excluded)
    return cells


def score_cells(score: MeanScore) -> dict[str, Cell]:
    """Write a mean score and what it is made of."""
    return {
        "score": None if score.mean is None else float(score.mean),
        "weight": float(score.weight),
        "rows": score.rows,
        "by_default": score.by_default,
        "rework": None if score.rework.percent is None else float(score.rework.percent),
        "rework_numerator": score.rework.numerator,
        "rework_denominator": score.rework.denominator,
        "excluded": _told(score.excluded),
    }


def _told(excluded: Mapping[Exclusion, int]) -> str | None:
    return ", ".join(f"{ground.label} {count}" for ground, count in excluded.items()) or None


def minutes(demand: Demand) -> float | None:
    """Give the mean time to arrive in minutes."""
    return None if demand.mean_arrival_s is None else round(demand.mean_arrival_s / _MINUTE, 1)


def place_cells(place: Place | None) -> dict[str, Cell]:
    """Write a rank, and how many share it if more than one."""
    return {"rank": place.rank if place else None, "tied": place.sharing if place and place.sharing > 1 else None}


def named(organisation: str, name_of: Names) -> dict[str, Cell]:
    """Write an organisation by code and name."""
    return {"organisation": organisation, "name": name_of(organisation)}


def table(
    name: str,
    title: str,
    about: About,
    columns: tuple[Column, ...],
    items: tuple[dict[str, Cell], ...],
    notes: tuple[str, ...] = (),
) -> Report:
    """Make a report of columns and items."""
    return Report(
        name=name,
        title=title,
        period=about.period.label,
        start=about.period.start,
        end=about.period.end,
        as_of=about.as_of,
        rules=about.rules.edition,
        filters=about.filters,
        columns=columns,
        items=items,
        notes=notes,
    )
