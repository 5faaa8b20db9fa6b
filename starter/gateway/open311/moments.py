"""Dates and times in the W3C's form (https://www.w3.org/TR/NOTE-datetime), always with their time zone."""

import re
from datetime import UTC, datetime, timedelta

from domain.working_time import BEIJING

_MOMENT = re.compile(r"\d{4}-\d{2}-\d{2}(?P<time>T\d{2}:\d{2}(:\d{2}(\.\d{1,6})?)?(Z|[+-]\d{2}:\d{2}))?", re.ASCII)
_UNESCAPED_PLUS = re.compile(r" (?=\d{2}:\d{2}$)")
_FIRST, _LAST = datetime(1970, 1, 1, tzinfo=UTC), datetime(9998, 12, 31, tzinfo=UTC)


def written(at: datetime) -> str:
    """Write a moment in Beijing's time, to the second."""
    return at.astimezone(BEIJING).isoformat(timespec="seconds")


def read(text: str, *, end: bool = False) -> datetime:
    """Read a moment; a date alone is its first moment in Beijing, or its last second as the `end` of a range.

    Raises ValueError.
    """
    text = _UNESCAPED_PLUS.sub("+", text.strip())
    form = _MOMENT.fullmatch(text)
    if not form:
        message = "not a W3C date and time with its time zone, such as 2026-11-24T10:00:00+08:00"
        raise ValueError(message)
    at = datetime.fromisoformat(text)
    # Nothing was ever asked for before or after, and the arithmetic of dates ends at the year 9999.
    within = max(_FIRST, min(at.replace(tzinfo=at.tzinfo or BEIJING), _LAST))
    whole_day = timedelta(days=1, seconds=-1) if end and not form["time"] else timedelta()
    return (within + whole_day).astimezone(UTC)
