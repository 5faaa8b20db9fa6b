"""Replaying exported histories through this release's workflows, before it meets them in production."""

from pathlib import Path

from temporalio.client import WorkflowHistory
from temporalio.contrib.pydantic import pydantic_data_converter
from temporalio.worker import Replayer

from domain.values import Frozen
from workflows.outbox import OutboxWorkflow
from workflows.whistle import WhistleWorkflow


class Replayed(Frozen):
    """What became of one history."""

    file: str
    events: int = 0
    replays: bool = False
    error: str | None = None


async def replay_file(file: Path) -> Replayed:
    """Replay one history as `temporal workflow show --output json` or the UI exports it."""
    try:
        history = _read(file)
    except (OSError, ValueError, KeyError, TypeError) as error:
        return Replayed(file=str(file), error=f"not a history: {error}")
    replayer = Replayer(workflows=[WhistleWorkflow, OutboxWorkflow], data_converter=pydantic_data_converter)
    result = await replayer.replay_workflow(history, raise_on_replay_failure=False)
    failure = result.replay_failure
    return Replayed(
        file=str(file),
        events=len(history.events),
        replays=failure is None,
        error=None if failure is None else f"{type(failure).__name__}: {failure}",
    )


def _read(file: Path) -> WorkflowHistory:
    return WorkflowHistory.from_json(file.stem, file.read_text("utf-8"))
