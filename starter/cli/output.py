"""What the command line writes: JSON or a picture on stdout, errors on stderr, and its exit codes."""

import json
import sys
from collections.abc import Callable, Mapping
from typing import Any

from pydantic import BaseModel
from rich.console import Console, RenderableType
from rich.text import Text

from domain.errors import InvalidError, TemporarilyUnavailableError, WhistleError
from starter.cli.call import CRASHED, DONE, INTERRUPTED, REFUSED, UNAVAILABLE, USAGE

__all__ = [
    "CRASHED",
    "DONE",
    "INTERRUPTED",
    "REFUSED",
    "UNAVAILABLE",
    "USAGE",
    "complain",
    "draw",
    "problem",
    "say",
    "show",
]

URN = "urn:whistle:problem:"


def show(
    found: BaseModel | Mapping[str, Any], picture: Callable[[], RenderableType | list[Text]], *, as_json: bool
) -> None:
    """Write what was found: JSON where it was asked for or nobody looks, else its picture."""
    if as_json or not sys.stdout.isatty():
        data = found.model_dump(mode="json") if isinstance(found, BaseModel) else found
        sys.stdout.write(json.dumps(data, ensure_ascii=False, indent=2 if sys.stdout.isatty() else None) + "\n")
    else:
        draw(Console(highlight=False), picture())


def draw(console: Console, picture: RenderableType | list[Text]) -> None:
    """Draw a picture, or lines that the terminal itself may wrap."""
    if isinstance(picture, list):
        for line in picture:
            console.print(line, soft_wrap=True)
    else:
        console.print(picture)


def say(line: str) -> None:
    """Tell a person how far something is; never on stdout, which belongs to results."""
    sys.stderr.write(f"{line}\n")
    sys.stderr.flush()


def complain(error: WhistleError, *, as_json: bool) -> int:
    """Write a named error, and give the exit code for it."""
    if as_json or not sys.stderr.isatty():
        sys.stderr.write(json.dumps(problem(error), ensure_ascii=False) + "\n")
    else:
        Console(stderr=True, highlight=False).print(_for_a_person(error))
    return UNAVAILABLE if isinstance(error, TemporarilyUnavailableError) else REFUSED


def problem(error: WhistleError) -> dict[str, Any]:
    """Write an error as RFC 9457 problem details."""
    found = {"type": URN + error.problem, "title": error.title, "status": error.status, "detail": error.detail}
    return found | ({"errors": error.errors} if isinstance(error, InvalidError) else {})


def _for_a_person(error: WhistleError) -> Text:
    line = Text.assemble(("✗ ", "bold red"), (error.title, "bold"), (f" ({error.problem}) ", "dim"))
    if not isinstance(error, InvalidError):
        return line.append(error.detail)
    for found in error.errors:
        line.append(f"\n  {found['field'] or '—'}: ", style="yellow").append(found["message"])
    return line
