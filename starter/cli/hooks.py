"""Signed intake: `whistle hooks secret | forget | check`."""

import asyncio
import json
import re
from collections.abc import Awaitable, Callable
from datetime import timedelta
from pathlib import Path
from typing import Annotated, Any, TypeVar

import typer
from rich.text import Text

import catalogues
from domain.catalogue_files import parse_organisations
from domain.errors import FieldError, InvalidError, TemporarilyUnavailableError
from domain.mapped import fits, registration_of
from domain.mappings import Mapping, MappingInvalidError
from domain.values import ID_PART_PATTERN
from settings import Settings, load_settings
from starter.availability import within_reach
from starter.cli.output import show
from starter.cli.session import Call, JsonOption
from starter.identity import rotate_hook
from starter.mappings import read_mapping
from storage.hooks import remove_secret
from storage.pool import Pool, open_pool

app = typer.Typer(help="Signed intake of other systems. 签名接入", no_args_is_help=True, rich_markup_mode=None)

SourceArgument = Annotated[str, typer.Argument(metavar="SOURCE", help="The source's name, such as 12345.")]

_PATIENCE = timedelta(seconds=30)

T = TypeVar("T")


@app.command("secret")
def secret(
    context: typer.Context,
    source: SourceArgument,
    *,
    grace: Annotated[float, typer.Option(min=0, max=30 * 24, help="Hours that the old secret stays good.")] = 24,
    as_json: JsonOption = False,
) -> None:
    """密钥: give a source a first or a new secret to sign with, and put it into keys.json as hook@SOURCE."""
    call, name = Call.of(context, as_json=as_json), _source(source)
    made = _run(lambda pool, settings: rotate_hook(pool, settings.data_dir, name, timedelta(hours=grace)))
    shown = Text.assemble(f"✓ hook@{name}: ", (made, "bold"))
    show({"source_system": name, "secret": made}, lambda: shown, as_json=call.as_json)


@app.command("forget")
def forget(context: typer.Context, source: SourceArgument, *, as_json: JsonOption = False) -> None:
    """停用: take nothing in from a source any more."""
    call, name = Call.of(context, as_json=as_json), _source(source)
    _run(lambda pool, _settings: remove_secret(pool, name))
    shown = Text(f"✓ nothing signed by {name} is taken in any more")
    show({"source_system": name, "forgotten": True}, lambda: shown, as_json=call.as_json)


@app.command("check")
def check(
    context: typer.Context,
    mapping: Annotated[Path, typer.Argument(exists=True, dir_okay=False, help="A mapping, .toml or .json.")],
    message: Annotated[
        Path | None, typer.Argument(exists=True, dir_okay=False, help="A message of the source, as JSON.")
    ] = None,
    *,
    as_json: JsonOption = False,
) -> None:
    """检查映射: check a mapping and show what it makes of a message, by the shipped catalogue; nothing is sent."""
    call = Call.of(context, as_json=as_json)
    read = _mapping(mapping)
    found: dict[str, Any] = {"mapping": read.name, "source_systems": list(read.source_systems)}
    if message:
        found["registration"] = _preview(read, message)
    shown = json.dumps(found, ensure_ascii=False, indent=2)
    show(found, lambda: [Text(f"✓ {read.name}"), Text(shown)], as_json=call.as_json)


def _mapping(file: Path) -> Mapping:
    try:
        return read_mapping(file)
    except MappingInvalidError as error:
        raise InvalidError([FieldError(field=file.name, message=problem) for problem in error.problems]) from None


def _preview(mapping: Mapping, message: Path) -> dict[str, Any]:
    try:
        document = json.loads(message.read_text("utf-8-sig"))
    except ValueError as error:
        raise InvalidError.of(message.name, f"it is no JSON: {error}") from None
    if not isinstance(document, dict) or not fits(mapping, document):
        raise InvalidError.of(message.name, "it is not a message that this mapping is for (see its `when`)")
    organisations = parse_organisations(catalogues.read("organisations.csv"))
    made = registration_of(mapping, document, mapping.source_systems[0], organisations)
    return made.model_dump(mode="json", exclude_none=True)


def _source(name: str) -> str:
    if not re.fullmatch(ID_PART_PATTERN, name):
        raise InvalidError.of("source", "a source's name has 1 to 64 of the characters A-Z a-z 0-9 . _ -")
    return name


def _run(work: Callable[[Pool, Settings], Awaitable[T]]) -> T:
    settings = load_settings()
    if settings.database_dsn is None:
        message = f"no stack runs on {settings.data_dir}: start one (whistle up), or set WHISTLE_DATABASE_DSN"
        raise TemporarilyUnavailableError(message)
    return asyncio.run(_with_pool(work, settings, settings.database_dsn))


async def _with_pool(work: Callable[[Pool, Settings], Awaitable[T]], settings: Settings, dsn: str) -> T:
    async with within_reach(_PATIENCE), await open_pool(dsn, size=2) as pool:
        return await work(pool, settings)
