"""`whistle rebuild`: workflows made anew from the ledger."""

import asyncio
from collections import Counter
from typing import Annotated, Any

import typer
from rich.table import Table
from rich.text import Text

from domain.summaries import local_time
from starter.cli.output import DONE, REFUSED, say, show
from starter.cli.session import Call, JsonOption, Session, run
from starter.opening import Opening
from starter.rebuilding import How, Outcome, Rebuilding, Rebuilt

REPLACED = "replaced"
"""The folder in the data folder that keeps the histories of workflows that were replaced."""
LISTED = 1_000
_LEFT = (Outcome.DIFFERS, Outcome.UNKNOWN)


def rebuild(
    context: typer.Context,
    whistle_ids: Annotated[list[str] | None, typer.Argument(metavar="[ID…]", help="Whistles to rebuild.")] = None,
    *,
    every: Annotated[bool, typer.Option("--all", help="Every whistle whose life has not ended.")] = False,
    replace: Annotated[
        bool, typer.Option("--replace", help="End a workflow that runs: each one named; with --all those that differ.")
    ] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say what would be done.")] = False,
    as_json: JsonOption = False,
) -> None:
    """重建流程: start what has no workflow, from the ledger; exit code 1 when something differs and was left alone."""
    call = Call.of(context, as_json=as_json)
    if bool(whistle_ids) == every:
        message = "say which: IDs, or --all"
        raise typer.BadParameter(message)

    async def act(session: Session) -> tuple[Counter[Outcome], list[Rebuilt]]:
        keep = await asyncio.to_thread((session.settings.data_dir / REPLACED).absolute)
        how = How(keep=keep, replace=replace, dry_run=dry_run)
        work = Rebuilding(_opening(session), how)
        counts, told = Counter[Outcome](), list[Rebuilt]()
        async for one in work.every(_progress) if every else work.each(whistle_ids or ()):
            counts[one.outcome] += 1
            if (not every or one.outcome is not Outcome.RUNS) and len(told) < LISTED:
                told.append(one)
        return counts, told

    counts, told = run(call, act)
    show(_data(counts, told), lambda: _picture(counts, told), as_json=call.as_json)
    raise typer.Exit(REFUSED if not dry_run and any(counts[outcome] for outcome in _LEFT) else DONE)


def _opening(session: Session) -> Opening:
    client, settings = session.client, session.settings
    return Opening(client.pool, client.temporal, settings.limits, settings.task_queue)


def _data(counts: Counter[Outcome], told: list[Rebuilt]) -> dict[str, Any]:
    by_outcome = {outcome.value: count for outcome, count in counts.items()}
    return {"counts": by_outcome, "items": [one.model_dump(mode="json") for one in told]}


def _picture(counts: Counter[Outcome], told: list[Rebuilt]) -> Table:
    table = Table(box=None, show_header=False, pad_edge=False)
    for one in told:
        style = "yellow" if one.outcome in _LEFT else "green"
        table.add_row(one.whistle_id, Text(f"{one.outcome.label} {one.outcome}", style=style), one.detail or "")
        for lost in one.unrecorded:
            said = f"台账未记 not in the ledger: {lost.label} {lost.command}, {lost.subject}, {local_time(lost.at)}"
            table.add_row("", "", Text(said, style="red"))
        if one.kept:
            table.add_row("", "", Text(f"原流程历史 kept: {one.kept}", style="dim"))
    table.add_row("", "", ", ".join(f"{outcome.label} {count}" for outcome, count in counts.items()) or "无 nothing")
    return table


def _progress(done: int) -> None:
    say(f"… {done} whistles")
