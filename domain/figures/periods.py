"""The periods of the figures: months, quarters and years of Beijing, and any days between two dates."""

import re
from datetime import UTC, date, datetime, time, timedelta
from enum import StrEnum
from typing import Self

from domain.errors import InvalidError
from domain.values import EARLIEST, LATEST, Frozen
from domain.working_time import BEIJING

MONTHS_A_YEAR = 12
MONTHS_A_QUARTER = 3
LONGEST = timedelta(days=366)
_MONTH = re.compile(r"([12][0-9]{3})-(0[1-9]|1[0-2])")
_QUARTER = re.compile(r"([12][0-9]{3})-Q([1-4])")
_YEAR = re.compile(r"([12][0-9]{3})")


class PeriodKind(StrEnum):
    """How long a period is."""

    MONTH = "MONTH"
    QUARTER = "QUARTER"
    YEAR = "YEAR"
    DAYS = "DAYS"


class Period(Frozen):
    """From `start` on, up to and without `end`."""

    kind: PeriodKind
    label: str
    start: datetime
    end: datetime

    @classmethod
    def month(cls, year: int, month: int) -> Self:
        """One month: `2026-11`."""
        return cls(
            kind=PeriodKind.MONTH,
            label=f"{year:04d}-{month:02d}",
            start=_opening(year, month),
            end=_opening(year, month + 1),
        )

    @classmethod
    def named(cls, label: str) -> Self:
        """Read `2026-11`, `2026-Q4` or `2026`; raises InvalidError."""
        if found := _MONTH.fullmatch(label):
            return cls.month(int(found[1]), int(found[2]))
        if found := _QUARTER.fullmatch(label):
            first = (int(found[2]) - 1) * MONTHS_A_QUARTER + 1
            return cls._of_months(PeriodKind.QUARTER, label, int(found[1]), first, MONTHS_A_QUARTER)
        if found := _YEAR.fullmatch(label):
            return cls._of_months(PeriodKind.YEAR, label, int(found[1]), 1, MONTHS_A_YEAR)
        raise InvalidError.of("period", f"{label[:20]!r} is no month 2026-11, quarter 2026-Q4 or year 2026")

    @classmethod
    def days(cls, first: date, last: date) -> Self:
        """From a Beijing date to another, both included; raises InvalidError beyond a year."""
        if first > last:
            raise InvalidError.of("to", f"{last} is before {first}")
        start, end = _midnight(first), _midnight(last) + timedelta(days=1)
        if end - start > LONGEST:
            raise InvalidError.of("to", f"a report spans at most {LONGEST.days} days")
        if not EARLIEST <= start < end <= LATEST:
            raise InvalidError.of("from", "these days lie out of reach")
        return cls(kind=PeriodKind.DAYS, label=f"{first}/{last}", start=start, end=end)

    @classmethod
    def read_days(cls, first: str | None, last: str | None, today: date) -> Self:
        """Read two dates: up to today where no last day is said, from the 1st of its month where no first is."""
        until = _date("to", last) if last else today
        return cls.days(_date("from", first) if first else until.replace(day=1), until)

    @classmethod
    def month_of(cls, at: datetime) -> Self:
        """Give the month of Beijing that a moment lies in."""
        local = at.astimezone(BEIJING)
        return cls.month(local.year, local.month)

    @classmethod
    def _of_months(cls, kind: PeriodKind, label: str, year: int, first: int, count: int) -> Self:
        return cls(kind=kind, label=label, start=_opening(year, first), end=_opening(year, first + count))

    @property
    def before(self) -> "Period":
        """The month before this period."""
        return Period.month_of(self.start - timedelta(seconds=1))

    @property
    def months(self) -> tuple["Period", ...]:
        """The months that this period is made of."""
        months, at = [], self.start
        while at < self.end:
            months.append(Period.month_of(at))
            at = months[-1].end
        return tuple(months)

    @property
    def rollups(self) -> tuple["Period", ...]:
        """The quarter and the year that a month belongs to."""
        local = self.start.astimezone(BEIJING)
        quarter = (local.month - 1) // MONTHS_A_QUARTER + 1
        return Period.named(f"{local.year:04d}-Q{quarter}"), Period.named(f"{local.year:04d}")

    @property
    def last_moment(self) -> datetime:
        """The last moment that belongs to this period."""
        return self.end - timedelta(microseconds=1)

    def holds(self, at: datetime) -> bool:
        """Whether a moment lies in this period."""
        return self.start <= at < self.end


def _date(field: str, text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise InvalidError.of(field, f"{text[:20]!r} is no date such as 2026-11-24") from None


def _opening(year: int, month: int) -> datetime:
    years, of_year = divmod(month - 1, MONTHS_A_YEAR)
    return _midnight(date(year + years, of_year + 1, 1))


def _midnight(day: date) -> datetime:
    return datetime.combine(day, time(), BEIJING).astimezone(UTC)
