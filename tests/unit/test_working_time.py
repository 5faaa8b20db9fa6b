"""When offices work: real days of 2026, the unpublished 2027, and laws that hold for any moment."""

from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from time import perf_counter

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from domain.vocabulary import TimeUnit
from domain.working_time import BEIJING, CalendarDay, WorkCalendar
from starter.calendar_seed import official_days

CALENDAR = WorkCalendar.of(official_days())
DAY = timedelta(hours=8)

moments = st.datetimes(datetime(2025, 1, 1), datetime(2028, 1, 1), timezones=st.just(BEIJING))  # noqa: DTZ001
spans = st.timedeltas(timedelta(), timedelta(hours=200))


def beijing(text: str) -> datetime:
    """Read `2026-09-28 10:00` as Beijing time."""
    return datetime.fromisoformat(text).replace(tzinfo=BEIJING)


def add(start: str, amount: str, unit: TimeUnit) -> str:
    """Add a limit to a Beijing time and give Beijing time."""
    return f"{CALENDAR.add(beijing(start), Decimal(amount), unit).astimezone(BEIJING):%Y-%m-%d %H:%M}"


@pytest.mark.parametrize(
    ("day", "works"),
    [
        ("2026-01-04", True),
        ("2026-02-14", True),
        ("2026-02-15", False),
        ("2026-02-23", False),
        ("2026-02-24", True),
        ("2026-02-28", True),
        ("2026-09-20", True),
        ("2026-10-01", False),
        ("2026-10-07", False),
        ("2026-10-08", True),
        ("2026-10-10", True),
        ("2026-10-11", False),
        ("2026-11-24", True),
        ("2026-11-28", False),
    ],
)
def test_the_days_of_2026_are_those_of_the_official_notice(day: str, works: bool) -> None:
    """Holidays and make-up workdays follow the State Council's notice for 2026."""
    assert CALENDAR.is_working_day(date.fromisoformat(day)) is works


def test_the_seed_covers_2004_to_2026_with_chinese_names() -> None:
    """The first and last year, and the names of a holiday and a make-up day, are as published."""
    days = {day.date: day for day in official_days()}
    assert (CALENDAR.official_from, CALENDAR.official_until) == (date(2004, 1, 1), date(2026, 12, 31))
    assert days[date(2026, 2, 17)].note == "春节"
    assert days[date(2026, 10, 10)].note == "国庆节调休"


@pytest.mark.parametrize(
    ("start", "amount", "due"),
    [
        ("2026-09-28 10:00", "5", "2026-10-10 10:00"),
        ("2026-02-13 16:30", "3", "2026-02-25 16:30"),
        ("2026-11-24 09:00", "1", "2026-11-25 09:00"),
        ("2026-11-24 07:00", "1", "2026-11-25 09:00"),
        ("2026-11-24 12:30", "1", "2026-11-25 13:00"),
        ("2026-11-24 18:00", "1", "2026-11-26 09:00"),
        ("2026-11-28 15:00", "1", "2026-12-01 09:00"),
        ("2026-11-24 10:00", "1.5", "2026-11-25 15:00"),
        ("2026-11-24 16:00", "2.5", "2026-11-27 11:00"),
        ("2026-12-30 10:00", "3", "2027-01-04 10:00"),
    ],
)
def test_a_work_day_ends_at_the_same_clock_position_on_a_later_working_day(start: str, amount: str, due: str) -> None:
    """Whole days keep the clock time, over holidays too; a start off hours counts from the next opening."""
    assert add(start, amount, TimeUnit.WORK_DAY) == due


@pytest.mark.parametrize(
    ("start", "amount", "due"),
    [
        ("2026-11-24 09:00", "1", "2026-11-24 10:00"),
        ("2026-11-24 11:30", "1", "2026-11-24 13:30"),
        ("2026-11-24 11:00", "1", "2026-11-24 12:00"),
        ("2026-11-24 17:30", "4", "2026-11-25 13:30"),
        ("2026-09-30 17:00", "4", "2026-10-08 12:00"),
        ("2026-10-10 03:00", "4", "2026-10-10 14:00"),
    ],
)
def test_a_work_hour_is_an_hour_inside_working_hours(start: str, amount: str, due: str) -> None:
    """Lunch, nights and holidays do not count."""
    assert add(start, amount, TimeUnit.WORK_HOUR) == due


@pytest.mark.parametrize(
    ("unit", "span"),
    [
        (TimeUnit.SECOND, timedelta(seconds=30)),
        (TimeUnit.MINUTE, timedelta(minutes=30)),
        (TimeUnit.EMERGENCY_HOUR, timedelta(hours=30)),
        (TimeUnit.DAY, timedelta(days=30)),
    ],
)
def test_every_other_unit_runs_day_and_night(unit: TimeUnit, span: timedelta) -> None:
    """Seconds, minutes, emergency hours and days are wall clock, also at Spring Festival."""
    start = beijing("2026-02-17 02:00")
    due = CALENDAR.add(start, Decimal(30), unit)
    assert due - start == span
    assert due.tzinfo is UTC


