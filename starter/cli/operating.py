"""Running the system: up, worker, migrate, catalogue import, doctor, replay."""

import asyncio
import os
import sys
from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path
from typing import Annotated, NoReturn, get_args

import typer
from rich.table import Table
from rich.text import Text

from domain.catalogue_files import CatalogueInvalidError
from domain.errors import FieldError, InvalidError, TemporarilyUnavailableError
from settings import Settings, load_settings, read_settings
from starter.availability import within_reach
from starter.cli.output import DONE, REFUSED, say, show
from starter.cli.session import AsOption, Call, JsonOption
from starter.connecting import connect
from starter.doctor import examine
from starter.embedded import StackRecord, run_stack
from starter.encryption.conversion import data_converter
from starter.findings import Finding, Health
from starter.preparation import CODEC_SERVER, GATEWAY, WORKER, Preparation, furnish, migrate_schema
from starter.replay import Replayed, replay_file
from starter.visibility import AttributesRefusedError, register
from storage.catalogues import CatalogueName, ImportReport, import_catalogue
from storage.pool import open_pool

_MIGRATION_PATIENCE = timedelta(minutes=10)
_MARKS = {Health.WELL: ("✓", "green"), Health.WARNING: ("!", "yellow"), Health.BROKEN: ("✗", "bold red")}


def up() -> None:
    """Run the embedded stack in the foreground: PostgreSQL, Temporal and its UI, worker, gateway. Ctrl-C stops it."""
    settings = read_settings()
    preparation = Preparation(settings)

    async def prepare(record: StackRecord) -> None:
        await preparation.prepare(record)
        for line in addresses(record, settings):
            say(line)

    running = run_stack(
        settings,
        worker_command=WORKER,
        gateway_command=GATEWAY,
        codec_command=CODEC_SERVER,
        migrate=preparation.migrate,
        prepare=prepare,
        say=say,
    )
    asyncio.run(running)


def worker() -> NoReturn:
    """Run a worker on the task queue whistle until SIGTERM."""
    _become(WORKER)


def gateway() -> NoReturn:
    """Run a gateway on WHISTLE_HTTP_HOST and WHISTLE_HTTP_PORT (127.0.0.1, 8080) until SIGTERM."""
    _become(GATEWAY)


def codec_server() -> NoReturn:
    """Run a codec server on WHISTLE_HTTP_HOST and WHISTLE_CODEC_PORT (127.0.0.1, 8081) until SIGTERM."""
    _become(CODEC_SERVER)


def migrate() -> None:
    """Bring the database to this release: schema, shipped catalogues, missing keys, search attributes."""
    settings = _with_database(load_settings())
    asyncio.run(_migrate(settings))


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
    settings = _with_database(load_settings())
    report = asyncio.run(_import(settings, file.name, _text_of(file), name or _named_by(file)))
    counted = ", ".join(f"{what} {count}" for what, count in report.counts.items())
    verb = "in force" if report.changed else "was in force already"
    show(report, lambda: Text(f"✓ {report.name} version {report.version} {verb}: {counted}"), as_json=call.as_json)


def doctor(context: typer.Context, *, as_json: JsonOption = False) -> None:
    """体检: look at every part and say what to do; exit code 1 when something is broken."""
    call = Call.of(context, as_json=as_json)
    findings = asyncio.run(examine(load_settings()))
    broken = any(finding.health is Health.BROKEN for finding in findings)
    data = {"healthy": not broken, "items": [finding.model_dump(mode="json") for finding in findings]}
    show(data, lambda: _findings_table(findings), as_json=call.as_json)
    raise typer.Exit(REFUSED if broken else DONE)


def replay(
    context: typer.Context,
    history: Annotated[list[Path], typer.Argument(exists=True, dir_okay=False, metavar="FILE…")],
    *,
    as_json: JsonOption = False,
) -> None:
    """Replay exported histories (JSON) through this release's workflows; exit code 1 when one does not replay."""
    call = Call.of(context, as_json=as_json)
    found = asyncio.run(_replay(history))
    data = {"items": [one.model_dump(mode="json") for one in found]}
    show(data, lambda: _replayed_table(found), as_json=call.as_json)
    raise typer.Exit(DONE if all(one.replays for one in found) else REFUSED)


