"""The seal of the audit trail (存证): each row's hash covers what the row says and the hash of the row before.

The standard library alone, since an exported history carries this very file to whoever checks it. The specification,
with a worked example, is docs/reference/audit-trail.md.
"""

import hashlib
import json
from collections.abc import Mapping
from datetime import UTC, datetime
from decimal import Decimal
from json.encoder import encode_basestring
from typing import Any

FORM = "whistle-trail/1"
"""Names what is hashed; another content or another hash would be another form."""
NOTHING_BEFORE = ""
"""What stands for the hash before the first row."""

_LEAST_PLAIN, _LEAST_EXPONENT = Decimal("1e-6"), Decimal("1e21")


def seal(row: Mapping[str, Any], previous: str) -> str:
    """Hash one row of the trail: its fields as JSON values, `at` as `moment` writes it. Hexadecimal SHA-256."""
    return _digest({**row, "form": FORM, "previous": previous})


def commitment(salt: str, fields: object) -> str:
    """Hash private fields so that the trail can vouch for them, and without the salt nobody can guess them."""
    return _digest({"fields": fields, "salt": salt})


def moment(at: datetime) -> str:
    """Write a time as the seal has it: UTC, to the microsecond."""
    return f"{at.astimezone(UTC):%Y-%m-%dT%H:%M:%S.%fZ}"


def canonical(value: object) -> str:
    """Write a JSON value in its one canonical form, RFC 8785 (JCS)."""
    if isinstance(value, str):
        return encode_basestring(value)
    if isinstance(value, Mapping):
        return (
            "{" + ",".join([f"{encode_basestring(k)}:{canonical(value[k])}" for k in sorted(value, key=_utf_16)]) + "}"
        )
    if isinstance(value, list | tuple):
        return "[" + ",".join(map(canonical, value)) + "]"
    return _number(value) if isinstance(value, float) else json.dumps(value)


def _digest(value: object) -> str:
    return hashlib.sha256(canonical(value).encode()).hexdigest()


def _utf_16(key: str) -> bytes:
    return key.encode("utf-16-be")


def _number(value: float) -> str:
    number = Decimal(repr(value))
    if number == number.to_integral_value() and abs(number) < _LEAST_EXPONENT:
        return str(int(number))
    if _LEAST_PLAIN <= abs(number) < _LEAST_EXPONENT:
        return format(number, "f")
    digits, _, exponent = repr(value).partition("e")
    return f"{digits}e{int(exponent):+d}"
