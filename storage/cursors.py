"""Cursors of lists: where the next page begins, as text that clients hand back unread."""

import base64
import binascii
import json
from datetime import datetime

from domain.errors import InvalidError

Key = tuple[datetime, *tuple[str, ...]]


def write_cursor(key: Key) -> str:
    """Write the key of the last row shown."""
    at, *rest = key
    return base64.urlsafe_b64encode(json.dumps([at.isoformat(), *rest]).encode()).decode().rstrip("=")


def read_cursor(cursor: str, length: int) -> Key:
    """Read the key back; raises InvalidError for what is no cursor of this list."""
    try:
        at, *rest = json.loads(base64.b64decode(cursor + "=" * (-len(cursor) % 4), altchars=b"-_", validate=True))
        key = (datetime.fromisoformat(at), *rest)
    except (binascii.Error, ValueError, TypeError):
        key = ()
    if len(key) != length or not all(isinstance(part, str) and "\0" not in part for part in key[1:]):
        raise InvalidError.of("cursor", "it is not a cursor of this list")
    if key[0].tzinfo is None:
        raise InvalidError.of("cursor", "it is not a cursor of this list")
    return key
