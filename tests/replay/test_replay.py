"""Histories of earlier releases replay: whatever changed since stands behind `workflow.patched`."""

import json
from pathlib import Path

import pytest
from temporalio.client import WorkflowHistory
from temporalio.contrib.pydantic import pydantic_data_converter
from temporalio.worker import Replayer

from tests.replay.record import HISTORIES
from tests.replay.stories import STORIES
from worker import WORKFLOWS
from workflows.sandbox import workflow_runner

KEPT = sorted(HISTORIES.rglob("*.json"))


def replayer() -> Replayer:
    """A replayer with everything that the worker has."""
    return Replayer(workflows=WORKFLOWS, workflow_runner=workflow_runner(), data_converter=pydantic_data_converter)


@pytest.mark.parametrize("file", KEPT, ids=lambda file: str(file.relative_to(HISTORIES).with_suffix("")))
async def test_a_kept_history_replays(file: Path) -> None:
    """The code of today makes of a kept history what was made of it when it was recorded."""
    await replayer().replay_workflow(kept(file))


def kept(file: Path) -> WorkflowHistory:
    """Read a history; its file is named after its story."""
    return WorkflowHistory.from_json(f"whistle:{file.stem}", file.read_text(encoding="utf-8"))


def test_every_story_has_a_history() -> None:
    """No end and no turn goes unguarded."""
    assert {file.stem for file in KEPT} >= set(STORIES)


async def test_a_history_that_was_tampered_with_does_not_replay() -> None:
    """The net holds: a history from which the timers are gone fails."""
    kept = json.loads((HISTORIES / "closed.json").read_text(encoding="utf-8"))
    kept["events"] = [e for e in kept["events"] if not e["eventType"].startswith("EVENT_TYPE_TIMER")]
    history = WorkflowHistory.from_json("whistle:closed", kept)
    result = await replayer().replay_workflow(history, raise_on_replay_failure=False)
    assert result.replay_failure is not None
