"""Reports by HTTP: the public ranking, each office its own rows, the district everything; JSON, CSV, Excel, SVG."""

import asyncio
import csv
import io
import json
import os
import sys
import xml.etree.ElementTree as ET
from datetime import UTC, datetime
from pathlib import Path

import pytest
from openpyxl import load_workbook

from domain.figures.periods import Period
from storage.scorecards import freeze
from tests.integration.gateway.gate import CLERK, LEADER, PLATFORM, POLICE, SOURCE, WATER, Gate, problem_of

TOWNSHIPS = ("townships", "overuse")


@pytest.fixture(scope="module")
async def told(gate: Gate) -> str:
    """A whistle of which water and police were called, in jinhaihu; water came at once."""
    whistle_id = await gate.emergency()
    await gate.do(
        WATER, whistle_id, "arrive", responder="water", officers=[{"name": "李明", "certificate_no": "京平 001"}]
    )
    return whistle_id


@pytest.mark.parametrize("name", ["arrival", "departments"])
@pytest.mark.parametrize("who", [WATER, CLERK, SOURCE, PLATFORM])
@pytest.mark.usefixtures("told")
async def test_the_ranking_of_responders_is_for_every_key(gate: Gate, name: str, who: str):
    """With its period, rules and moment."""
    answer = await gate.get(who, f"/v1/reports/{name}")
    assert answer.status_code == 200, answer.text
    assert {"items", "columns", "rules", "as_of", "notes"} <= set(answer.json())
    if name == "arrival":
        assert "water" in [item["organisation"] for item in answer.json()["items"]]


async def test_rows_are_each_offices_own(gate: Gate, told: str):
    """A department its own, a township those of its whistles, the district all, another township none."""

    async def rows(who: str) -> set[str]:
        items = (await gate.get(who, "/v1/reports/arrival/rows")).json()["items"]
        return {item["organisation"] for item in items if item["whistle_id"] == told}

    assert await rows(WATER) == {"water"}
    assert await rows(POLICE) <= {"police"}
    assert "water" in await rows(CLERK)
    assert "water" in await rows(PLATFORM)
    assert await rows("clerk@mafang") == set()


@pytest.mark.parametrize("name", TOWNSHIPS)
@pytest.mark.usefixtures("told")
async def test_figures_of_townships_are_each_its_own(gate: Gate, name: str):
    """The district sees all, a department is refused."""
    assert {i["organisation"] for i in (await gate.get(LEADER, f"/v1/reports/{name}")).json()["items"]} <= {"jinhaihu"}
    assert (await gate.get("leader@mafang", f"/v1/reports/{name}", organisation="jinhaihu")).json()["items"] == []
    assert (await gate.get(PLATFORM, f"/v1/reports/{name}")).status_code == 200
    problem_of(await gate.get(WATER, f"/v1/reports/{name}"), 403, "role-not-allowed")


async def test_a_report_comes_as_csv_excel_and_chart_by_format_or_accept(gate: Gate, told: str):
    """With a link to each whistle that leads there."""
    path = "/v1/reports/arrival/rows"
    answer = await gate.http.get(path, headers=gate.headers(PLATFORM) | {"Accept": "text/csv"})
    assert answer.headers["content-type"] == "text/csv; charset=utf-8"
    lines = list(csv.DictReader(io.StringIO(answer.text.removeprefix("\ufeff"))))
    link = next(line["link"] for line in lines if line["whistle_id"] == told)
    assert (await gate.http.get(link, headers=gate.headers(PLATFORM))).json()["whistle_id"] == told
    book = load_workbook(io.BytesIO((await gate.get(PLATFORM, path, format="xlsx")).content))
    assert book.sheetnames[0] == "arrival-rows"
    chart = await gate.get(PLATFORM, "/v1/reports/arrival", format="svg")
    assert chart.headers["content-type"].startswith("image/svg+xml")
    ET.fromstring(chart.text)


