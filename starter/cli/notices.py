"""`whistle notices`: what was told to whom, who is on duty, how the channels do, and how a notice reads."""

import asyncio
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.table import Table
from rich.text import Text
from typer.core import TyperGroup

import catalogues
from activities.channels.opening import LOG
from activities.templates import FILE
from domain.duty import Contact, DutyLevel
from domain.errors import FieldError, InvalidError, NotFoundError, TemporarilyUnavailableError
from domain.notice_templates import FIELDS, NAMES, Templates, TemplatesInvalidError, parse_templates
from domain.summaries import local_time
from domain.working_time import BEIJING
from settings import Settings, load_settings
from starter.availability import within_reach
from starter.bearers import audiences_of, seen
from starter.cli.output import show
from starter.cli.reading import WhistleIdArgument
from starter.cli.session import AsOption, Call, JsonOption, Session, run
from storage.catalogues import rules
from storage.duty import duty
from storage.notice_deliveries import DeliveryState
from storage.notice_trail import DeliveryEntry, NoticeEntry, NoticeFigures, notice_figures, whole_notice_trail
from storage.pool import open_pool

_STYLES = {
    DeliveryState.DELIVERED: ("已送达", "green"),
    DeliveryState.PENDING: ("待送达", "yellow"),
    DeliveryState.DROPPED: ("已失效未发", "dim"),
    DeliveryState.FAILED: ("失败", "bold red"),
}
_SHOWN_OF_AN_ADDRESS = 4


class _Group(TyperGroup):
    """`whistle notices ID` shows a whistle's notices: an id has a colon, and no command has."""

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:  # noqa: ANN401 - typer keeps its click to itself
        """Read an id as `show ID`."""
        return super().resolve_command(ctx, ["show", *args] if ":" in args[0] else args)


app = typer.Typer(
    help="Notices of a whistle (ID), or: duty, preview, try, retry, report. 通知",
    cls=_Group,
    no_args_is_help=True,
    rich_markup_mode=None,
)


@app.command("show")
def show_notices(
    context: typer.Context, whistle_id: WhistleIdArgument, *, as_json: JsonOption = False, acting_as: AsOption = None
) -> None:
    """通知留痕: show every notice of a whistle and how each delivery of it fared (whistle notices ID)."""
    call = Call.of(context, acting_as, as_json=as_json)

    async def read(session: Session) -> None:
        async with within_reach():
            found = await _whole(session, whistle_id)
        if not found:
            await session.client.view(whistle_id)
        data = {"items": [entry.model_dump(mode="json") for entry in found], "next_cursor": None}
        show(data, lambda: [line for entry in found for line in _lines(entry)], as_json=call.as_json)

    run(call, read)


