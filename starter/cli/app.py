"""The command line, put together: `whistle …`."""

import os
import sys
import traceback
from collections.abc import Sequence
from typing import NoReturn

import typer

from starter.cli.call import CRASHED, DONE, INTERRUPTED, REFUSED, USAGE, AsOption, Call, JsonOption
from starter.cli.contents import Contents

app = typer.Typer(
    name="whistle",
    cls=Contents,
    help="街乡吹哨、部门报到: whistles from register to feedback.",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
)


@app.callback()
def said_before(context: typer.Context, *, acting_as: AsOption = None, as_json: JsonOption = False) -> None:
    """街乡吹哨、部门报到: whistles from register to feedback."""
    context.obj = Call(acting_as, as_json)


def main() -> NoReturn:
    """Run the command line; ends the process itself, since temporalio may abort a later interpreter exit."""
    for stream in (sys.stdout, sys.stderr):
        stream.reconfigure(encoding="utf-8", errors="backslashreplace")  # type: ignore[union-attr]
    code = run(sys.argv[1:])
    try:
        sys.stdout.flush()
        sys.stderr.flush()
    finally:
        os._exit(code)


def run(words: Sequence[str]) -> int:
    """Run one command and give its exit code: 0 done, 1 refused, 2 wrong usage, 3 temporarily unavailable."""
    try:
        app(list(words), prog_name="whistle")
    except SystemExit as end:
        return end.code if isinstance(end.code, int) else DONE if end.code is None else USAGE
    except KeyboardInterrupt:
        return INTERRUPTED
    except BrokenPipeError:
        return DONE
    except Exception as error:  # noqa: BLE001 - the last line of defence: the code must still tell a crash from a refusal
        return _failed(error, words)
    return DONE


def _failed(error: Exception, words: Sequence[str]) -> int:
    # Imported once something failed: help needs none of it.
    from domain.errors import WhistleError  # noqa: PLC0415
    from settings import SettingsInvalidError  # noqa: PLC0415
    from starter.cli.output import complain, say  # noqa: PLC0415
    from starter.embedded import EmbeddedStackError  # noqa: PLC0415
    from storage.migrate import MigrationFailedError  # noqa: PLC0415

    match error:
        case WhistleError():
            return complain(error, as_json="--json" in words)
        case EmbeddedStackError() | MigrationFailedError():
            say(f"✗ {error}")
            return REFUSED
        case SettingsInvalidError():
            say(f"✗ {error}")
            return USAGE
        case _:
            traceback.print_exception(error)
            return CRASHED