def addresses(record: StackRecord, settings: Settings) -> list[str]:
    """Tell where the parts of a stack are and how to use them."""
    folder = settings.data_dir.resolve()
    found = {
        "Temporal gRPC": record.temporal_address,
        "Temporal UI": record.temporal_ui_url,
        "gateway": record.gateway_url,
        "codec server": record.codec_url and f"{record.codec_url}/login",
        "worker": record.worker_url and f"{record.worker_url}/metrics",
        "database DSN": f"{folder / 'stack.json'} (database_dsn)",
        "keys": str(folder / "keys.json"),
        "logs": str(record.log_folder),
        "try": f"WHISTLE_DATA_DIR={folder} whistle list",
    }
    return [f"  {what:<14} {where}" for what, where in found.items() if where]


def _become(command: Sequence[str]) -> NoReturn:
    sys.stdout.flush()
    sys.stderr.flush()
    os.execv(command[0], list(command))  # noqa: S606 - it takes this process's place, and its signals


def _with_database(settings: Settings) -> Settings:
    if settings.database_dsn is None:
        message = f"no stack runs on {settings.data_dir}: start one (whistle up), or set WHISTLE_DATABASE_DSN"
        raise TemporarilyUnavailableError(message)
    return settings


async def _migrate(settings: Settings) -> None:
    application = settings.database_dsn or ""
    owner = settings.database_owner_dsn or application
    async with within_reach(_MIGRATION_PATIENCE):
        say("schema …")
        await migrate_schema(owner, application)
        say("catalogues and keys …")
        path = await furnish(owner, application, settings)
    if settings.temporal_address is not None:
        say("search attributes …")
        await _register_search_attributes(settings)
    say(f"ready; the keys are in {path}")


async def _register_search_attributes(settings: Settings) -> None:
    try:
        async with within_reach():
            await register(await connect(settings, lazy=True))
    except (AttributesRefusedError, TemporarilyUnavailableError) as error:
        say(f"! {error}; a worker that starts tries again")


def _text_of(file: Path) -> str:
    try:
        return file.read_text("utf-8-sig")
    except UnicodeDecodeError as error:
        problem = f"is not UTF-8 ({error.reason} at byte {error.start}); in Excel: 另存为 CSV UTF-8"
        raise InvalidError.of(file.name, problem) from None


async def _import(settings: Settings, source: str, text: str, name: CatalogueName) -> ImportReport:
    try:
        async with within_reach(_MIGRATION_PATIENCE), await open_pool(settings.database_dsn or "", size=2) as pool:
            return await import_catalogue(pool, name, text, source)
    except CatalogueInvalidError as error:
        faults = [FieldError(field=f"line {f.line}, {f.column}", message=f.problem) for f in error.errors]
        raise InvalidError(faults) from None


async def _replay(files: list[Path]) -> list[Replayed]:
    converter = data_converter(load_settings())
    return [await replay_file(file, converter) for file in files]


def _named_by(file: Path) -> CatalogueName:
    names: tuple[CatalogueName, ...] = get_args(CatalogueName)
    for name in names:
        if name in file.stem.lower():
            return name
    message = f"{file.name} does not say which catalogue it is: --name {' | '.join(names)}"
    raise typer.BadParameter(message)


def _findings_table(findings: list[Finding]) -> Table:
    table = Table(box=None, show_header=False, pad_edge=False)
    for finding in findings:
        mark, style = _MARKS[finding.health]
        detail = Text(finding.detail)
        if finding.advice:
            detail.append(f"\n→ {finding.advice}", style="yellow")
        table.add_row(Text(mark, style=style), finding.part, detail)
    return table


def _replayed_table(found: list[Replayed]) -> Table:
    table = Table(box=None, show_header=False, pad_edge=False)
    for one in found:
        mark, style = _MARKS[Health.WELL if one.replays else Health.BROKEN]
        table.add_row(Text(mark, style=style), one.file, one.error or f"{one.events} events")
    return table
