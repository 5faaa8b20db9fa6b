"""Histories of the workflows that never end replay: a new release takes a run over in the middle of a round."""

import json
from pathlib import Path

import pytest
from temporalio.client import WorkflowHistory
from temporalio.worker import Replayer, WorkflowReplayResult

from starter.encryption.conversion import converter_with
from tests.replay.corpus import OURS, commands_of
from tests.replay.standing import HISTORIES, STORIES, tell
from workflows.policies import DELIVERY_ROUNDS_BEFORE_CONTINUING
from workflows.roster import WORKFLOWS
from workflows.sandbox import workflow_runner

KEPT = sorted(HISTORIES.rglob("*.json"))


def kept(file: Path) -> str:
    """Read a history."""
    return file.read_text(encoding="utf-8")


async def replayed(text: str) -> WorkflowReplayResult:
    """Replay a history with everything that the worker has."""
    replayer = Replayer(workflows=WORKFLOWS, workflow_runner=workflow_runner(), data_converter=converter_with())
    return await replayer.replay_workflow(WorkflowHistory.from_json("standing-1", text), raise_on_replay_failure=False)


@pytest.mark.parametrize("file", KEPT, ids=lambda file: f"{file.parent.name}-{file.stem}")
async def test_a_kept_history_of_a_standing_workflow_replays(file: Path) -> None:
    """Round after round, and over into the next run after as many rounds as then."""
    assert (await replayed(kept(file))).replay_failure is None


@pytest.mark.parametrize("name", STORIES)
async def test_a_standing_workflow_gives_the_commands_that_it_gave(name: str) -> None:
    """What replay compares; run `make histories` after a change that is meant, and guard it once it is released."""
    history = WorkflowHistory.from_json("standing-1", kept(HISTORIES / OURS / f"{name}.json"))
    assert commands_of(history) == commands_of(await tell(STORIES[name]))


def test_every_story_of_a_standing_workflow_has_a_history() -> None:
    """Under way and continued, of both; a run that continued holds a day of rounds and little history."""
    assert {file.stem for file in KEPT} >= set(STORIES)
    continued = json.loads(kept(HISTORIES / OURS / "outbox_continued.json"))["events"]
    rounds = [e for e in continued if e["eventType"] == "EVENT_TYPE_ACTIVITY_TASK_SCHEDULED"]
    assert len(rounds) == DELIVERY_ROUNDS_BEFORE_CONTINUING
    assert len(continued) < 7 * len(rounds)


@pytest.mark.parametrize("name", STORIES)
async def test_a_history_of_another_activity_does_not_replay(name: str) -> None:
    """The net holds."""
    changed = kept(HISTORIES / OURS / f"{name}.json")
    changed = changed.replace("deliver_outbox", "another").replace("deliver_webhooks", "another")
    assert (await replayed(changed)).replay_failure is not None
