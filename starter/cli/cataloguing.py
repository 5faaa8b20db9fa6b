"""`whistle catalogue import`: a CSV file put in force as a whole."""

import asyncio
from datetime import timedelta
from pathlib import Path
from typing import Annotated, get_args

import typer
from rich.text import Text

from domain.catalogue_files import CatalogueInvalidError
from domain.errors import FieldError, InvalidError
from settings import Settings, load_settings
from starter.availability import within_reach
from starter.cli.operating import with_database
from starter.cli.output import show
from starter.cli.session import AsOption, Call, JsonOption
from storage.catalogues import CatalogueName, ImportReport, import_catalogue
from storage.pool import open_pool

app = typer.Typer(help="The catalogues in force. 目录", no_args_is_help=True, rich_markup_mode=None)

_PATIENCE = timedelta(minutes=10)


@app.callback()
def catalogue() -> None:
    """目录: the catalogues in force."""


@app.command("import")
def import_file(
    context: typer.Context,
    file: Annotated[Path, typer.Argument(exists=True, dir_okay=False, help="A CSV file.")],
    *,
    name: Annotated[
        CatalogueName | None, typer.Option(help="Which catalogue it is (default: the file's name says).")
    ] = None,
    as_json: JsonOption = False,
    acting_as: AsOption = None,
) -> None:
    """导入目录: put a CSV catalogue in force as a whole: organisations, limits, calendar, contacts or roster."""
    call = Call.of(context, acting_as, as_json=as_json)
    settings = with_database(load_settings())
    report = asyncio.run(_import(settings, file.name, _text_of(file), name or _named_by(file)))
    counted = ", ".join(f"{what} {count}" for what, count in report.counts.items())
    verb = "in force" if report.changed else "was in force already"
    show(report, lambda: Text(f"✓ {report.name} version {report.version} {verb}: {counted}"), as_json=call.as_json)


def _text_of(file: Path) -> str:
    try:
        return file.read_text("utf-8-sig")
    except UnicodeDecodeError as error:
        problem = f"is not UTF-8 ({error.reason} at byte {error.start}); in Excel: 另存为 CSV UTF-8"
        raise InvalidError.of(file.name, problem) from None


async def _import(settings: Settings, source: str, text: str, name: CatalogueName) -> ImportReport:
    try:
        async with within_reach(_PATIENCE), await open_pool(settings.database_dsn or "", size=2) as pool:
            return await import_catalogue(pool, name, text, source)
    except CatalogueInvalidError as error:
        faults = [FieldError(field=f"line {f.line}, {f.column}", message=f.problem) for f in error.errors]
        raise InvalidError(faults) from None


def _named_by(file: Path) -> CatalogueName:
    names: tuple[CatalogueName, ...] = get_args(CatalogueName)
    for name in names:
        if name in file.stem.lower():
            return name
    message = f"{file.name} does not say which catalogue it is: --name {' | '.join(names)}"
    raise typer.BadParameter(message)
