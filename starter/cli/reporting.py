"""Reports: `whistle report …`."""

import sys
from collections.abc import Callable, Sequence
from datetime import UTC, date, datetime, timedelta
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Group

from domain.errors import InvalidError, RoleNotAllowedError
from domain.figures.periods import Period
from domain.figures.reports import TITLES, ReportName, scorecard_reports
from domain.figures.scorecard import FrozenScorecard
from domain.figures.tables import Report
from domain.vocabulary import Role, WhistleKind
from domain.working_time import BEIJING
from settings import running_stack
from starter.availability import within_reach
from starter.cli.output import REFUSED, say, show
from starter.cli.session import AsOption, Call, JsonOption, Session, run
from starter.reports.asking import Asked, ask, scorecard
from starter.reports.chart import svg_of
from starter.reports.freezing import freeze_now
from starter.reports.sheets import csv_of
from starter.reports.terminal import report_table, rules_table
from storage.scorecards import made_again
from storage.scoring import import_scoring, rules_on

app = typer.Typer(help="Figures from the audit trail. 统计报表", no_args_is_help=True, rich_markup_mode=None)

PATIENCE = timedelta(minutes=2)
FREEZING = frozenset({Role.ADMIN, Role.SUPERVISOR, Role.DISTRICT_PLATFORM})


class Format(StrEnum):
    """How a report is written."""

    TABLE = "table"
    JSON = "json"
    CSV = "csv"
    XLSX = "xlsx"
    SVG = "svg"


class Part(StrEnum):
    """The two tables of a scorecard."""

    RESPONDERS = "responders"
    TOWNSHIPS = "townships"


FromOption = Annotated[
    datetime | None, typer.Option("--from", formats=["%Y-%m-%d"], help="第一天 (default: the 1st of this month).")
]
ToOption = Annotated[datetime | None, typer.Option("--to", formats=["%Y-%m-%d"], help="最后一天, included.")]
TownshipOption = Annotated[str | None, typer.Option(help="Of one township's whistles, by its slug.")]
KindOption = Annotated[
    WhistleKind | None, typer.Option(case_sensitive=False, help="Of one kind of whistle: EMERGENCY, DAILY, …")
]
GridOption = Annotated[str | None, typer.Option(help="Of one grid's whistles, by its code.")]
FormatOption = Annotated[Format, typer.Option("--format", help="How it is written.")]
OutOption = Annotated[Path | None, typer.Option("--out", dir_okay=False, help="A file in place of stdout.")]


def _add(name: ReportName) -> None:
    def command(
        context: typer.Context,
        *,
        first: FromOption = None,
        last: ToOption = None,
        township: TownshipOption = None,
        kind: KindOption = None,
        grid: GridOption = None,
        organisation: Annotated[str | None, typer.Option(help="Only this organisation's lines.")] = None,
        rows: Annotated[bool, typer.Option("--rows", help="明细: the rows behind the figures.")] = False,
        written: FormatOption = Format.TABLE,
        out: OutOption = None,
        as_json: JsonOption = False,
    ) -> None:
        which = {"township": township, "kind": kind, "grid": grid, "organisation": organisation}
        asked = Asked.model_validate({"name": name, "period": _days(first, last), "rows": rows, **which})
        _show(asked, Call.of(context, as_json=as_json), written, out)

    app.command(name.value, help=TITLES[name])(command)


def _show(asked: Asked, call: Call, written: Format, out: Path | None) -> None:
    async def read(session: Session) -> None:
        name_of = (await session.client.organisations()).name_of
        async with within_reach(PATIENCE):
            made = await ask(session.client.pool, asked, name_of)
        _write([made], call, written, out, session)

    run(call, read)


