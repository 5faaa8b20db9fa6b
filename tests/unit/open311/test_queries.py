"""Reading moments and filters: what the specification allows, and how everything else is refused."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from starlette.datastructures import QueryParams

from domain.working_time import BEIJING
from starter.gateway.open311.faults import Open311Error
from starter.gateway.open311.moments import read, written
from starter.gateway.open311.queries import asked_filter, asked_ids
from storage.open311 import RequestFilter

NOW = datetime(2026, 11, 24, 2, 0, 0, 500_000, tzinfo=UTC)


def asked(query: str, township: str | None = None) -> RequestFilter:
    """Read a query string at a fixed moment."""
    return asked_filter(QueryParams(query), township, "other", NOW)


def refused(query: str) -> list[str]:
    """Give what a query is refused for."""
    with pytest.raises(Open311Error) as caught:
        asked(query)
    assert caught.value.status == 400
    return [fault.description for fault in caught.value.faults]


@pytest.mark.parametrize(
    "text",
    [
        "2026-11-24T02:00:00Z",
        "2026-11-24T10:00:00+08:00",
        "2026-11-24T10:00+08:00",
        "2026-11-24T02:00:00.000Z",
        "2026-11-24T10:00:00 08:00",
    ],
)
def test_every_form_of_the_w3_note_with_a_time_zone_is_read(text: str) -> None:
    """The last one is a plus that a client forgot to escape."""
    assert read(text) == datetime(2026, 11, 24, 2, tzinfo=UTC)


def test_a_date_alone_is_a_day_in_beijing() -> None:
    """As the start of a range its first moment, as the end its last second."""
    assert read("2026-11-24").astimezone(BEIJING).isoformat() == "2026-11-24T00:00:00+08:00"
    assert read("2026-11-24", end=True).astimezone(BEIJING).isoformat() == "2026-11-24T23:59:59+08:00"


@pytest.mark.parametrize(
    "text",
    [
        "2026-11-24T10:00:00",
        "20261124T100000Z",
        "2026-13-01",
        "2026-11-24T25:00:00Z",
        "0000-01-01T00:00:00Z",
        "2026-W48-2",
        "now",
        "\0",
        "2026-11-24T10:00:00+99:00",
    ],
)
def test_what_is_no_moment_is_refused(text: str) -> None:
    """A time without its zone above all."""
    with pytest.raises(ValueError, match=r".+"):
        read(text)


@pytest.mark.parametrize("text", ["0001-01-01T00:00:00+08:00", "9999-12-31T23:59:59-08:00", "9999-12-31"])
def test_the_ends_of_the_calendar_are_read(text: str) -> None:
    """As the first or last moment that matters, with room for a range on both sides."""
    at = read(text, end=True)
    assert asked(f"start_date={text.replace('+', '%2B')}").start <= at
    assert asked(f"end_date={text.replace('+', '%2B')}").end > at


@given(st.datetimes(datetime(1970, 1, 2), datetime(9990, 1, 1), timezones=st.just(UTC)))  # noqa: DTZ001 - the bounds are naive by hypothesis' rule
def test_what_is_written_can_be_read_back(at: datetime) -> None:
    """To the second."""
    assert read(written(at)) == at.replace(microsecond=0)


def test_without_dates_the_range_is_the_last_ninety_days() -> None:
    """Up to and with this second."""
    found = asked("")
    assert found.end == NOW.replace(microsecond=0) + timedelta(seconds=1)
    assert found.start == NOW - timedelta(days=90)
    assert (found.limit, found.offset) == (1000, 0)


def test_one_date_alone_spans_ninety_days_from_it() -> None:
    """Forward from the start, but not into the future; backward from the end."""
    assert asked("start_date=2026-01-01T00:00:00Z").end == datetime(2026, 4, 1, 0, 0, 1, tzinfo=UTC)
    assert asked("start_date=2026-11-01T00:00:00Z").end == NOW.replace(microsecond=0) + timedelta(seconds=1)
    assert asked("end_date=2026-04-01T00:00:00Z").start == datetime(2026, 1, 1, tzinfo=UTC)


def test_the_second_of_the_end_date_belongs_to_the_range() -> None:
    """A shown requested_datetime finds its own request."""
    found = asked("start_date=2026-11-24T10:00:00%2B08:00&end_date=2026-11-24T10:00:00%2B08:00")
    assert found.start <= NOW < found.end


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ("start_date=2026-01-01&end_date=2026-06-01", "start_date"),
        ("start_date=2026-06-01&end_date=2026-01-01", "start_date"),
        ("start_date=yesterday", "start_date"),
        ("end_date=2026-01-01T00:00:00", "end_date"),
        ("status=pending", "status"),
        ("status=OPEN", "status"),
        ("page=0", "page"),
        ("page=-1", "page"),
        ("page=99999999999999999999", "page"),
        ("page_size=1001", "page_size"),
        ("page_size=ten", "page_size"),
        ("page_size=%D9%A1", "page_size"),
    ],
)
def test_a_filter_that_cannot_be_is_refused_by_name(query: str, field: str) -> None:
    """More than 90 days included; an Arabic digit is no number here."""
    [description] = refused(query)
    assert description.startswith(field)


def test_everything_that_is_wrong_is_told_at_once() -> None:
    """The response is a list."""
    assert len(refused("status=x&page=x&page_size=x&start_date=x&end_date=x")) == 5


def test_an_empty_argument_is_none() -> None:
    """A null parameter is treated as one that is not declared."""
    assert asked("status=&service_code=&start_date=&end_date=&page=&page_size=") == asked("")
    assert asked_ids(QueryParams("service_request_id=")) is None


def test_values_may_be_repeated_or_delimited_by_commas() -> None:
    """Both ways at once, too."""
    assert asked("service_code=gas,heating&service_code=other").service_codes == ["gas", "heating", "other"]
    assert asked("status=open,closed").open is None
    assert asked("status=open").open is True
    assert asked("status=closed").open is False
    assert asked_ids(QueryParams("service_request_id=a:1,b:2&service_request_id=a:1")) == ["a:1", "b:2"]


def test_whistles_of_other_ways_match_the_fallback_service() -> None:
    """They have no code of their own."""
    assert asked("").others_match
    assert asked("service_code=gas,other").others_match
    assert not asked("service_code=gas").others_match


def test_ids_and_codes_that_cannot_be_are_not_looked_for() -> None:
    """Nothing with a NUL or a path in it reaches the database."""
    assert asked_ids(QueryParams("service_request_id=a%00:1,../etc,12345:ok")) == ["12345:ok"]
    assert asked("service_code=%00,'--").service_codes == []
    with pytest.raises(Open311Error):
        asked_ids(QueryParams("service_request_id=" + ",".join(f"a:{n}" for n in range(1001))))


def test_a_page_begins_where_the_one_before_ended() -> None:
    """The extension that most endpoints have."""
    assert (asked("page=3&page_size=20").limit, asked("page=3&page_size=20").offset) == (20, 40)
