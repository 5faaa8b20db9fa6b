"""Reading the arguments of GET requests: the specification's filters, and pages as an extension of it."""

import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import NamedTuple

from starlette.datastructures import QueryParams

from domain.values import ID_PART_PATTERN
from starter.gateway.open311.faults import Fault, Open311Error, wrong
from starter.gateway.open311.moments import read
from storage.open311 import RequestFilter

LONGEST_SPAN = timedelta(days=90)
MOST_REQUESTS = 1000
_STATUSES = ("open", "closed")
MOST_PAGES = 10_000
_SECOND = timedelta(seconds=1)
_ID_PART = re.compile(ID_PART_PATTERN.removeprefix("^").removesuffix("$"), re.ASCII)
WHISTLE_ID = re.compile(f"{_ID_PART.pattern}:{_ID_PART.pattern}", re.ASCII)
_COUNT = re.compile(r"\d{1,6}", re.ASCII)


class _Reading(NamedTuple):
    query: QueryParams
    faults: list[Fault]

    def listed(self, name: str) -> list[str]:
        """Everything declared under a name, be it several times or with commas."""
        return [part.strip() for value in self.query.getlist(name) for part in value.split(",") if part.strip()]

    def moment(self, name: str, *, end: bool = False) -> datetime | None:
        text = self.query.get(name, "").strip()
        try:
            return read(text, end=end) if text else None
        except ValueError as error:
            self.faults.append(wrong(name, "不是带时区的日期时间", str(error)))
            return None

    def number(self, name: str, default: int, most: int) -> int:
        text = self.query.get(name, "").strip()
        if not text:
            return default
        if not _COUNT.fullmatch(text) or not 1 <= int(text) <= most:
            self.faults.append(wrong(name, f"不是 1 至 {most} 的整数", f"it is not a number from 1 to {most}"))
            return default
        return int(text)

    def sound(self, found: RequestFilter) -> RequestFilter:
        """Give what was read, or raise Open311Error for what could not be."""
        if self.faults:
            raise Open311Error(*self.faults)
        return found

    def open(self) -> bool | None:
        """Whether open or closed ones are asked for; None for both."""
        asked = set(self.listed("status"))
        if not asked <= set(_STATUSES):
            self.faults.append(wrong("status", "只能是 open、closed", "it is neither open nor closed"))
        return None if len(asked) != 1 else "open" in asked


def asked_ids(query: QueryParams) -> list[str] | None:
    """Give the ids that are asked for by name, None where none are; raises Open311Error for more than 1,000."""
    ids = _Reading(query, []).listed("service_request_id")
    if len(ids) > MOST_REQUESTS:
        english = f"at most {MOST_REQUESTS} may be named"
        raise Open311Error(wrong("service_request_id", f"最多 {MOST_REQUESTS} 个", english))
    return [name for name in dict.fromkeys(ids) if WHISTLE_ID.fullmatch(name)] if ids else None


def asked_filter(query: QueryParams, township: str | None, fallback: str, now: datetime) -> RequestFilter:
    """Read the filters; raises Open311Error with everything that is wrong with them.

    `fallback` is the service under which whistles appear that came in by another way.
    """
    reading = _Reading(query, [])
    found = _filter(reading, township, fallback, now)
    if query.get("start_date", "").strip() and query.get("end_date", "").strip():
        reading.faults.extend(_span_faults(found))
    return reading.sound(found)


def check_overridden(query: QueryParams) -> None:
    """Raise Open311Error for filters that cannot be read, although ids override them."""
    reading = _Reading(query, [])
    reading.sound(_filter(reading, None, "", now()))


def _filter(reading: _Reading, township: str | None, fallback: str, now: datetime) -> RequestFilter:
    start, end = _range(reading, now)
    codes = reading.listed("service_code")
    size = reading.number("page_size", MOST_REQUESTS, MOST_REQUESTS)
    page = reading.number("page", 1, MOST_PAGES)
    return RequestFilter(
        start=start,
        end=end,
        township=township,
        open=reading.open(),
        service_codes=[code for code in codes if _ID_PART.fullmatch(code)] if codes else None,
        others_match=not codes or fallback in codes,
        limit=size,
        offset=(page - 1) * size,
    )


def _range(reading: _Reading, now: datetime) -> tuple[datetime, datetime]:
    start, end = reading.moment("start_date"), reading.moment("end_date", end=True)
    last = end or min(now, start + LONGEST_SPAN if start else now)
    # What is shown is cut to the second, so the last second belongs to the range as a whole.
    return start or last - LONGEST_SPAN, last.replace(microsecond=0) + _SECOND


def _span_faults(which: RequestFilter) -> Iterator[Fault]:
    if which.start >= which.end:
        yield wrong("start_date, end_date", "起止颠倒", "the range ends before it starts")
    if which.end - which.start > LONGEST_SPAN + _SECOND:
        yield wrong("start_date, end_date", "跨度超过 90 天", "the range spans more than 90 days")


def now() -> datetime:
    """Give this moment."""
    return datetime.now(UTC)