@pytest.mark.parametrize(
    ("query", "field"),
    [({"from": "2026-13-01"}, "from"), ({"from": "2024-01-01", "to": "2026-01-01"}, "to"), ({"to": "nope"}, "to")],
)
async def test_days_that_cannot_be_are_invalid(gate: Gate, query: dict[str, str], field: str):
    """Named by field."""
    told = problem_of(await gate.get(PLATFORM, "/v1/reports/arrival", **query), 422, "invalid")
    assert field in told["errors"][0]["field"]


async def test_an_unknown_report_or_scorecard_is_not_there(gate: Gate):
    """And nobody without a key sees any."""
    problem_of(await gate.get(PLATFORM, "/v1/reports/nothing"), 404, "not-found")
    problem_of(await gate.get(PLATFORM, "/v1/reports/nothing/rows"), 404, "not-found")
    problem_of(await gate.get(PLATFORM, "/v1/reports/scorecard", period="1999-01"), 404, "not-found")
    problem_of(await gate.http.get("/v1/reports/arrival"), 401, "unauthenticated")


async def test_a_frozen_month_is_read_by_everybody_and_townships_see_their_own(gate: Gate):
    """The last version, or the one named."""
    await freeze(gate.pool, Period.named("2026-09"), datetime.now(UTC))
    shown = (await gate.get(WATER, "/v1/reports/scorecard", period="2026-09")).json()
    assert (shown["version"], shown["period"], shown["rules"]) == (1, "2026-09", "2026.1")
    township = {"period": "2026-09", "part": "townships"}
    assert (await gate.get(CLERK, "/v1/reports/scorecard", **township)).status_code == 200
    problem_of(await gate.get(WATER, "/v1/reports/scorecard", **township), 403, "role-not-allowed")
    listed = (await gate.get(WATER, "/v1/reports/scorecards")).json()["items"]
    assert "2026-09" in {one["period"] for one in listed}
    assert (await gate.get(WATER, "/v1/reports/rules")).json()["edition"] == "2026.1"


async def whistle(gate: Gate, *words: str) -> tuple[int, bytes]:
    """Run the command line on this stack."""
    process = await asyncio.create_subprocess_exec(
        Path(sys.executable).with_name("whistle"),
        *words,
        env=os.environ | {"WHISTLE_DATA_DIR": str(gate.data_dir)},
        stdout=asyncio.subprocess.PIPE,
    )
    out, _ = await process.communicate()
    return process.returncode or 0, out


async def test_the_command_line_writes_the_same_reports(gate: Gate, told: str, tmp_path: Path):
    """JSON where nobody looks, CSV, an Excel file with links, a chart."""
    code, out = await whistle(gate, "report", "arrival", "--rows", "--json")
    assert code == 0
    assert told in {item["whistle_id"] for item in json.loads(out)["items"]}
    code, out = await whistle(gate, "report", "arrival", "--township", "jinhaihu", "--format", "csv")
    assert "water" in {line["organisation"] for line in csv.DictReader(io.StringIO(out.decode("utf-8-sig")))}
    file = tmp_path / "overuse.xlsx"
    assert (await whistle(gate, "report", "overuse", "--format", "xlsx", "--out", str(file)))[0] == 0
    assert load_workbook(file).sheetnames == ["overuse", "说明 about"]
    code, out = await whistle(gate, "report", "arrival", "--format", "svg")
    ET.fromstring(out)
    assert (await whistle(gate, "report", "arrival", "--from", "2026-11-30", "--to", "2026-11-01"))[0] == 1


async def test_the_command_line_freezes_shows_and_verifies_a_month(gate: Gate):
    """Through the workflow that the schedule starts; only for the district."""
    assert (await whistle(gate, "report", "scorecard", "2026-10", "--freeze", "--as", CLERK))[0] == 1
    code, out = await whistle(gate, "report", "scorecard", "2026-10", "--freeze", "--verify", "--as", "supervisor")
    assert code == 0
    assert [report["name"] for report in json.loads(out)["items"]] == ["scorecard-responders", "scorecard-townships"]
    assert (await whistle(gate, "report", "scorecard", "2026-10", "--part", "townships", "--format", "csv"))[0] == 0
    assert (await whistle(gate, "report", "scorecard", "1999-01"))[0] == 1
    assert json.loads((await whistle(gate, "report", "rules", "--json"))[1])["edition"] == "2026.1"
