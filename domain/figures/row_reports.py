"""The rows behind each report, each with its whistle."""

from domain.figures.reports import OF_TOWNSHIPS, TITLES, ReportName
from domain.figures.rows import Row
from domain.figures.scoring import ScoreRow
from domain.figures.tables import ORGANISATION, About, Cell, Column, Names, Report, named, table
from domain.figures.tally import Figures
from domain.figures.words import OVERUSE, Figure, Item, Side


def rows_report(name: ReportName, figures: Figures, about: About, name_of: Names) -> Report:
    """List the rows behind a report, each with its whistle."""
    if name is ReportName.DEPARTMENTS:
        return _score_rows(figures, about, name_of)
    side = Side.TOWNSHIP if name in (ReportName.TOWNSHIPS, ReportName.OVERUSE) else Side.RESPONDER
    of = {ReportName.ARRIVAL: (Figure.ARRIVAL,), ReportName.OVERUSE: OVERUSE}.get(name, OF_TOWNSHIPS)
    columns = (
        Column(key="figure", label="指标"),
        *ORGANISATION,
        *_OF_WHISTLE,
        Column(key="met", label="计入分子", kind="flag"),
        Column(key="exclusion", label="剔除"),
        Column(key="link", label="哨单"),
    )
    items: tuple[dict[str, Cell], ...] = tuple(
        {
            "figure": f"{row.figure.label} {row.figure}",
            **_whose(row, name_of),
            "met": int(row.met),
            **_left_out(row),
        }
        for row in figures.rows
        if row.side is side and row.figure in of
    )
    return table(f"{name}-rows", f"{TITLES[name]}: 明细 rows", about, columns, items)


_OF_WHISTLE = (
    Column(key="whistle_id", label="哨单编号"),
    Column(key="serial", label="哨单号"),
    Column(key="kind", label="哨型"),
    Column(key="grid", label="网格"),
    Column(key="round", label="轮次", kind="count"),
    Column(key="moment", label="判定时间", kind="time"),
)
_OF_SCORE = (
    Column(key="role", label="角色"),
    *(Column(key=item.lower(), label=item.label, kind="points") for item in Item),
    Column(key="rework", label="返工", kind="count"),
    Column(key="deductions", label="扣分"),
    Column(key="total", label="得分", kind="points"),
    Column(key="weight", label="权重", kind="points"),
    Column(key="by_default", label="默认评价", kind="flag"),
    Column(key="exclusion", label="剔除"),
    Column(key="link", label="哨单"),
)


def _score_rows(figures: Figures, about: About, name_of: Names) -> Report:
    items: tuple[dict[str, Cell], ...] = tuple(
        {
            **_whose(row, name_of),
            "role": row.role.label,
            **{item.lower(): float(row.items[item]) for item in Item},
            "rework": row.rework,
            "deductions": ", ".join(f"{d.label} -{points.normalize():f}" for d, points in row.deductions.items()),
            "total": float(row.total),
            "weight": float(row.weight),
            "by_default": int(row.by_default),
            **_left_out(row),
        }
        for row in figures.scores
    )
    title = f"{TITLES[ReportName.DEPARTMENTS]}: 明细 rows"
    return table("departments-rows", title, about, (*ORGANISATION, *_OF_WHISTLE, *_OF_SCORE), items)


def _whose(row: Row | ScoreRow, name_of: Names) -> dict[str, Cell]:
    return {
        **named(row.organisation, name_of),
        "whistle_id": row.whistle_id,
        "serial": row.serial,
        "kind": row.kind.label if row.kind else None,
        "grid": row.grid,
        "round": row.round,
        "moment": row.moment.isoformat(),
    }


def _left_out(row: Row | ScoreRow) -> dict[str, Cell]:
    """Say why a row does not count, if it does not, and where its whistle is."""
    ground = f"{row.exclusion.label} {row.exclusion}" if row.exclusion else None
    return {"exclusion": ground, "link": f"/v1/whistles/{row.whistle_id}"}
