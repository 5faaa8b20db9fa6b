"""Whatever the dashboard, the alerts and the reference page name is exposed, by processes that ran."""

import asyncio
import json
import re
from collections import defaultdict
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
import yaml
from prometheus_client.parser import text_string_to_metric_families
from temporalio import workflow
from temporalio.client import Client
from temporalio.service import RPCError
from temporalio.worker import UnsandboxedWorkflowRunner, Worker

from docs.generate_metrics import CORE, Described, described, survey_families
from observability.measures import WORKER, GatewayMeasures, WorkerMeasures
from settings import TASK_QUEUE
from starter.metrics.exposition import Exposition
from tests.integration.observability.conftest import CLERK, REVIEW, Watched
from tests.integration.observability.promql import Asked, asked_by
from workflows.compliance import ComplianceSweepWorkflow

ROOT = Path(__file__).parents[3]
FOLDER = ROOT / "deploy" / "observability"
OF_PROMETHEUS = {"up"}
OF_A_SCRAPE = {"job", "instance", "le"}
PARTS = {"histogram": ("_bucket", "_sum", "_count")}
EXPOSED_WITHIN_S = 30

Series = dict[str, set[str]]


@workflow.defn(name="Changing")
class Before:
    """A workflow as it was."""

    @workflow.run
    async def run(self) -> None:
        """Wait."""
        await workflow.sleep(timedelta(hours=1))


@workflow.defn(name="Changing")
class After:
    """The same workflow, changed as none may be."""

    @workflow.run
    async def run(self) -> None:
        """Do something else first."""
        workflow.upsert_memo({"changed": True})
        await workflow.sleep(timedelta(hours=1))


@pytest.fixture(scope="module")
async def core(watched: Watched) -> Series:
    """What Temporal's core exposes, with its labels: of a life, failed calls, and a change that does not replay."""
    whistle_id = await watched.register()
    assert (await watched.post(CLERK, f"/v1/whistles/{whistle_id}/review", REVIEW)).status_code == 200
    await watched.temporal.execute_workflow(ComplianceSweepWorkflow.run, id=f"sweep-{uuid4()}", task_queue=TASK_QUEUE)
    await fail_two_calls(watched.temporal)
    await change_under_a_run(watched.temporal)
    wanted = {part for one in CORE for part in parts_of(one)}
    until = asyncio.get_running_loop().time() + EXPOSED_WITHIN_S
    while missing := wanted - (found := samples_in((await watched.http.get("/metrics")).text)).keys():
        assert asyncio.get_running_loop().time() < until, missing
        await asyncio.sleep(0.2)
    return found


async def fail_two_calls(client: Client) -> None:
    """Ask for a workflow that is not there, by a short call and by a long one."""
    nobody = client.get_workflow_handle(f"nobody-{uuid4()}")
    with pytest.raises(RPCError):
        await nobody.signal("anything")
    with pytest.raises(RPCError):
        await nobody.execute_update("anything")


async def change_under_a_run(client: Client) -> None:
    """Run a workflow by code that it did not begin with, until its task fails."""
    handle = await client.start_workflow(Before.run, id=f"changing-{uuid4()}", task_queue="changing")
    for kind in (Before, After):
        async with (
            Worker(client, task_queue="changing", workflows=[kind], workflow_runner=UnsandboxedWorkflowRunner()),
            asyncio.timeout(EXPOSED_WITHIN_S),
        ):
            wanted = "EVENT_TYPE_TIMER_STARTED" if kind is Before else "EVENT_TYPE_WORKFLOW_TASK_FAILED"
            if kind is After:
                await handle.signal("wake")
            while wanted not in str(await handle.fetch_history()):  # noqa: ASYNC110
                await asyncio.sleep(0.1)
    await handle.terminate()


def test_every_series_of_the_core_that_we_describe_is_exposed_with_its_labels(core: Series):
    """The reference page names no label that Temporal does not give."""
    for one in CORE:
        for part in parts_of(one):
            assert set(one.labels) <= core[part], part


