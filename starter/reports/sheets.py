"""Reports as CSV: every cell as it is in JSON, the period, filters and rules beside it."""

import csv
import io

from domain.figures.tables import Cell, Report

CSV_TYPE = "text/csv; charset=utf-8"
XLSX_TYPE = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
_ABOUT = ("period", "as_of", "rules", "filters")
# Excel takes a file without this mark for the local code page, and Chinese for noise.
_BYTE_ORDER_MARK = "\ufeff"
_FORMULA = ("=", "+", "-", "@", "\t", "\r")


def csv_of(report: Report, base_url: str = "") -> str:
    """Write a report as CSV with a line for each item; its last columns tell the period, filters and rules."""
    out = io.StringIO()
    writer = csv.writer(out)
    writer.writerow([*(column.key for column in report.columns), *_ABOUT])
    about = [report.period, report.as_of.isoformat(), report.rules, filters_of(report)]
    for item in report.items:
        cells = [_harmless(linked(column.key, item.get(column.key), base_url)) for column in report.columns]
        writer.writerow([*cells, *about])
    return _BYTE_ORDER_MARK + out.getvalue()


def filters_of(report: Report) -> str:
    """Tell what a report was narrowed to."""
    return "; ".join(f"{name}: {value}" for name, value in report.filters.items())


def linked(key: str, value: Cell, base_url: str) -> Cell:
    """Complete a link by where the gateway is."""
    return f"{base_url}{value}" if key == "link" and value else value


def _harmless(value: Cell) -> Cell:
    return f"'{value}" if isinstance(value, str) and value.startswith(_FORMULA) else value
