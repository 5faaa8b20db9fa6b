"""The command line, put together: `whistle …`."""

import os
import sys
import traceback
from collections.abc import Sequence
from typing import NoReturn

import typer

from domain.commands import COMMANDS
from domain.errors import WhistleError
from domain.lifecycle import MOVES
from settings import SettingsInvalidError
from starter.cli import (
    acting,
    history,
    hooks,
    keys,
    notice_mending,
    notices,
    operating,
    payload_keys,
    reading,
    rebuilding,
    reporting,
    schedules,
    supervisions,
    verifying,
    views,
)
from starter.cli.output import CRASHED, DONE, INTERRUPTED, REFUSED, USAGE, complain, say
from starter.cli.session import AsOption, Call, JsonOption
from starter.embedded import EmbeddedStackError
from storage.migrate import MigrationFailedError

_IN_ORDER = dict.fromkeys(move.command for move in MOVES)
_COMMAND_LIST = "\n".join(["\b", *(f"{name:<20} {COMMANDS[name].label}" for name in _IN_ORDER)])

app = typer.Typer(
    name="whistle",
    help="街乡吹哨、部门报到: whistles from register to feedback.",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
)
catalogue = typer.Typer(help="The catalogues in force. 目录", no_args_is_help=True, rich_markup_mode=None)


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
        app(list(words))
    except SystemExit as end:
        return end.code if isinstance(end.code, int) else DONE if end.code is None else USAGE
    except WhistleError as error:
        return complain(error, as_json="--json" in words)
    except (EmbeddedStackError, MigrationFailedError) as error:
        say(f"✗ {error}")
        return REFUSED
    except SettingsInvalidError as error:
        say(f"✗ {error}")
        return USAGE
    except KeyboardInterrupt:
        return INTERRUPTED
    except BrokenPipeError:
        return DONE
    except Exception:  # noqa: BLE001 - the last line of defence: the code must still tell a crash from a refusal
        traceback.print_exc()
        return CRASHED
    return DONE


app.command("up")(operating.up)
app.command("worker")(operating.worker)
app.command("gateway")(operating.gateway)
app.command("codec-server")(operating.codec_server)
app.command("migrate")(operating.migrate)
app.add_typer(catalogue, name="catalogue")
app.add_typer(keys.app, name="keys")
app.add_typer(hooks.app, name="hooks")
app.add_typer(payload_keys.app, name="payload-keys")
app.add_typer(schedules.app, name="schedules")
app.add_typer(reporting.app, name="report")
app.add_typer(notices.app, name="notices")
notices.app.command("try")(notice_mending.trial)
notices.app.command("retry")(notice_mending.retry)
catalogue.command("import")(operating.import_file)
app.command("register", context_settings=acting.FIELDS)(acting.register)
app.command("list")(reading.list_whistles)
app.command("tasks")(reading.list_tasks)
app.command("show")(reading.show_whistle)
app.command("do", context_settings=acting.FIELDS, epilog=_COMMAND_LIST)(acting.do)
app.command("history")(history.show_history)
app.command("supervisions")(supervisions.supervisions)
app.command("rebuild")(rebuilding.rebuild)
app.command("verify")(verifying.verify)
app.command("views")(views.views)
app.command("doctor")(operating.doctor)
app.command("replay")(operating.replay)
