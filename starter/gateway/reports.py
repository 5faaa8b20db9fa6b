"""Reports: the public ranking for everybody, each office its own rows, the district everything."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Annotated, Literal

from fastapi import APIRouter, Depends, Header, Path, Query, Request, Response

from domain.errors import RoleNotAllowedError
from domain.figures.periods import Period
from domain.figures.reports import ReportName, scorecard_reports
from domain.figures.rules import ScoringRules
from domain.figures.tables import Report
from domain.values import ID_PART_PATTERN, Frozen
from domain.vocabulary import WhistleKind
from domain.working_time import BEIJING
from starter.availability import within_reach
from starter.bearers import TOWNSHIP_ROLES, sight_of
from starter.gateway.callers import Caller
from starter.gateway.context import Door, Here
from starter.gateway.inputs import Organisation, problems
from starter.gateway.routing import OrderlyRoute
from starter.reports.asking import Asked, ask, only, scorecard
from starter.reports.chart import SVG_TYPE, svg_of
from starter.reports.sheets import CSV_TYPE, XLSX_TYPE, csv_of
from storage.keys import Principal
from storage.notice_trail import NoticeFigures, notice_figures
from storage.scorecards import frozen_periods
from storage.scoring import rules_on

router = APIRouter(prefix="/v1/reports", tags=["reports"], route_class=OrderlyRoute)

PATIENCE = timedelta(seconds=60)
RANKINGS = frozenset({ReportName.ARRIVAL, ReportName.DEPARTMENTS})
"""Rankings of responders are public among those who have a key; their rows are not."""
_DATE = r"^[12][0-9]{3}-[01][0-9]-[0-3][0-9]$"
_PERIOD = r"^[12][0-9]{3}(-(0[1-9]|1[0-2])|-Q[1-4])?$"


class Format(StrEnum):
    """The forms a report comes in."""

    JSON = "json"
    CSV = "csv"
    XLSX = "xlsx"
    SVG = "svg"


_TYPES = {Format.CSV: CSV_TYPE, Format.XLSX: XLSX_TYPE, Format.SVG: SVG_TYPE}
_FORMS: dict[int | str, dict[str, object]] = {
    200: {"model": Report, "content": {kind.partition(";")[0]: {} for kind in _TYPES.values()}}
}

From = Annotated[str | None, Query(alias="from", pattern=_DATE, description="First day; the 1st of this month.")]
To = Annotated[str | None, Query(pattern=_DATE, description="Last day, included; today.")]
Kind = Annotated[WhistleKind | None, Query(description="Of whistles of this kind.")]
Grid = Annotated[str | None, Query(pattern=ID_PART_PATTERN, description="Of whistles of this grid.")]
Form = Annotated[Format | None, Query(alias="format", description="In place of Accept.")]
Accept = Annotated[str | None, Header(include_in_schema=False)]


@dataclass(frozen=True, kw_only=True)
class Which:
    """On which days, of which whistles, and whose lines."""

    first: From = None
    to: To = None
    township: Organisation = None
    kind: Kind = None
    grid: Grid = None
    organisation: Organisation = None

    def asked(self, name: ReportName, *, rows: bool = False) -> Asked:
        """Ask for a report on these; raises InvalidError for days that cannot be."""
        return Asked(
            name=name,
            period=_days(self.first, self.to),
            township=self.township,
            kind=self.kind,
            grid=self.grid,
            organisation=self.organisation,
            rows=rows,
        )


Chosen = Annotated[Which, Depends()]
Name = Annotated[ReportName, Path(description="Which report.")]


class FrozenPeriods(Frozen):
    """What is frozen: the last version of each period."""

    items: tuple[dict[str, object], ...]
    next_cursor: None = None


@router.get("/scorecards", summary="已封存考核 scorecards", responses=problems())
async def list_scorecards(_caller: Caller, door: Door) -> FrozenPeriods:
    """List the months, quarters and years that are frozen."""
    async with within_reach():
        return FrozenPeriods(items=tuple(await frozen_periods(door.pool)))


@router.get("/rules", summary="计分规则 rules", responses=problems())
async def show_rules(_caller: Caller, door: Door) -> ScoringRules:
    """Show the scoring rules in force today, each value with its source."""
    async with within_reach():
        return await rules_on(door.pool, datetime.now(BEIJING).date())


@router.get("/scorecard", summary="考核封存 scorecard", response_model=Report, responses=problems(404) | _FORMS)
async def show_scorecard(
    request: Request,
    caller: Caller,
    context: Here,
    *,
    period: Annotated[str, Query(pattern=_PERIOD, description="2026-10, 2026-Q3 or 2026.")],
    version: Annotated[int | None, Query(ge=1, le=10_000)] = None,
    part: Annotated[Literal["responders", "townships"], Query(description="Which of its tables.")] = "responders",
    form: Form = None,
    accept: Accept = None,
) -> Response:
    """Show a frozen scorecard: the responders' is public, of the townships' each sees its own."""
    async with within_reach(PATIENCE):
        frozen = await scorecard(context.door.pool, Period.named(period), version)
    tables = scorecard_reports(frozen, (await context.door.organisations()).name_of)
    made = tables[0] if part == "responders" else only(tables[1], _own_township(caller))
    return _answer(made, form, accept, request)


@router.get("/notices", summary="通知报告 notices", responses=problems(403))
async def show_notice_figures(caller: Caller, door: Door, *, first: From = None, to: To = None) -> NoticeFigures:
    """Tell how soon after a whistle somebody was told, and how each channel did; for the district's offices."""
    if sight_of(caller) is not None:
        raise RoleNotAllowedError("how notices did is for the district's offices")
    period = _days(first, to)
    async with within_reach(PATIENCE):
        return await notice_figures(door.pool, period.start, period.end)


