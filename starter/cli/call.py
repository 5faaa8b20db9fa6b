"""One call of the command line: what may be said beside any command, and how it ends."""

from typing import Annotated, NamedTuple

import typer

DONE = 0
REFUSED = 1
USAGE = 2
UNAVAILABLE = 3
CRASHED = 70
INTERRUPTED = 130

AsOption = Annotated[
    str | None,
    typer.Option(
        "--as",
        metavar="NAME",
        help="Who acts, or reads and sees no more than that: a name of keys.json such as clerk@jinhaihu (WHISTLE_AS).",
    ),
]
JsonOption = Annotated[bool, typer.Option("--json", help="JSON, as also when stdout is no terminal.")]


class Call(NamedTuple):
    """What was said beside the command itself, before or after its name."""

    acting_as: str | None = None
    as_json: bool = False

    @classmethod
    def of(cls, context: typer.Context, acting_as: str | None = None, *, as_json: bool = False) -> "Call":
        """Join what was said after the command's name with what was said before it."""
        before = context.obj if isinstance(context.obj, Call) else cls()
        return cls(acting_as or before.acting_as, as_json or before.as_json)
