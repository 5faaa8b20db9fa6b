"""Reports as Excel: a sheet each, with the same cells as CSV, and one sheet that says what they are."""

import io
from collections.abc import Sequence
from datetime import datetime

from openpyxl import Workbook
from openpyxl.styles import Font
from openpyxl.utils import get_column_letter
from openpyxl.worksheet.worksheet import Worksheet

from domain.figures.tables import Cell, Report
from domain.working_time import BEIJING
from starter.reports.sheets import filters_of, linked

_WIDEST = 40
_SHEET_NAME = 31
_FORMATS = {"time": "yyyy-mm-dd hh:mm:ss", "percent": "0.00", "points": "0.00"}


def xlsx_of(reports: Sequence[Report], base_url: str = "") -> bytes:
    """Write reports as an Excel workbook: a sheet each, and one that says what they are."""
    book = Workbook()
    first = book.active
    if first is not None:
        book.remove(first)
    for report in reports:
        _fill(book.create_sheet(report.name[:_SHEET_NAME]), report, base_url)
    _explain(book.create_sheet("说明 about"), reports)
    out = io.BytesIO()
    book.save(out)
    return out.getvalue()


def _fill(sheet: Worksheet, report: Report, base_url: str) -> None:
    sheet.append([f"{column.label}(北京时间)" if column.kind == "time" else column.label for column in report.columns])
    for cell in sheet[1]:
        cell.font = Font(bold=True)
    sheet.freeze_panes = "A2"
    for row, item in enumerate(report.items, start=2):
        for number, column in enumerate(report.columns, start=1):
            value = linked(column.key, item.get(column.key), base_url)
            cell = sheet.cell(row, number, _beijing(value) if column.kind == "time" else value)
            if column.kind in _FORMATS:
                cell.number_format = _FORMATS[column.kind]
            elif isinstance(value, str):
                cell.data_type = "s"
            if column.key == "link" and base_url and isinstance(value, str):
                cell.hyperlink = value
    for number, column in enumerate(report.columns, start=1):
        longest = max([len(column.label) * 2, *(len(str(item.get(column.key) or "")) for item in report.items)])
        sheet.column_dimensions[get_column_letter(number)].width = min(_WIDEST, longest + 2)


def _explain(sheet: Worksheet, reports: Sequence[Report]) -> None:
    for report in reports:
        sheet.append([report.title])
        sheet.append(["期间 period", report.period, _local(report.start), _local(report.end)])
        sheet.append(["截至 as of", _local(report.as_of)])
        sheet.append(["规则版本 rules", report.rules])
        sheet.append(["筛选 filters", filters_of(report)])
        if report.version:
            sheet.append(["版本 version", report.version])
        for note in report.notes:
            sheet.append([note])
        sheet.append([])


def _beijing(value: Cell) -> datetime | None:
    """Give a moment as sheets hold it: by the clock on the wall, without a zone, to the second."""
    at = datetime.fromisoformat(str(value)) if value else None
    return at and at.astimezone(BEIJING).replace(tzinfo=None, microsecond=0)


def _local(at: datetime) -> str:
    return at.astimezone(BEIJING).strftime("%Y-%m-%d %H:%M")