@router.get("/{name}", summary="报表 report", response_model=Report, responses=problems(403, 404) | _FORMS)
async def show_report(
    request: Request, caller: Caller, context: Here, name: Name, which: Chosen, form: Form = None, accept: Accept = None
) -> Response:
    """Make a report on any days, at most 366, as of now, corrections included."""
    return await _ask(request, caller, context, which.asked(name), (form, accept))


@router.get("/{name}/rows", summary="报表明细 rows", response_model=Report, responses=problems(403, 404) | _FORMS)
async def show_rows(
    request: Request, caller: Caller, context: Here, name: Name, which: Chosen, form: Form = None, accept: Accept = None
) -> Response:
    """List the rows behind a report, each with its whistle and why it does not count; of your own whistles."""
    return await _ask(request, caller, context, which.asked(name, rows=True), (form, accept))


async def _ask(
    request: Request, caller: Principal, context: Here, asked: Asked, forms: tuple[Format | None, str | None]
) -> Response:
    sight = sight_of(caller)
    if sight is not None and not asked.rows and asked.name not in RANKINGS:
        own = _own_township(caller) if asked.name is not ReportName.RATES else sight
        asked = asked.model_copy(update={"organisation": own})
    name_of = (await context.door.organisations()).name_of
    async with within_reach(PATIENCE):
        made = await ask(context.door.pool, asked, name_of, sight=sight)
    return _answer(made, *forms, request)


def _own_township(caller: Principal) -> str | None:
    """Name the township whose line a caller sees; None sees all. Raises RoleNotAllowedError."""
    if sight_of(caller) is None:
        return None
    if not TOWNSHIP_ROLES.intersection(caller.roles):
        raise RoleNotAllowedError("figures of townships are for each its own, and for the district")
    return caller.organisation


def _days(first: str | None, to: str | None) -> Period:
    return Period.read_days(first, to, datetime.now(BEIJING).date())


def _answer(made: Report, form: Format | None, accept: str | None, request: Request) -> Response:
    wanted = form or _accepted(accept or "")
    base = str(request.base_url).rstrip("/")
    match wanted:
        case Format.CSV:
            return _file(csv_of(made, base), wanted, made)
        case Format.XLSX:
            from starter.reports.workbook import xlsx_of  # noqa: PLC0415 - its library costs every start much

            return _file(xlsx_of([made], base), wanted, made)
        case Format.SVG:
            return Response(svg_of(made), media_type=SVG_TYPE)
        case Format.JSON:
            return Response(made.model_dump_json(), media_type="application/json")


def _file(content: str | bytes, form: Format, made: Report) -> Response:
    name = f"{made.name}-{made.period.replace('/', '_')}.{form}"
    headers = {"Content-Disposition": f'attachment; filename="{name}"'}
    return Response(content, media_type=_TYPES[form], headers=headers)


def _accepted(accept: str) -> Format:
    wanted = [part.partition(";")[0].strip().lower() for part in accept.split(",")]
    for kind in wanted:
        for form, media_type in _TYPES.items():
            if kind == media_type.partition(";")[0]:
                return form
        if kind in ("application/json", "*/*"):
            break
    return Format.JSON
