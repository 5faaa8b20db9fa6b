"""The schedules: `whistle schedules apply | list | pause | unpause | trigger | backfill`."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta
from typing import Annotated, TypeVar

import typer
from rich.table import Table
from rich.text import Text
from temporalio.client import Client

from domain.errors import InvalidError
from domain.summaries import local_time
from domain.working_time import BEIJING
from settings import load_settings
from starter import scheduling
from starter.availability import within_reach
from starter.cli.output import show
from starter.cli.session import Call, JsonOption
from starter.client import WhistleClient
from starter.schedules import Plan, schedules_on
from starter.scheduling import Applied, Shown

app = typer.Typer(help="Temporal Schedules. 定时任务", no_args_is_help=True, rich_markup_mode=None)

IdArgument = Annotated[str, typer.Argument(metavar="ID", help="compliance-sweep, daily-digest or monthly-scorecard.")]
_PATIENCE = timedelta(seconds=30)
_OUTCOMES = {"CREATED": "+ created 新建", "UPDATED": "~ updated 更新", "UNCHANGED": "= unchanged 一致"}

T = TypeVar("T")


@app.command("apply")
def apply(
    context: typer.Context,
    *,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only show the difference.")] = False,
    as_json: JsonOption = False,
) -> None:
    """应用: create what is missing, correct what differs, and show the difference; what is paused stays paused."""
    call = Call.of(context, as_json=as_json)
    done = _run(lambda client, plan: scheduling.apply(client, plan, dry_run=dry_run))
    data = {"dry_run": dry_run, "items": [one.model_dump(mode="json") for one in done]}
    show(data, lambda: [line for one in done for line in _applied(one)], as_json=call.as_json)


@app.command("list")
def list_all(context: typer.Context, *, as_json: JsonOption = False) -> None:
    """列表: show each schedule: when it runs next, how it fared, and how it differs from this release."""
    call = Call.of(context, as_json=as_json)
    found = _run(scheduling.show_all)
    data = {"items": [one.model_dump(mode="json") for one in found], "next_cursor": None}
    show(data, lambda: _table(found), as_json=call.as_json)


@app.command("pause")
def pause(
    context: typer.Context,
    schedule_id: IdArgument,
    *,
    note: Annotated[str, typer.Option(help="Who pauses it, and why.")],
    as_json: JsonOption = False,
) -> None:
    """暂停: stop a schedule until it is unpaused."""
    _change(context, schedule_id, lambda client: scheduling.pause(client, schedule_id, note), as_json=as_json)


@app.command("unpause")
def unpause(context: typer.Context, schedule_id: IdArgument, *, as_json: JsonOption = False) -> None:
    """恢复: let a paused schedule run again."""
    _change(context, schedule_id, lambda client: scheduling.unpause(client, schedule_id), as_json=as_json)


@app.command("trigger")
def trigger(context: typer.Context, schedule_id: IdArgument, *, as_json: JsonOption = False) -> None:
    """立即执行: run a schedule now."""
    _change(context, schedule_id, lambda client: scheduling.trigger(client, schedule_id), as_json=as_json)


@app.command("backfill")
def backfill(
    context: typer.Context,
    schedule_id: IdArgument,
    *,
    start: Annotated[datetime, typer.Option("--from", help="Beijing time, 2026-11-01 or 2026-11-01T08:00:00.")],
    end: Annotated[datetime, typer.Option("--to", help="Beijing time.")],
    as_json: JsonOption = False,
) -> None:
    """补跑: run what was due in a span of time, one after another."""
    first, last = start.replace(tzinfo=BEIJING), end.replace(tzinfo=BEIJING)
    if last <= first:
        raise InvalidError.of("to", "must be later than from")
    _change(context, schedule_id, lambda client: scheduling.backfill(client, schedule_id, first, last), as_json=as_json)


def _change(
    context: typer.Context, schedule_id: str, work: Callable[[Client], Awaitable[None]], *, as_json: bool
) -> None:
    call = Call.of(context, as_json=as_json)

    async def change(client: Client, plan: Plan) -> Shown:
        await work(client)
        return await scheduling.show_one(client, schedule_id, plan)

    shown = _run(change)
    show(shown, lambda: _table([shown]), as_json=call.as_json)


def _run(work: Callable[[Client, Plan], Awaitable[T]]) -> T:
    return asyncio.run(_with_temporal(work))


async def _with_temporal(work: Callable[[Client, Plan], Awaitable[T]]) -> T:
    settings = load_settings()
    async with WhistleClient.open(settings, size=1) as client, within_reach(_PATIENCE):
        return await work(client.temporal, schedules_on(settings.task_queue))


def _applied(one: Applied) -> list[Text]:
    head = Text(f"{_OUTCOMES[one.outcome]}  {one.id}", style="dim" if one.outcome == "UNCHANGED" else "green")
    return [head, *(Text(f"    {difference}", style="yellow") for difference in one.differences)]


def _table(found: list[Shown]) -> Table:
    table = Table(header_style="dim")
    for column in (
        "定时任务 schedule",
        "状态 state",
        "下次 next",
        "上次 last",
        "次数 runs",
        "错过 missed",
        "说明 note",
    ):
        table.add_column(column, overflow="fold")
    for one in found:
        counts = (str(one.runs), f"{one.missed} + {one.skipped}")
        table.add_row(one.id, _state(one), _at(one.next_at), _at(one.last_at), *counts, one.note)
    return table


def _state(one: Shown) -> Text:
    if not one.exists:
        return Text("未应用 not applied", style="bold red")
    if one.paused:
        return Text("已暂停 paused", style="yellow")
    if one.differences:
        return Text("与本版不同 differs", style="yellow")
    return Text("运行 runs", style="green")


def _at(at: datetime | None) -> str:
    return local_time(at) if at else "—"
