"""Markdown that says what it was meant to say, in the Temporal UI and in any other reader of it.

The UI draws tables without lines or padding, and passes HTML through: so cells end in a wide space, and whatever a
person wrote is escaped.
"""

import re
from collections.abc import Iterable, Sequence

WIDE_SPACE = "\u2003"
_JOINED = re.compile(r"-(?=-)|\.(?=\.)|\((?=c\)|r\)|tm\))", re.IGNORECASE)
"""Of which printers make dashes, ellipses and marks."""
_MEANINGFUL = str.maketrans({sign: f"\\{sign}" for sign in "\\`*_{}[]<>|~^$&:!#"})


def plain(text: str) -> str:
    """Write free text as itself, on one line; quotation marks and fractions alone may be drawn as a printer would."""
    line = " ".join("".join(sign if sign.isprintable() else " " for sign in text).split())
    return _JOINED.sub(r"\\\g<0>", line.translate(_MEANINGFUL))


def table(header: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Draw rows under a header; the cells are Markdown already."""
    rule = "| :--- " * len(header) + "|"
    return "\n".join((_row(header), rule, *map(_row, rows)))


def items(lines: Iterable[str]) -> str:
    """Draw a list."""
    return "\n".join(f"- {line}" for line in lines)


def _row(cells: Sequence[str]) -> str:
    return f"| {f'{WIDE_SPACE}| '.join(cells)} |"
