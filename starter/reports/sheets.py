"""Reports as CSV and Excel: every cell as it is in JSON, the period, filters and rules beside it."""

import csv
import io
from collections.abc import Sequence
from datetime import datetime

from openpyxl import Workbook
from openpyxl.styles import Font
from openpyxl.utils import get_column_letter
from openpyxl.worksheet.worksheet import Worksheet

from domain.figures.tables import Cell, Report
from domain.working_time import BEIJING

CSV_TYPE = "text/csv; charset=utf-8"
XLSX_TYPE = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
_ABOUT = ("period", "as_of", "rules", "filters")
# Excel takes a file without this mark for the local code page, and Chinese for noise.
_BYTE_ORDER_MARK = "\ufeff"
_FORMULA = ("=", "+", "-", "@", "\t", "\r")
_WIDEST = 40
_SHEET_NAME = 31


def csv_of(report: Report, base_url: str = "") -> str:
    """Write a report as CSV with a line for each item; its last columns tell the period, filters and rules."""
    out = io.StringIO()
    writer = csv.writer(out)
    writer.writerow([*(column.key for column in report.columns), *_ABOUT])
    about = [report.period, report.as_of.isoformat(), report.rules, _filters(report)]
    for item in report.items:
        cells = [_harmless(_linked(column.key, item.get(column.key), base_url)) for column in report.columns]
        writer.writerow([*cells, *about])
    return _BYTE_ORDER_MARK + out.getvalue()


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
    sheet.append([f"{column.label}" for column in report.columns])
    for cell in sheet[1]:
        cell.font = Font(bold=True)
    sheet.freeze_panes = "A2"
    for row, item in enumerate(report.items, start=2):
        for number, column in enumerate(report.columns, start=1):
            value = _linked(column.key, item.get(column.key), base_url)
            cell = sheet.cell(row, number, value)
            if isinstance(value, str):
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
        sheet.append(["筛选 filters", _filters(report)])
        if report.version:
            sheet.append(["版本 version", report.version])
        for note in report.notes:
            sheet.append([note])
        sheet.append([])


def _filters(report: Report) -> str:
    return "; ".join(f"{name}: {value}" for name, value in report.filters.items())


def _linked(key: str, value: Cell, base_url: str) -> Cell:
    return f"{base_url}{value}" if key == "link" and value else value


def _harmless(value: Cell) -> Cell:
    return f"'{value}" if isinstance(value, str) and value.startswith(_FORMULA) else value


def _local(at: datetime) -> str:
    return at.astimezone(BEIJING).strftime("%Y-%m-%d %H:%M")
