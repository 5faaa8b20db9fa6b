"""Histories of the scheduled workflows replay: a sweep or a freeze that a new release takes over half-way goes on."""

import json
from pathlib import Path

import pytest
from temporalio.client import WorkflowHistory
from temporalio.worker import Replayer, WorkflowReplayResult

from starter.encryption.conversion import converter_with
from tests.replay.scheduled import HISTORIES, STORIES
from worker import WORKFLOWS
from workflows.sandbox import workflow_runner

KEPT = sorted(HISTORIES.rglob("*.json"))
OURS = KEPT[-1].parent


async def replayed(history: dict[str, object]) -> WorkflowReplayResult:
    """Replay a history with everything that the worker has."""
    replayer = Replayer(workflows=WORKFLOWS, workflow_runner=workflow_runner(), data_converter=converter_with())
    return await replayer.replay_workflow(
        WorkflowHistory.from_json("scheduled-1", json.dumps(history)), raise_on_replay_failure=False
    )


def kept(file: Path) -> dict[str, object]:
    """Read a history."""
    found: dict[str, object] = json.loads(file.read_text(encoding="utf-8"))
    return found


@pytest.mark.parametrize("file", KEPT, ids=lambda file: f"{file.parent.name}-{file.stem}")
async def test_a_kept_history_of_a_scheduled_workflow_replays(file: Path) -> None:
    """The code of today asks for the same steps in the same order."""
    assert (await replayed(kept(file))).replay_failure is None


def test_every_scheduled_workflow_and_way_through_it_has_a_history() -> None:
    """Sweep, digest and scorecard, and each story of theirs."""
    assert {file.stem for file in KEPT} >= set(STORIES)
    started = {json.dumps(kept(file)["events"][0]) for file in KEPT}  # type: ignore[index]
    for name in ("ComplianceSweepWorkflow", "DailyDigestWorkflow", "MonthlyScorecardWorkflow"):
        assert any(name in first for first in started)


@pytest.mark.parametrize("name", ["sweep", "digest", "scorecard"])
async def test_a_history_that_asked_for_another_step_does_not_replay(name: str) -> None:
    """The net holds: a renamed step is noticed."""
    text = json.dumps(kept(OURS / f"{name}.json"))
    for step in ("heal_faults", "send_digests", "freeze_scorecard"):
        text = text.replace(step, "another_step")
    assert (await replayed(json.loads(text))).replay_failure is not None