async def test_every_family_of_ours_is_on_the_page_and_the_other_way_round(watched: Watched):
    """By kind and labels, in the gateway and in the worker."""
    exposition = Exposition(WORKER, None, lambda: None)
    for text, own in (
        ((await watched.http.get("/metrics")).text, GatewayMeasures().registry),
        ((await exposition.text()).decode(), WorkerMeasures().registry),
    ):
        families = {f.name: f for f in text_string_to_metric_families(text) if not f.name.startswith("temporal_")}
        page = {f.name.removesuffix("_total"): f for f in (*described(own), *survey_families())}
        assert families.keys() == page.keys()
        for name, family in families.items():
            for sample in family.samples:
                assert sample.labels.keys() - {"le"} == set(page[name].labels), name


def rules() -> Iterator[dict[str, Any]]:
    """Every alert."""
    for group in yaml.safe_load((FOLDER / "alerts.yml").read_text("utf-8"))["groups"]:
        yield from group["rules"]


def panels() -> list[dict[str, Any]]:
    """Every panel that shows something."""
    found = json.loads((FOLDER / "dashboard.json").read_text("utf-8"))["panels"]
    return [panel for panel in found if panel["type"] != "row"]


EXPRESSIONS = [
    *((rule["alert"], rule["expr"]) for rule in rules()),
    *((panel["title"], target["expr"]) for panel in panels() for target in panel["targets"]),
]


def ours() -> Series:
    """The series of our own processes, with their labels."""
    everything = (*described(GatewayMeasures().registry), *described(WorkerMeasures().registry), *survey_families())
    return {part: set(one.labels) for one in everything for part in parts_of(one)}


@pytest.mark.parametrize(("where", "expression"), EXPRESSIONS)
def test_what_an_expression_asks_for_is_there(core: Series, where: str, expression: str):
    """Each series exists, and each label that is matched or grouped by is one of its own."""
    known = ours() | core
    for asked in asked_by(expression):
        if asked.series not in OF_PROMETHEUS:
            assert asked.series in known, f"{where}: no series {asked.series}"
            assert asked.labels - OF_A_SCRAPE <= known[asked.series], f"{where}: {asked}"


def test_every_name_of_a_rate_is_a_counter_s():
    """A rate of a gauge means nothing."""
    counted = re.compile(r"(?:rate|increase)\((\w+)")
    named = [name for _, expression in EXPRESSIONS for name in counted.findall(expression)]
    assert named
    assert not [name for name in named if not name.endswith(("_total", "_bucket", "_count", "_sum"))]


def test_every_alert_is_explained_and_says_how_bad_it_is():
    """In the how-to, with what to do."""
    told = (ROOT / "docs" / "how-to" / "observe.md").read_text("utf-8")
    for rule in rules():
        assert f"| `{rule['alert']}`" in told
        assert rule["labels"]["severity"] in {"warning", "critical"}
        assert " · " in rule["annotations"]["summary"]


def test_every_panel_has_a_place_of_its_own():
    """None lies on another."""
    taken: dict[tuple[int, int], str] = {}
    for panel in panels():
        place = panel["gridPos"]
        for x in range(place["x"], place["x"] + place["w"]):
            for y in range(place["y"], place["y"] + place["h"]):
                assert x < 24
                assert taken.setdefault((x, y), panel["title"]) == panel["title"]


@pytest.mark.parametrize(
    ("expression", "asked"),
    [
        ("up == 0", [Asked("up", frozenset())]),
        ('sum by (a) (rate(x_total{b="1"}[5m])) > 1', [Asked("x_total", frozenset({"a", "b"}))]),
        ("max(x) - max(y offset 5m) or vector(0)", [Asked("x", frozenset()), Asked("y", frozenset())]),
    ],
)
def test_an_expression_is_read_as_prometheus_reads_it(expression: str, asked: list[Asked]):
    """By its grammar."""
    assert asked_by(expression) == asked


def parts_of(one: Described) -> list[str]:
    """Name the series of a family."""
    return [one.name + part for part in PARTS.get(one.kind, ("",))]


def samples_in(text: str) -> Series:
    """Give each series of Temporal's core, with its labels."""
    found: Series = defaultdict(set)
    for family in text_string_to_metric_families(text):
        for sample in family.samples:
            if sample.name.startswith("temporal_"):
                found[sample.name] |= sample.labels.keys()
    return dict(found)
