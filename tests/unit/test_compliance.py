"""Sweeps, digests and documents as values: calendars, texts and numbers."""

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import pytest

from domain.compliance import FaultKind, Remedy, SweepReport, dormant_before
from domain.supervision_documents import document_number, read_document_number
from domain.vocabulary import SupervisionLevel
from domain.working_time import BEIJING, WorkCalendar
from starter.calendar_seed import official_days

CALENDAR = WorkCalendar.of(official_days())


def at(day: str, clock: str = "10:00") -> datetime:
    """A moment by the clock of Beijing."""
    return datetime.fromisoformat(f"{day}T{clock}:00+08:00")


@pytest.mark.parametrize(
    ("now", "work_days", "since"),
    [
        (at("2026-11-24"), 1, at("2026-11-23")),
        (at("2026-11-24"), 10, at("2026-11-10")),
        (at("2026-02-25"), 1, at("2026-02-24")),
        # The festival of 2026 is 15–23 February; 14 and 28 February are worked, both Saturdays.
        (at("2026-02-24"), 1, at("2026-02-14")),
        (at("2026-02-24"), 2, at("2026-02-13")),
        (at("2026-03-02"), 1, at("2026-02-28")),
        (at("2026-03-02"), 10, at("2026-02-10")),
    ],
)
def test_dormancy_counts_working_days_over_a_spring_festival(now: datetime, work_days: int, since: datetime) -> None:
    """Days off do not count and make-up workdays do, at the same time of day."""
    assert dormant_before(CALENDAR, now, work_days) == since


def test_a_limit_that_runs_over_the_festival_ends_on_the_make_up_workday() -> None:
    """Two working days from the eve: the first day after it, then the next; by the clock of Beijing."""
    ends = CALENDAR.add_work_days(at("2026-02-13"), Decimal(2))
    assert ends == at("2026-02-24")
    assert ends.astimezone(UTC) - at("2026-02-13").astimezone(UTC) == timedelta(days=11)


def test_beijing_keeps_one_time_the_year_round() -> None:
    """Our fixed offset and the time-zone database agree on every day of the years on file."""
    try:
        shanghai = ZoneInfo("Asia/Shanghai")
    except ZoneInfoNotFoundError:
        pytest.skip("this machine has no time-zone database, and needs none but for this comparison")
    for n in range(3 * 366):
        noon = datetime(2025, 1, 1, 4, tzinfo=UTC) + timedelta(days=n)
        assert noon.astimezone(shanghai).replace(tzinfo=None) == noon.astimezone(BEIJING).replace(tzinfo=None)


def test_mornings_of_digests_follow_the_calendar_not_the_week() -> None:
    """Of the four weeks around the festival, the days on which offices work."""
    days = [date(2026, 2, 9) + timedelta(days=n) for n in range(21)]
    worked = [day.day for day in days if CALENDAR.is_working_day(day)]
    assert worked == [9, 10, 11, 12, 13, 14, 24, 25, 26, 27, 28]


@pytest.mark.parametrize("level", ["URGE", "SUPERVISE", "CIRCULATE", "ACCOUNT"])
def test_a_documents_number_is_read_as_it_is_written(level: str) -> None:
    """Also with the brackets and blanks of another keyboard."""
    held = SupervisionLevel(level)
    written = document_number(held, 2026, 12)
    assert read_document_number(written) == (held, 2026, 12)
    assert read_document_number(written.replace("〔", "[").replace("〕", "] ")) == (held, 2026, 12)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "12",
        "平督催〔2026〕号",
        "平督提〔2026〕1号",
        "平督催〔2026〕99999999999号",
        "京督催〔2026〕1号",
        "平督催〔年〕1号",
    ],
)
def test_what_is_no_number_is_none(text: str) -> None:
    """A reminder has no series, another district is not ours."""
    assert read_document_number(text) is None


def test_every_kind_of_fault_is_healed_or_told() -> None:
    """What has a remedy is told when that did not help; what has none, at once; dormancy stands in the digest."""
    healed = {kind for kind in FaultKind if kind.remedy}
    assert {kind.patience for kind in healed} == {2}
    assert {kind for kind in FaultKind if kind.patience is None} == {FaultKind.DORMANT}
    assert {kind.remedy for kind in healed} == set(Remedy)
    assert "流程落后于台账 3" in SweepReport(checked=9, found={FaultKind.LAGGING: 3}).line
