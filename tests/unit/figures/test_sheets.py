"""What a report says it says in every form: CSV, Excel, SVG."""

import csv
import io
import xml.etree.ElementTree as ET
from datetime import UTC, datetime

import pytest
from openpyxl import load_workbook
from rich.console import Console

from domain.figures.folding import history_of
from domain.figures.periods import Period
from domain.figures.reports import ReportName, report_of
from domain.figures.row_reports import rows_report
from domain.figures.tables import About, Column, Report
from domain.figures.tally import figures_of
from domain.working_time import BEIJING
from starter.reports.chart import MOST_BARS, svg_of
from starter.reports.sheets import csv_of
from starter.reports.terminal import report_table
from starter.reports.workbook import xlsx_of
from storage.scoring import shipped_rules
from tests.life import Life

BASE = "https://whistle.example"
NOVEMBER = Period.named("2026-11")


def made(name: ReportName, *, rows: bool = False) -> Report:
    """A report of one closed whistle."""
    life = Life().closed("water", "police")
    history = history_of(life.trail, life.now)
    assert history is not None
    about = About(period=NOVEMBER, as_of=life.now, rules=shipped_rules(), filters={"township": "jinhaihu"})
    found = figures_of([history], NOVEMBER, shipped_rules())
    return (rows_report if rows else report_of)(name, found, about, str)


def with_name(name: str, count: int = 1) -> Report:
    """A report whose one organisation has a name of choice."""
    columns = (Column(key="name", label="单位"), Column(key="score", label="分", kind="points"))
    items = tuple({"name": name, "score": 50.0} for _ in range(count))
    report = made(ReportName.DEPARTMENTS)
    return report.model_copy(update={"columns": columns, "items": items, "charted": "score"})


@pytest.mark.parametrize("rows", [False, True], ids=["figures", "rows"])
@pytest.mark.parametrize("name", ReportName)
def test_csv_reads_back_as_the_report(name: ReportName, rows: bool):
    """Every cell, with the period, the filters, the rules, and a link to each whistle."""
    report = made(name, rows=rows)
    text = csv_of(report, BASE)
    assert text.startswith("\ufeff")
    read = list(csv.DictReader(io.StringIO(text.removeprefix("\ufeff"))))
    assert len(read) == len(report.items) > 0
    for line, item in zip(read, report.items, strict=True):
        for key, value in item.items():
            expected = f"{BASE}{value}" if key == "link" else "" if value is None else str(value)
            assert line[key] == expected
        assert (line["period"], line["rules"], line["filters"]) == ("2026-11", "2026.1", "township: jinhaihu")


@pytest.mark.parametrize("rows", [False, True], ids=["figures", "rows"])
@pytest.mark.parametrize("name", ReportName)
def test_excel_reads_back_as_the_report(name: ReportName, rows: bool):
    """Numbers stay numbers; a sheet says what it is about."""
    report = made(name, rows=rows)
    book = load_workbook(io.BytesIO(xlsx_of([report], BASE)))
    sheet = book[report.name]
    header, *lines = sheet.iter_rows(values_only=True)
    times = {column.key for column in report.columns if column.kind == "time"}
    assert [str(name).removesuffix("(北京时间)") for name in header] == [column.label for column in report.columns]
    for line, item in zip(lines, report.items, strict=True):
        told = dict(zip((column.key for column in report.columns), line, strict=True))
        link = {"link": f"{BASE}{item['link']}"} if "link" in item else {}
        moments = {key: on_the_wall(item[key]) for key in times}
        assert told == {key: value or value if value != "" else None for key, value in item.items()} | link | moments
    if rows:
        assert sheet.cell(2, len(report.columns)).hyperlink.target.startswith(f"{BASE}/v1/whistles/")
    about = [cell for row in book["说明 about"].iter_rows(values_only=True) for cell in row]
    assert {"2026-11", "2026.1", "township: jinhaihu", report.title} <= set(about)


def on_the_wall(moment: object) -> datetime:
    """A moment as Excel holds it: Beijing's clock, without a zone."""
    return datetime.fromisoformat(str(moment)).astimezone(BEIJING).replace(tzinfo=None, microsecond=0)


@pytest.mark.parametrize("name", ["=1+1", "+86", "@SUM(A1)", '=HYPERLINK("http://evil")', "-1"])
def test_no_cell_is_a_formula(name: str):
    """A name that would run in a spreadsheet does not."""
    text = csv_of(with_name(name)).removeprefix("\ufeff")
    assert next(iter(csv.DictReader(io.StringIO(text))))["name"] == f"'{name}"
    sheet = load_workbook(io.BytesIO(xlsx_of([with_name(name)]))).worksheets[0]
    assert (sheet["A2"].value, sheet["A2"].data_type) == (name, "s")


@pytest.mark.parametrize("name", list(ReportName))
def test_a_chart_is_wellformed_and_names_everybody(name: ReportName):
    """With title, rules and moment."""
    drawn = svg_of(made(name))
    texts = [element.text or "" for element in ET.fromstring(drawn).iter("{http://www.w3.org/2000/svg}text")]
    assert any("2026.1" in text for text in texts)
    assert any(text.endswith(("water", "jinhaihu")) for text in texts)


def test_a_chart_states_ties_escapes_names_and_says_what_it_leaves_out():
    """Of more than sixty."""
    assert "1=. water" in svg_of(made(ReportName.DEPARTMENTS))
    drawn = svg_of(with_name("<script>&", MOST_BARS + 5))
    assert "<script>" not in drawn
    assert "另有 5 家未画出" in drawn
    ET.fromstring(drawn)


def test_a_bar_tells_what_its_rate_is_made_of_and_a_long_name_is_cut_with_the_whole_beside():
    """So that a hundred percent of one is not taken for one of many."""
    assert "100.00 (1/1)" in svg_of(made(ReportName.ARRIVAL))
    name = "某某某某某某某某某某某某某某某某局"
    drawn = ET.fromstring(svg_of(with_name(name)))
    texts = [element.text for element in drawn.iter("{http://www.w3.org/2000/svg}text")]
    titles = [element.text for element in drawn.iter("{http://www.w3.org/2000/svg}title")]
    assert f"{name[:15]}…" in texts
    assert name in titles


@pytest.mark.parametrize("name", ReportName)
def test_a_terminal_shows_rows_by_the_clock_of_beijing_and_no_id_in_two(name: ReportName):
    """Links are for machines; an id is there to be copied."""
    console = Console(width=150, file=io.StringIO())
    console.print(report_table(made(name, rows=True)))
    shown = console.file.getvalue()
    assert "12345:20261124000123" in shown
    assert "11月24日 10:00:00" in shown
    assert "/v1/whistles" not in shown


def test_the_over_use_report_says_that_its_order_is_no_judgement():
    """Neither a low nor a high 吹哨率 is good by itself."""
    assert any("ordered, not judged" in note for note in made(ReportName.OVERUSE).notes)
    assert not any("judged" in note for note in made(ReportName.TOWNSHIPS).notes)


def test_a_chart_of_nothing_says_so():
    """Without bars, and without failing."""
    about = About(period=NOVEMBER, as_of=datetime(2026, 11, 1, tzinfo=UTC), rules=shipped_rules())
    nothing = report_of(ReportName.ARRIVAL, figures_of([], NOVEMBER, shipped_rules()), about, str)
    ET.fromstring(svg_of(nothing))
    assert load_workbook(io.BytesIO(xlsx_of([nothing]))).worksheets[0].max_row == 1
