"""When offices work: the calendar by which time limits run.

A working moment lies inside the working hours of a working day. Holidays and make-up workdays (调休) are those of the
State Council's yearly notice; where no notice is on file Monday to Friday is assumed, and the answer is an estimate.
"""

from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, date, datetime, time, timedelta, timezone
from decimal import Decimal
from functools import cached_property
from itertools import pairwise
from typing import Annotated, Self

from pydantic import AfterValidator, BaseModel

from domain.vocabulary import TimeUnit

# China keeps one time the year round, so an offset is exact and needs no time-zone database on the machine.
BEIJING = timezone(timedelta(hours=8), "Asia/Shanghai")
WORKING_UNITS = frozenset({TimeUnit.WORK_HOUR, TimeUnit.WORK_DAY})

_MICROSECOND = timedelta(microseconds=1)
_SPANS: Mapping[TimeUnit, timedelta] = {
    TimeUnit.SECOND: timedelta(seconds=1),
    TimeUnit.MINUTE: timedelta(minutes=1),
    TimeUnit.EMERGENCY_HOUR: timedelta(hours=1),
    TimeUnit.WORK_HOUR: timedelta(hours=1),
    TimeUnit.WORK_DAY: timedelta(days=1),
    TimeUnit.DAY: timedelta(days=1),
}
_SATURDAY = 5


def nominal_span(amount: Decimal, unit: TimeUnit) -> timedelta:
    """Give the length of a limit as if every moment were a working one."""
    return _times(_SPANS[unit], amount)


class CalendarDay(BaseModel, frozen=True):
    """One day that the yearly notice sets apart: a day off, or a make-up workday."""

    date: date
    workday: bool
    note: str = ""
    source: str = ""


def _checked_hours(hours: tuple[tuple[time, time], ...]) -> tuple[tuple[time, time], ...]:
    bounds = [bound for window in hours for bound in window]
    if not bounds or any(earlier >= later for earlier, later in pairwise(bounds)):
        message = "working hours must be windows in order, each opening before it closes"
        raise ValueError(message)
    return hours


class WorkCalendar(BaseModel, frozen=True):
    """The working hours (ours, configurable), the days set apart, and the last day they are official for.

    A window includes its opening and excludes its close: 12:00 and 18:00 are no working moments.
    """

    hours: Annotated[tuple[tuple[time, time], ...], AfterValidator(_checked_hours)] = (
        (time(9), time(12)),
        (time(13), time(18)),
    )
    days: dict[date, bool] = {}
    official_until: date = date.min

    @classmethod
    def of(cls, days: Iterable[CalendarDay]) -> Self:
        """Make a calendar that is official for every year with a day on file, up to the first year without one."""
        workdays = {day.date: day.workday for day in days}
        years = {day.year for day in workdays}
        if not years:
            return cls()
        last = min(years)
        while last + 1 in years:
            last += 1
        return cls(days=workdays, official_until=date(last, 12, 31))

    @cached_property
    def official_from(self) -> date:
        """Give the first day of the earliest year on file."""
        return date(min(self.days).year, 1, 1) if self.days else self.official_until

    @cached_property
    def day_length(self) -> timedelta:
        """Give the working time of one working day."""
        return sum((closes - opens for opens, closes in self._windows), timedelta())

    def is_working_day(self, day: date) -> bool:
        """Tell whether offices work on this Beijing date."""
        return self.days.get(day, day.weekday() < _SATURDAY)

    def is_estimated(self, start: datetime, end: datetime) -> bool:
        """Tell whether any day from start to end lies outside the official years."""
        first, last = start.astimezone(BEIJING).date(), end.astimezone(BEIJING).date()
        return first < self.official_from or last > self.official_until

    def add(self, start: datetime, amount: Decimal, unit: TimeUnit) -> datetime:
        """Give the moment, in UTC, at which a limit that began at start ends.

        WORK_HOUR counts time inside working hours, WORK_DAY working days by clock position; all others are wall clock.
        """
        if unit is TimeUnit.WORK_DAY:
            return self.add_work_days(start, amount)
        span = nominal_span(amount, unit)
        return self.add_working_time(start, span) if unit is TimeUnit.WORK_HOUR else start.astimezone(UTC) + span

    def add_work_days(self, start: datetime, amount: Decimal) -> datetime:
        """Give the same clock time on the amount-th working day after start, in UTC.

        A start outside working hours counts from the next working moment. A fraction of a day is that share of its
        working time.
        """
        position = self.next_working_moment(start).astimezone(BEIJING)
        whole = int(amount)
        day = position.date()
        for _ in range(whole):
            day = self._next_working_day(day)
        moved = datetime.combine(day, position.timetz())
        return self.add_working_time(moved, _times(self.day_length, amount - whole))

    def add_working_time(self, start: datetime, span: timedelta) -> datetime:
        """Give the earliest moment, in UTC, by which that much working time has passed since start."""
        if span < timedelta():
            message = f"working time is added forwards only, not {span}"
            raise ValueError(message)
        if not span:
            return start.astimezone(UTC)
        windows = self._windows_from(start)
        opens, closes = next(windows)
        while span > closes - opens:
            span -= closes - opens
            opens, closes = next(windows)
        return (opens + span).astimezone(UTC)

    def working_time_between(self, start: datetime, end: datetime) -> timedelta:
        """Give the working time from start to end; negative when end is the earlier."""
        if end < start:
            return -self.working_time_between(end, start)
        total = timedelta()
        for opens, closes in self._windows_from(start):
            if opens >= end:
                break
            total += min(closes, end) - opens
        return total

    def next_working_moment(self, start: datetime) -> datetime:
        """Give start itself if offices work then, else the next opening, in UTC."""
        opens, _ = next(self._windows_from(start))
        return opens.astimezone(UTC)

    @cached_property
    def _windows(self) -> tuple[tuple[timedelta, timedelta], ...]:
        return tuple((_since_midnight(opens), _since_midnight(closes)) for opens, closes in self.hours)

    def _windows_from(self, start: datetime) -> Iterator[tuple[datetime, datetime]]:
        start = start.astimezone(BEIJING)
        day = start.date()
        if not self.is_working_day(day):
            day = self._next_working_day(day)
        while True:
            midnight = datetime.combine(day, time.min, BEIJING)
            for opens, closes in self._windows:
                if start < midnight + closes:
                    yield max(start, midnight + opens), midnight + closes
            day = self._next_working_day(day)

    def _next_working_day(self, day: date) -> date:
        day += timedelta(days=1)
        while not self.is_working_day(day):
            day += timedelta(days=1)
        return day


def _since_midnight(clock: time) -> timedelta:
    return datetime.combine(date.min, clock, UTC) - datetime.combine(date.min, time.min, UTC)


def _times(span: timedelta, amount: Decimal) -> timedelta:
    return timedelta(microseconds=int(span // _MICROSECOND * amount))
