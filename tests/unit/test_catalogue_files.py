"""Catalogue files: what is read, and how each fault is named by line and column."""

from collections.abc import Callable
from contextlib import suppress
from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

import catalogues
from domain.catalogue_files import (
    CALENDAR_COLUMNS,
    LIMIT_COLUMNS,
    ORGANISATION_COLUMNS,
    CatalogueInvalidError,
    parse_calendar,
    parse_limits,
    parse_organisations,
)
from domain.vocabulary import Phase, WhistleKind

ORGANISATIONS = ",".join(ORGANISATION_COLUMNS) + "\n"
LIMITS = ",".join(LIMIT_COLUMNS) + "\n"
CALENDAR = ",".join(CALENDAR_COLUMNS) + "\n"


def faults(parse: Callable[[str], object], text: str) -> list[tuple[int, str, str]]:
    """Read a faulty file and give its faults."""
    with pytest.raises(CatalogueInvalidError) as caught:
        parse(text)
    return [(fault.line, fault.column, fault.problem) for fault in caught.value.errors]


def test_the_shipped_catalogues_are_sound() -> None:
    """The package can read what it ships."""
    assert set(parse_limits(catalogues.read("limits.csv"))) == {"default", "demo"}
    assert parse_organisations(catalogues.read("organisations.csv")).items


def test_an_empty_kind_or_urgency_means_any() -> None:
    """Empty cells are not values."""
    (rule,) = parse_limits(LIMITS + "own,EMERGENCY,,SIGN,10,MINUTE,ours [P]\n")["own"].rules
    assert rule.key == (WhistleKind.EMERGENCY, None, Phase.SIGN)


def test_a_calendar_is_read_as_a_spreadsheet_saves_it() -> None:
    """A byte order mark, Windows line ends, capital TRUE, quotes, padding and blank lines do no harm."""
    text = '\ufeffdate,workday,note,source\r\n2027-01-01,FALSE,元旦,国办\r\n\r\n 2027-01-03 ,TRUE,"元旦,调休",\r\n'
    first, second = parse_calendar(text)
    assert (first.date, first.workday, first.note, first.source) == (date(2027, 1, 1), False, "元旦", "国办")
    assert (second.date, second.workday, second.note, second.source) == (date(2027, 1, 3), True, "元旦,调休", "")


def test_columns_may_stand_in_any_order() -> None:
    """The header says which column is which."""
    assert parse_calendar("source,note,workday,date\n国办,元旦,false,2027-01-01\n")[0].date == date(2027, 1, 1)


@pytest.mark.parametrize(
    ("row", "column", "problem"),
    [
        ("own,DAILYISH,,SIGN,1,DAY,x", "kind", "'DAILYISH': Input should be"),
        ("own,,HOT,SIGN,1,DAY,x", "urgency", "'HOT': Input should be"),
        ("own,,,SLEEP,1,DAY,x", "phase", "'SLEEP': Input should be"),
        ("own,,,SIGN,1,WEEK,x", "unit", "'WEEK': Input should be"),
        ("own,,,SIGN,0,DAY,x", "amount", "'0': Input should be greater than 0"),
        ("own,,,SIGN,-1,DAY,x", "amount", "'-1': Input should be greater than 0"),
        ("own,,,SIGN,soon,DAY,x", "amount", "'soon': Input should be a valid decimal"),
        ("own,,,SIGN,99999,DAY,x", "unit", "'DAY': 99999 DAY is longer than ten years"),
        (",,,SIGN,1,DAY,x", "profile", "this cell must not be empty"),
        ("own,,,SIGN,1,DAY,", "source", "this cell must not be empty"),
        ("own,,,,1,DAY,x", "phase", "this cell must not be empty"),
        ("own,,,SIGN,1,DAY", "source", "6 cells where the header has 7"),
        ("own,,,SIGN,1,DAY,x,y", "source", "8 cells where the header has 7"),
    ],
)
def test_a_faulty_limit_is_named_by_line_and_column(row: str, column: str, problem: str) -> None:
    """Unknown words, amounts that are none and missing cells point to their place."""
    ((line, found, said),) = faults(parse_limits, f"{LIMITS}own,,,ARRIVE,1,DAY,x\n{row}\n")
    assert (line, found) == (3, column)
    assert said.startswith(problem)


