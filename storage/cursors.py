"""Cursors of lists: where the next page begins, as text that clients hand back unread."""

import base64
import json
from datetime import UTC, datetime

from domain.errors import InvalidError
from domain.values import printable

Key = tuple[datetime, *tuple[str, ...]]


def write_cursor(key: Key) -> str:
    """Write the key of the last row shown."""
    at, *rest = key
    return base64.urlsafe_b64encode(json.dumps([at.isoformat(), *rest]).encode()).decode().rstrip("=")


def read_cursor(cursor: str, length: int) -> Key:
    """Read the key back; raises InvalidError for what is no cursor of this list."""
    try:
        return _key(cursor, length)
    except (ValueError, TypeError, OverflowError, RecursionError):
        raise InvalidError.of("cursor", "it is not a cursor of this list") from None


def _key(cursor: str, length: int) -> Key:
    padded = cursor + "=" * (-len(cursor) % 4)
    at, *rest = json.loads(base64.b64decode(padded, altchars=b"-_", validate=True))
    if len(rest) != length - 1 or not all(isinstance(part, str) for part in rest):
        raise ValueError(length)
    moment = datetime.fromisoformat(at)
    if moment.tzinfo is None:
        raise ValueError(at)
    return (moment.astimezone(UTC), *map(printable, rest))
