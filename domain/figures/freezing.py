"""What is asked of the activity that freezes a period, and what it answers: codes and counts, no figures."""

from pydantic import AwareDatetime

from domain.figures.periods import PeriodKind
from domain.values import Frozen


class FreezePeriod(Frozen):
    """Freeze a period, or look whether a frozen one needs a correction by what is known at `known_at`.

    `first` False leaves a period alone that was never frozen.
    """

    period: str
    known_at: AwareDatetime
    first: bool = True


class PeriodFrozen(Frozen):
    """The version that stands now; None where the period could not be frozen yet. `changed`: it is new."""

    period: str
    kind: PeriodKind
    version: int | None
    changed: bool = False
    to_account: tuple[str, ...] = ()


class ScorecardAsked(Frozen):
    """Which month to freeze: `2026-10`; None is the month before the scheduled time."""

    month: str | None = None


class ScorecardsFrozen(Frozen):
    """What one run did."""

    periods: tuple[PeriodFrozen, ...] = ()
