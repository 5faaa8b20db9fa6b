"""`whistle replay`: this release's workflows on histories of before, from files or from the server."""

import asyncio
from contextlib import aclosing
from datetime import timedelta
from pathlib import Path
from typing import Annotated

import typer
from rich.table import Table
from rich.text import Text

from domain.errors import InvalidError
from domain.values import Frozen
from settings import Settings, load_settings
from starter.availability import within_reach
from starter.cli.output import DONE, REFUSED, say, show
from starter.cli.session import Call, JsonOption, temporal_alone
from starter.encryption.conversion import data_converter
from starter.replay import FETCHED_AT_ONCE, OpenReplayed, Replayed, open_ones, replay_file, replay_open

TELLS_EVERY = 500
_PATIENCE = timedelta(hours=6)


class OpenReplay(Frozen):
    """What became of the open ones: how many replay, and each one that does not."""

    query: str
    replayed: int
    items: tuple[OpenReplayed, ...]


def replay(
    context: typer.Context,
    history: Annotated[
        list[Path] | None, typer.Argument(exists=True, dir_okay=False, metavar="FILE…", show_default=False)
    ] = None,
    *,
    live: Annotated[bool, typer.Option("--live", help="The open workflows of the server, in place of files.")] = False,
    query: Annotated[str | None, typer.Option(help="Which open ones, as a list filter of Temporal.")] = None,
    limit: Annotated[int | None, typer.Option(min=1, help="So many at most, the newest first.")] = None,
    at_once: Annotated[int, typer.Option(min=1, max=64, help="Histories fetched at once.")] = FETCHED_AT_ONCE,
    as_json: JsonOption = False,
) -> None:
    """Replay histories through this release's workflows; exit code 1 when one does not replay.

    Files as Temporal exports them, or with --live the open whistles: run it from a release before its worker starts.
    """
    call = Call.of(context, as_json=as_json)
    if live == bool(history):
        raise InvalidError.of("live", "give either files or --live")
    if history:
        files = asyncio.run(_files(history))
        show({"items": [one.model_dump(mode="json") for one in files]}, lambda: _table(files), as_json=call.as_json)
        raise typer.Exit(DONE if all(one.replays for one in files) else REFUSED)
    found = asyncio.run(replay_live(load_settings(), query, limit, at_once))
    show(found, lambda: _told(found), as_json=call.as_json)
    raise typer.Exit(REFUSED if found.items else DONE)


async def replay_live(
    settings: Settings, query: str | None = None, limit: int | None = None, at_once: int = FETCHED_AT_ONCE
) -> OpenReplay:
    """Replay what is open on the server, telling from time to time how far it is."""
    client = await temporal_alone(settings)
    asked = query or open_ones(settings.task_queue)
    replayed, failed = 0, list[OpenReplayed]()
    async with within_reach(_PATIENCE), aclosing(replay_open(client, asked, limit=limit, at_once=at_once)) as found:
        async for one in found:
            replayed += one.replays
            if not one.replays:
                failed.append(one)
            if (replayed + len(failed)) % TELLS_EVERY == 0:
                say(f"{replayed + len(failed)} …")
    return OpenReplay(query=asked, replayed=replayed, items=tuple(failed))


async def _files(files: list[Path]) -> list[Replayed]:
    converter = data_converter(load_settings())
    return [await replay_file(file, converter) for file in files]


def _table(found: list[Replayed]) -> Table:
    table = Table(box=None, show_header=False, pad_edge=False)
    for one in found:
        table.add_row(_mark(well=one.replays), one.file, one.error or f"{one.events} events")
    return table


def _told(found: OpenReplay) -> list[Text]:
    lines = [Text.assemble(_mark(well=False), f" {one.workflow_id} {one.error}") for one in found.items]
    return [*lines, Text.assemble(_mark(well=not found.items), f" {found.replayed} replay, {len(found.items)} do not")]


def _mark(*, well: bool) -> Text:
    return Text("✓", style="green") if well else Text("✗", style="bold red")
