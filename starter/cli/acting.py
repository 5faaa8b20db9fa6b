"""What changes something: register, and do with every command of the table of moves."""

import json
import sys
import uuid
from pathlib import Path
from typing import Annotated, Any

import typer
from pydantic import BaseModel, ValidationError
from rich.console import Console
from rich.table import Table
from rich.text import Text

from domain.commands import COMMANDS, Command
from domain.errors import InvalidError
from domain.ledger import Answer
from domain.lifecycle import MOVES
from domain.registration import Registration
from domain.values import Actor
from starter.bearers import actor_for
from starter.cli.fields import Shape, UnreadableFieldsError, read_fields, shapes_of
from starter.cli.output import show
from starter.cli.reading import WhistleIdArgument
from starter.cli.session import AsOption, Call, JsonOption, Session, run
from starter.client import Registered
from starter.rendering import whistle_panel

_FIELDS = {"allow_extra_args": True, "ignore_unknown_options": True}
_NAMES = dict.fromkeys(move.command for move in MOVES)
_LIST = "\n".join(["\b", *(f"{name:<20} {COMMANDS[name].label}" for name in _NAMES)])
SETTINGS = {"register": {"context_settings": _FIELDS}, "do": {"context_settings": _FIELDS, "epilog": _LIST}}
"""How typer is to take their words."""
STDIN = "-"

BodyOption = Annotated[str | None, typer.Option("--body", metavar="FILE|-", help="The fields as one JSON object.")]
KeyOption = Annotated[
    str | None,
    typer.Option(
        "--command-id",
        "--idempotency-key",
        metavar="KEY",
        help="The same key again has no second effect (default: a new one).",
    ),
]


def show_fields(name: str | None) -> None:
    """Write the fields of a command and end."""
    if name:
        Console(highlight=False).print(fields_table(name))
        raise typer.Exit


HelpCommandOption = Annotated[
    str | None,
    typer.Option(
        "--help-command", metavar="COMMAND", callback=show_fields, is_eager=True, help="The fields of a command."
    ),
]

HelpFieldsOption = Annotated[
    bool,
    typer.Option(
        "--help-fields",
        callback=lambda asked: show_fields("register" if asked else None),
        is_eager=True,
        help="The fields of a registration.",
    ),
]


def register(
    context: typer.Context,
    *,
    body: BodyOption = None,
    _help_fields: HelpFieldsOption = False,
    as_json: JsonOption = False,
    acting_as: AsOption = None,
) -> None:
    """登记哨源: register a matter that may become a whistle."""
    call = Call.of(context, acting_as, as_json=as_json)
    fields = _fields(context.args, body, Registration)

    async def act(session: Session) -> None:
        registered = await session.client.register(fields, session.bearer.actor)
        name = (await session.client.organisations()).name_of
        show(registered, lambda: _registered(registered, name), as_json=call.as_json)

    run(call, act)


def do(
    context: typer.Context,
    whistle_id: WhistleIdArgument,
    command: Annotated[str, typer.Argument(metavar="COMMAND", help="What to do, in snake_case or kebab-case.")],
    *,
    body: BodyOption = None,
    key: KeyOption = None,
    _help_command: HelpCommandOption = None,
    as_json: JsonOption = False,
    acting_as: AsOption = None,
) -> None:
    """办理: do a command on a whistle, such as whistle do ID arrive --responder water --officers 李明."""
    call = Call.of(context, acting_as, as_json=as_json)
    name = command.replace("-", "_")
    fields = _fields(context.args, body, COMMANDS.get(name))

    async def act(session: Session) -> None:
        actor = await _actor(session, whistle_id, name, fields)
        command_id = f"{actor.subject}:{key or uuid.uuid4()}"
        answer = await session.client.do(whistle_id, name, fields, actor, command_id)
        show(answer, lambda: _answered(COMMANDS[name], answer), as_json=call.as_json)

    run(call, act)


def fields_table(name: str) -> Table:
    """List the fields of a command, for its help."""
    model = Registration if name == "register" else COMMANDS.get(name.replace("-", "_"))
    if model is None:
        raise InvalidError.of("", f"there is no command {name}")
    table = Table(
        title=f"{name} {getattr(model, 'label', '登记')}: {model.__doc__}", title_justify="left", header_style="dim"
    )
    for column in ("field", "", "value"):
        table.add_column(column)
    for field, shape in shapes_of(model).items():
        needed = "needed" if model.model_fields[field].is_required() else ""
        table.add_row(f"--{field.replace('_', '-')}", needed, _value(shape))
    return table


async def _actor(session: Session, whistle_id: str, name: str, fields: dict[str, Any]) -> Actor:
    bearer, model = session.bearer, COMMANDS.get(name)
    if model is None or not bearer.other_roles:
        return bearer.actor
    try:
        command = model.model_validate(fields)
    except ValidationError as error:
        raise InvalidError.from_validation(error) from None
    return await actor_for(session.client.pool, bearer, whistle_id, command)


def _fields(words: list[str], body: str | None, model: type[BaseModel] | None) -> dict[str, Any]:
    if words and words[-1] == STDIN:
        words, body = words[:-1], STDIN
    try:
        given = read_fields(words, model)
    except UnreadableFieldsError as error:
        raise typer.BadParameter(str(error)) from None
    return {**(_body(body) if body else {}), **given}


def _body(source: str) -> dict[str, Any]:
    try:
        text = sys.stdin.read() if source == STDIN else Path(source).read_text("utf-8")
        found = json.loads(text)
    except OSError as error:
        message = f"--body {source}: {error.strerror}"
        raise typer.BadParameter(message) from None
    except ValueError as error:
        raise InvalidError.of("", f"the body is not JSON: {error}") from None
    if not isinstance(found, dict):
        raise InvalidError.of("", "the body must be one JSON object")
    return found


def _registered(registered: Registered, name: Any) -> Any:  # noqa: ANN401
    return whistle_panel(registered.view, name, registered.view.registered_at)


def _answered(command: type[Command], answer: Answer) -> Text:
    return Text.assemble(
        ("✓ ", "bold green"),
        (f"{command.label} {command.wire_name()}", "bold"),
        f" → {answer.state.label} {answer.state.value}",
        (f"  第 {answer.sequence} 条", "dim"),
    )


def _value(shape: Shape) -> str:
    if shape.choices:
        value = " / ".join(f"{choice.value} {choice.label}" for choice in shape.choices)
    elif shape.model:
        value = (
            "{" + ", ".join(f"{k}{'' if f.is_required() else '?'}" for k, f in shape.model.model_fields.items()) + "}"
        )
    else:
        value = {"bool": "true / false", "int": "number", "AwareDatetime": "time, Beijing's without a zone"}.get(
            getattr(shape.leaf, "__name__", ""), "text"
        )
    return f"{value}, …" if shape.is_list else value