def test_a_year_without_a_notice_is_monday_to_friday_and_estimated() -> None:
    """New Year 2027 counts as a workday until its notice is on file, and the answer says so."""
    assert CALENDAR.is_working_day(date(2027, 1, 1))
    assert not CALENDAR.is_working_day(date(2027, 1, 2))
    assert CALENDAR.is_estimated(beijing("2026-12-30 10:00"), beijing("2027-01-01 00:00"))
    assert not CALENDAR.is_estimated(beijing("2026-12-30 10:00"), beijing("2026-12-31 23:59"))
    assert CALENDAR.is_estimated(beijing("2003-12-31 10:00"), beijing("2004-01-05 10:00"))


def test_a_gap_in_the_years_ends_the_official_calendar() -> None:
    """A later year on file does not make the missing one official."""
    days = [CalendarDay(date=date(year, 10, 1), workday=False) for year in (2025, 2026, 2028)]
    assert WorkCalendar.of(days).official_until == date(2026, 12, 31)


def test_an_empty_calendar_works_and_is_always_estimated() -> None:
    """Nothing crashes before the seed is loaded."""
    empty = WorkCalendar.of([])
    start = beijing("2026-11-24 10:00")
    assert empty.is_estimated(start, empty.add(start, Decimal(1), TimeUnit.WORK_DAY))


def test_an_imported_year_is_official() -> None:
    """Once the notice of 2027 is on file its deadlines are no longer estimated."""
    calendar = WorkCalendar.of([*official_days(), CalendarDay(date=date(2027, 1, 1), workday=False, note="元旦")])
    assert not calendar.is_working_day(date(2027, 1, 1))
    assert not calendar.is_estimated(beijing("2026-12-30 10:00"), beijing("2027-12-31 18:00"))


def test_working_hours_can_be_set() -> None:
    """A district with other hours counts by its own."""
    calendar = WorkCalendar(hours=((time(8, 30), time(17, 30)),))
    assert calendar.day_length == timedelta(hours=9)
    assert calendar.add(beijing("2026-11-24 17:00"), Decimal(1), TimeUnit.WORK_HOUR) == beijing("2026-11-25 09:00")


@pytest.mark.parametrize(
    "hours",
    [
        (),
        ((time(9), time(9)),),
        ((time(13), time(18)), (time(9), time(12))),
        ((time(9), time(14)), (time(13), time(18))),
    ],
)
def test_working_hours_out_of_order_are_refused(hours: tuple[tuple[time, time], ...]) -> None:
    """No windows, empty windows and overlapping windows make no calendar."""
    with pytest.raises(ValidationError, match="windows in order"):
        WorkCalendar(hours=hours)


def test_working_time_is_added_forwards_only() -> None:
    """A negative span is a mistake of the caller."""
    with pytest.raises(ValueError, match="forwards only"):
        CALENDAR.add_working_time(beijing("2026-11-24 10:00"), timedelta(hours=-1))


def test_a_calendar_survives_its_json() -> None:
    """What a workflow or table holds of it reads back the same."""
    assert WorkCalendar.model_validate_json(CALENDAR.model_dump_json()) == CALENDAR


@given(start=moments, span=spans)
def test_adding_working_time_is_measured_back_exactly(start: datetime, span: timedelta) -> None:
    """The working time from start to the end of a span is the span."""
    assert CALENDAR.working_time_between(start, CALENDAR.add_working_time(start, span)) == span


@given(start=moments, days=st.integers(1, 30))
def test_a_number_of_work_days_holds_that_many_days_of_working_time(start: datetime, days: int) -> None:
    """A whole number of work days is eight working hours each, and ends at a working moment."""
    due = CALENDAR.add_work_days(start, Decimal(days))
    assert CALENDAR.working_time_between(start, due) == days * DAY
    assert CALENDAR.next_working_moment(due) == due


@given(starts=st.tuples(moments, moments), amount=st.decimals(Decimal("0.1"), Decimal(20), places=1))
@pytest.mark.parametrize("unit", list(TimeUnit))
def test_a_later_start_is_never_due_earlier(starts: tuple[datetime, datetime], amount: Decimal, unit: TimeUnit) -> None:
    """Deadlines keep the order of their starts, and none is due before it starts."""
    first, second = sorted(starts)
    assert CALENDAR.add(first, amount, unit) <= CALENDAR.add(second, amount, unit)
    assert CALENDAR.add(first, amount, unit) > first


@given(start=moments, amounts=st.tuples(*[st.decimals(Decimal("0.1"), Decimal(20), places=1)] * 2))
@pytest.mark.parametrize("unit", list(TimeUnit))
def test_a_longer_limit_is_never_due_earlier(start: datetime, amounts: tuple[Decimal, Decimal], unit: TimeUnit) -> None:
    """Deadlines keep the order of their amounts."""
    less, more = sorted(amounts)
    assert CALENDAR.add(start, less, unit) <= CALENDAR.add(start, more, unit)


@given(times=st.tuples(moments, moments, moments))
def test_working_time_adds_up(times: tuple[datetime, datetime, datetime]) -> None:
    """The way over a moment in between, or back, is as long as the direct one."""
    start, middle, end = times
    whole = CALENDAR.working_time_between(start, end)
    assert CALENDAR.working_time_between(start, middle) + CALENDAR.working_time_between(middle, end) == whole


def test_a_limit_over_a_holiday_is_computed_in_well_under_a_millisecond() -> None:
    """Five work days over National Day take no minute-by-minute loop."""
    start = beijing("2026-09-28 10:00")
    began = perf_counter()
    for _ in range(100):
        CALENDAR.add(start, Decimal(5), TimeUnit.WORK_DAY)
    assert (perf_counter() - began) / 100 < 0.001
