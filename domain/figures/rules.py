"""The scoring rules: every weight of the figures, ours [P] and configurable, by edition and with its source."""

import tomllib
from collections.abc import Iterator
from datetime import date
from decimal import Decimal
from typing import Annotated, Any, Self

from pydantic import Field, ValidationError, model_validator

from domain.errors import InvalidError
from domain.figures.words import Deduction, Exclusion, Figure, Item
from domain.values import Frozen
from domain.vocabulary import ResponderRole

FULL = Decimal(100)
Points = Annotated[Decimal, Field(ge=0, le=100, allow_inf_nan=False)]
Share = Annotated[Decimal, Field(ge=0, le=1, allow_inf_nan=False)]
Count = Annotated[int, Field(ge=1, le=10_000)]


class ScoringRules(Frozen):
    """One edition of the rules, in force for periods that begin on or after `valid_from`."""

    edition: Annotated[str, Field(pattern=r"^[0-9A-Za-z._-]{1,40}$")]
    valid_from: date
    points: dict[Item, Points]
    late_share: Share = Field(description="What is left of an item that was done, but late.")
    weights: dict[ResponderRole, Share]
    deductions: dict[Deduction, Points]
    rework_from_third: Points
    fair_is_satisfied: bool
    repeated_within_days: Count
    account_after: Count
    rank_from: Count
    exclude: dict[Figure, tuple[Exclusion, ...]]
    sources: dict[str, str]

    @model_validator(mode="after")
    def _is_whole(self) -> Self:
        for name, kind in (("points", Item), ("weights", ResponderRole), ("deductions", Deduction)):
            missing = [word.value for word in kind if word not in getattr(self, name)]
            if missing:
                message = f"{name} lacks {', '.join(missing)}"
                raise ValueError(message)
        total = sum(self.points.values())
        if total != FULL:
            message = f"points add up to {total}, not 100"
            raise ValueError(message)
        if not any(self.weights.values()):
            message = "weights are all zero"
            raise ValueError(message)
        return self

    def written(self, name: str) -> str:
        """Write the value that a source is given for: `late_share`, `points.SIGN`, `exclude.SOLVED`."""
        head, _, key = name.partition(".")
        held = self.model_dump(mode="json")[head]
        value = held[key] if key else held
        return ", ".join(value) if isinstance(value, list) else str(value)

    def excludes(self, figure: Figure, ground: Exclusion) -> bool:
        """Whether a ground takes a row out of a figure."""
        return ground in self.exclude.get(figure, ())


def parse_scoring(text: str) -> ScoringRules:
    """Read an edition of the rules from TOML; every value stands beside its source. Raises InvalidError."""
    try:
        read = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise InvalidError.of("scoring", f"this is no TOML: {error}") from None
    values, sources = _taken_apart(read)
    try:
        return ScoringRules(**values, sources=sources)
    except ValidationError as error:
        raise InvalidError.from_validation(error) from None


def _taken_apart(read: dict[str, Any]) -> tuple[dict[str, Any], dict[str, str]]:
    found = list(_leaves(read, ()))
    sources = {".".join(path): source for path, _, source in found if source}
    bare = [".".join(path) for path, _, source in found if not source and path[0] not in ("edition", "valid_from")]
    if bare:
        raise InvalidError.of(bare[0], "its source is missing: { value = …, source = … }")
    values: dict[str, Any] = {}
    for path, value, _ in found:
        if len(path) == 1:
            values[path[0]] = value
        else:
            values.setdefault(path[0], {})[".".join(path[1:])] = value
    return values, sources


def _leaves(table: dict[str, Any], above: tuple[str, ...]) -> Iterator[tuple[tuple[str, ...], Any, str | None]]:
    for name, held in table.items():
        path = (*above, name)
        if not isinstance(held, dict):
            yield path, _exact(held), None
        elif "value" in held:
            yield path, _exact(held["value"]), held.get("source")
        else:
            yield from _leaves(held, path)


def _exact(value: Any) -> Any:  # noqa: ANN401 - whatever TOML holds
    return Decimal(str(value)) if isinstance(value, float) else value
