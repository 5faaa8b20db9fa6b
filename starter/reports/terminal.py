"""A report on a terminal."""

from datetime import datetime

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from domain.figures.rules import ScoringRules
from domain.figures.tables import Cell, Column, Report
from domain.summaries import local_time

_RIGHT = frozenset({"count", "percent", "points", "minutes"})
_OF_ROWS = frozenset({"organisation", "serial", "link"})
_WHOLE = frozenset({"organisation", "whistle_id", "serial", "moment"})


def report_table(report: Report) -> RenderableType:
    """Draw a report; JSON and sheets have all of it, here columns that are empty in every line are left out, and links.

    Rows have their whistle's id and their office's name alone, so that they stand on one line.
    """
    filled = [c for c in report.columns if any(item.get(c.key) not in (None, "") for item in report.items)]
    left_out = _OF_ROWS if any(column.key == "whistle_id" for column in report.columns) else frozenset()
    shown = [c for c in filled if not c.key.endswith(("_numerator", "_denominator")) and c.key not in left_out]
    table = Table(box=None, pad_edge=False, header_style="bold")
    for column in shown:
        right, whole = column.kind in _RIGHT, column.key in _WHOLE
        table.add_column(column.label, justify="right" if right else "left", overflow="fold", no_wrap=whole)
    for item in report.items:
        table.add_row(*(_cell(column, item) for column in shown))
    version = f",第 {report.version} 版" if report.version else ""
    filters = "".join(f",{name} {value}" for name, value in report.filters.items())
    about = f"{report.period}{version}{filters},规则 {report.rules},截至 {local_time(report.as_of)}"
    body = table if report.items else Text("期内无数据 nothing in these days", style="dim")
    notes = [Text(note, style="dim") for note in report.notes]
    return Group(Text(report.title, style="bold"), Text(about, style="dim"), body, *notes)


def rules_table(rules: ScoringRules) -> RenderableType:
    """Draw an edition of the scoring rules: each value, and where it comes from."""
    table = Table(box=None, pad_edge=False, header_style="bold")
    for heading in ("规则 rule", "值 value", "来源 source"):
        table.add_column(heading, overflow="fold")
    for name, source in rules.sources.items():
        table.add_row(name, rules.written(name), source)
    about = f"计分规则 {rules.edition},自 {rules.valid_from} 起的期间适用 in force for periods that begin then or later"
    return Group(Text(about, style="bold"), table)


def _cell(column: Column, item: dict[str, Cell]) -> str:
    value = item.get(column.key)
    if value is None:
        return "—" if column.kind in _RIGHT else ""
    if column.kind == "flag":
        return "是" if value else ""
    if column.kind == "time":
        return local_time(datetime.fromisoformat(str(value)))
    if column.kind == "percent":
        return f"{value:.2f} ({item.get(f'{column.key}_numerator')}/{item.get(f'{column.key}_denominator')})"
    return f"{value:.2f}" if column.kind == "points" and isinstance(value, float) else str(value)