@pytest.mark.parametrize(
    ("row", "column", "problem"),
    [
        ("2027-02-30,true,,", "date", "'2027-02-30': Input should be a valid date"),
        ("20270101,true,,", "date", "'20270101' does not have the form"),
        ("2027-W01-1,true,,", "date", "'2027-W01-1' does not have the form"),
        ("2027-01-02,1,,", "workday", "'1' does not have the form"),
        ("2027-01-02,,,", "workday", "'' does not have the form"),
        ("2027-01-01,true,,", "date", "repeats line 2"),
    ],
)
def test_a_faulty_day_is_named_by_line_and_column(row: str, column: str, problem: str) -> None:
    """Days are ISO dates, once each, and a workday is true or false."""
    ((line, found, said),) = faults(parse_calendar, f"{CALENDAR}2027-01-01,false,,\n{row}\n")
    assert (line, found) == (3, column)
    assert said.startswith(problem)


@pytest.mark.parametrize(
    ("row", "column", "problem"),
    [
        ("water,区水务局,BUREAU,,", "code", "'water' stands twice"),
        ("Gas,燃气,UTILITY,,", "code", "'Gas' is no slug"),
        ("gas,,UTILITY,,", "name", "this cell must not be empty"),
        ("gas,燃气,PIPE,,", "type", "'PIPE': Input should be"),
        ("gas,燃气,UTILITY,sea,", "parent", "'sea' is not in the list"),
        ("yukou,峪口镇,TOWNSHIP,,", "initials", "a township needs initials"),
        ("yukou,峪口镇,TOWNSHIP,,yk", "initials", "'yk': String should match"),
    ],
)
def test_a_faulty_organisation_is_named_by_line_and_column(row: str, column: str, problem: str) -> None:
    """Duplicates, unknown parents and types point to their place."""
    ((line, found, said),) = faults(parse_organisations, f"{ORGANISATIONS}water,区水务局,BUREAU,,\n{row}\n")
    assert (line, found) == (3, column)
    assert said.startswith(problem)


def test_a_limit_given_twice_in_one_profile_is_refused_and_in_two_profiles_is_not() -> None:
    """Profiles stand beside one another."""
    rows = "own,,,SIGN,1,DAY,x\nother,,,SIGN,1,DAY,x\n"
    assert set(parse_limits(LIMITS + rows)) == {"own", "other"}
    assert faults(parse_limits, f"{LIMITS}{rows}own,,,SIGN,2,DAY,x\n") == [(4, "phase", "repeats line 2")]


def test_all_faults_of_a_file_are_told_at_once_in_its_order() -> None:
    """Whoever mends a file need not send it once for each fault; lines inside quotes count."""
    text = f'{LIMITS}own,,,SIGN,0,WEEK,x\nown,,,ARRIVE,1,DAY,"two\nlines"\nown,,,SLEEP,1,DAY,x\n'
    assert [(line, column) for line, column, _ in faults(parse_limits, text)] == [
        (2, "amount"),
        (2, "unit"),
        (5, "phase"),
    ]


@pytest.mark.parametrize("parse", [parse_organisations, parse_limits, parse_calendar])
@pytest.mark.parametrize("text", ["", "\n", "a,b\n1,2\n", '"'])
def test_a_file_of_something_else_is_refused(parse: Callable[[str], object], text: str) -> None:
    """Empty files, other headers and broken quotes give faults on the first line."""
    assert {line for line, _, _ in faults(parse, text)} == {1}


def test_a_header_alone_is_refused() -> None:
    """A file without rows would empty the catalogue."""
    assert faults(parse_calendar, CALENDAR) == [(1, "date", "the file has no rows")]


def test_the_message_reads_as_a_list_of_places() -> None:
    """An administrator sees where to look."""
    with pytest.raises(CatalogueInvalidError, match=r"line 1, column date: the file has no rows"):
        parse_calendar(CALENDAR)


@given(st.text() | st.text(alphabet="own,SIGNDAY1\n\"'\r\0 ").map(lambda rows: LIMITS + rows))
def test_no_text_does_more_than_be_refused(text: str) -> None:
    """Whatever is uploaded, it is read or refused by name."""
    for parse in (parse_organisations, parse_limits, parse_calendar):
        with suppress(CatalogueInvalidError):
            parse(text)


@given(st.dictionaries(st.dates(date(2027, 1, 1), date(2030, 12, 31)), st.booleans(), min_size=1))
def test_a_calendar_reads_back_what_was_written(days: dict[date, bool]) -> None:
    """Every day written is every day read."""
    rows = "".join(f"{day},{str(works).lower()},,\n" for day, works in days.items())
    assert {day.date: day.workday for day in parse_calendar(CALENDAR + rows)} == days