@app.command("scorecard")
def show_scorecard(
    context: typer.Context,
    period: Annotated[str | None, typer.Argument(help="2026-10, 2026-Q3 or 2026 (default: last month).")] = None,
    *,
    version: Annotated[int | None, typer.Option(min=1, help="An earlier version.")] = None,
    freeze: Annotated[bool, typer.Option("--freeze", help="Freeze the month now, or correct it; needs --as.")] = False,
    part: Annotated[Part | None, typer.Option(help="One of its two tables; CSV and SVG hold one.")] = None,
    verify: Annotated[bool, typer.Option("--verify", help="Make it anew from the trail and compare.")] = False,
    written: FormatOption = Format.TABLE,
    out: OutOption = None,
    as_json: JsonOption = False,
    acting_as: AsOption = None,
) -> None:
    """考核封存: show a frozen scorecard."""
    call = Call.of(context, acting_as, as_json=as_json)
    which = Period.named(period) if period else Period.month_of(datetime.now(UTC)).before

    async def read(session: Session) -> None:
        if freeze:
            await _freeze(session, which)
        async with within_reach(PATIENCE):
            frozen = await scorecard(session.client.pool, which, version)
        tables = dict(zip(Part, scorecard_reports(frozen, (await session.client.organisations()).name_of), strict=True))
        _write([tables[part]] if part else list(tables.values()), call, written, out, session)
        if verify:
            await _verify(session, frozen)

    run(call, read)


@app.command("rules")
def show_rules(
    context: typer.Context,
    *,
    file: Annotated[
        Path | None, typer.Option("--import", exists=True, dir_okay=False, help="Put a new edition in force (TOML).")
    ] = None,
    as_json: JsonOption = False,
    acting_as: AsOption = None,
) -> None:
    """计分规则: show the scoring rules in force today, each value with its source, or put an edition in force."""
    call = Call.of(context, acting_as, as_json=as_json)

    async def work(session: Session) -> None:
        async with within_reach(PATIENCE):
            if file:
                _require(session.bearer.role, frozenset({Role.ADMIN}))
                rules, changed = await import_scoring(session.client.pool, file.read_text("utf-8-sig"))
                say(f"{rules.edition}: {'in force' if changed else 'was known already'}, from {rules.valid_from}")
            found = await rules_on(session.client.pool, _today())
        show(found, lambda: rules_table(found), as_json=call.as_json)

    run(call, work)


async def _verify(session: Session, frozen: FrozenScorecard) -> None:
    async with within_reach(PATIENCE):
        again = await made_again(session.client.pool, frozen)
    if again is None or again.content_hash != frozen.card.content_hash:
        say("✗ 重算不一致 the trail gives other figures")
        raise typer.Exit(REFUSED)
    say("✓ 重算一致 the trail gives the same figures")


async def _freeze(session: Session, period: Period) -> None:
    _require(session.bearer.role, FREEZING)
    async with within_reach(PATIENCE):
        done = await freeze_now(session.client.temporal, session.settings.task_queue, period)
    for one in done.periods:
        if one.version:
            say(f"{one.period}: 第 {one.version} 版{',新 new' if one.changed else ',未变 unchanged'}")


def _write(reports: Sequence[Report], call: Call, written: Format, out: Path | None, session: Session) -> None:
    stack = running_stack(session.settings.data_dir)
    base_url = (stack and stack.gateway_url) or ""
    if written in (Format.TABLE, Format.JSON) and out is None:
        shown = [report.model_dump(mode="json") for report in reports]
        found = shown[0] if len(shown) == 1 else {"items": shown, "next_cursor": None}
        drawn: Callable[[], Group] = lambda: Group(*(report_table(report) for report in reports))  # noqa: E731
        show(found, drawn, as_json=call.as_json or written is Format.JSON)
        return
    content = _content(reports, written, base_url)
    if out:
        out.write_bytes(content)
        say(f"✓ {out}")
    elif written is Format.XLSX and sys.stdout.isatty():
        raise InvalidError.of("out", "Excel is no text: give --out FILE.xlsx")
    else:
        sys.stdout.buffer.write(content)


def _content(reports: Sequence[Report], written: Format, base_url: str) -> bytes:
    if written is Format.XLSX:
        from starter.reports.workbook import xlsx_of  # noqa: PLC0415 - its library costs every start much

        return xlsx_of(reports, base_url)
    if written is Format.SVG:
        return svg_of(reports[0]).encode()
    if written is Format.CSV:
        return csv_of(reports[0], base_url).encode()
    return "\n".join(report.model_dump_json(indent=2) for report in reports).encode()


def _require(role: Role, roles: frozenset[Role]) -> None:
    if role not in roles:
        raise RoleNotAllowedError(f"this is for {', '.join(sorted(roles))}, not for {role}")


def _days(first: datetime | None, last: datetime | None) -> Period:
    until = last.date() if last else _today()
    return Period.days(first.date() if first else until.replace(day=1), until)


def _today() -> date:
    return datetime.now(BEIJING).date()


for _name in ReportName:
    _add(_name)