@app.command("preview")
def preview(
    context: typer.Context,
    template: Annotated[str | None, typer.Argument(help="One template (default: all).")] = None,
    *,
    file: Annotated[
        Path | None, typer.Option(exists=True, dir_okay=False, help="A file to try (default: the one in force).")
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """预览模板: check the templates and show how they read, with sample fields."""
    call = Call.of(context, as_json=as_json)
    templates = templates_of(load_settings(), file)
    if template is not None and template not in NAMES:
        raise NotFoundError(f"there is no template {template}; there are {', '.join(NAMES)}")
    names = [template] if template else list(NAMES)
    found = {name: templates.render(name, FIELDS) for name in names}
    data = {"fields": FIELDS, "items": [{"name": name, **one.model_dump()} for name, one in found.items()]}
    show(data, lambda: [_previewed(name, one.text, one.short) for name, one in found.items()], as_json=call.as_json)


@app.command("report")
def report(
    context: typer.Context,
    *,
    days: Annotated[float, typer.Option(min=0.01, max=3660, help="Of how many days, up to now.")] = 30,
    as_json: JsonOption = False,
) -> None:
    """通知报告: how soon after a whistle somebody was told (p50, p99), and what failed in each channel."""
    call = Call.of(context, as_json=as_json)
    now = datetime.now(UTC)

    async def read(session: Session) -> None:
        async with within_reach():
            found = await notice_figures(session.client.pool, now - timedelta(days=days), now + timedelta(seconds=1))
        show(found, lambda: _figures(found), as_json=call.as_json)

    run(call, read)


@app.command("duty")
def on_duty(
    context: typer.Context,
    organisation: Annotated[str, typer.Argument(help="An organisation's code.")],
    *,
    at: Annotated[datetime | None, typer.Option(help="When, in Beijing (default: now).")] = None,
    as_json: JsonOption = False,
) -> None:
    """值班: show who of an organisation is told now, level by level, and by which channels."""
    call = Call.of(context, as_json=as_json)
    asyncio.run(_on_duty(organisation, at, call))


async def _on_duty(organisation: str, at: datetime | None, call: Call) -> None:
    settings = load_settings()
    if settings.database_dsn is None:
        raise TemporarilyUnavailableError(f"no stack runs on {settings.data_dir}: set WHISTLE_DATABASE_DSN")
    async with within_reach(), await open_pool(settings.database_dsn, size=1) as pool:
        roster, calendar = await duty(pool), (await rules(pool, settings.limits)).calendar
    moment = at.replace(tzinfo=BEIJING) if at else datetime.now(UTC)
    found = [
        (level, one.person or "", [_hidden(contact) for contact in roster.contacts_of(one)])
        for level in DutyLevel
        for one in roster.on_duty(organisation, [level], moment, calendar)
        if one.level is level
    ]
    items = [{"level": level, "person": person, "channels": channels} for level, person, channels in found]
    show({"organisation": organisation, "items": items}, lambda: _duty_table(found), as_json=call.as_json)


async def _whole(session: Session, whistle_id: str) -> list[NoticeEntry]:
    pool, said = session.client.pool, session.said
    to = audiences_of(said, await seen(pool, said, whistle_id)) if said else None
    return await whole_notice_trail(pool, whistle_id, to)


def templates_of(settings: Settings, file: Path | None = None) -> Templates:
    """Read a file of templates, by default what is in force; raises InvalidError, which names every fault."""
    own = settings.data_dir / FILE
    chosen = file or (own if own.exists() else None)
    name = chosen.name if chosen else FILE
    try:
        return parse_templates(chosen.read_text("utf-8-sig") if chosen else catalogues.read(FILE))
    except TemplatesInvalidError as error:
        raise InvalidError([FieldError(field=name, message=problem) for problem in error.problems]) from None
    except (OSError, UnicodeDecodeError) as error:
        raise InvalidError.of(name, str(error)) from None


def _lines(entry: NoticeEntry) -> list[Text]:
    head = Text.assemble(
        (f"{local_time(entry.created_at)}  ", "dim"), ("急 " if entry.urgent else "", "bold red"), entry.text
    )
    head.append(f"  → {entry.audience}", style="cyan")
    if entry.climbs_at:
        head.append(f"  未应答将于 {local_time(entry.climbs_at)} 升级", style="yellow")
    return [head, *(_delivery(one) for one in entry.deliveries)]


def _delivery(one: DeliveryEntry) -> Text:
    # Nobody reads it there.
    is_line = one.channel == LOG and one.state is DeliveryState.DELIVERED
    word, style = ("仅记日志 heard by nobody", "dim") if is_line else _STYLES[one.state]
    line = Text.assemble(
        f"    {one.recipient} {one.channel} ", (word, style), f" {local_time(one.settled_at)}" if one.settled_at else ""
    )
    if one.attempts > 1:
        line.append(f"  第 {one.attempts} 次", style="dim")
    if one.in_doubt:
        line.append("  可能重复 in doubt", style="yellow")
    if one.last_error:
        line.append(f"  {one.last_error}", style="red")
    return line


def _previewed(name: str, text: str, short: str) -> Text:
    return Text.assemble((f"[{name}]\n", "bold cyan"), f"{text}\n", (f"短信 {short}\n" if short != text else "", "dim"))


def _figures(found: NoticeFigures) -> Table:
    first = f"首个通知 p50 {_seconds(found.p50_s)} p99 {_seconds(found.p99_s)}"
    title = f"吹哨 {found.blown} 件,已通知到人 {found.heard} 件,{first}"
    table = Table(title=title, title_justify="left", header_style="dim")
    for column in ("渠道 channel", "送达", "待发", "失效", "失败", "存疑", "失败次数", "p50", "p99"):
        table.add_column(column)
    for one in found.channels:
        counts = (one.delivered, one.pending, one.dropped, one.failed, one.in_doubt, one.failed_attempts)
        table.add_row(one.channel, *map(str, counts), _seconds(one.p50_s), _seconds(one.p99_s))
    return table


def _duty_table(found: list[tuple[DutyLevel, str, list[str]]]) -> Table:
    table = Table(box=None, header_style="dim", pad_edge=False)
    for column in ("层级 level", "人员 person", "渠道 channels"):
        table.add_column(column)
    for level, person, channels in found:
        table.add_row(level.label, person, ", ".join(channels) or "—")
    return table


def _seconds(value: float | None) -> str:
    return "—" if value is None else f"{value:.2f} s"


def _hidden(contact: Contact) -> str:
    return f"{contact.channel} …{contact.address[-_SHOWN_OF_AN_ADDRESS:]}"
