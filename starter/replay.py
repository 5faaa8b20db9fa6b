"""Replaying exported histories through this release's workflows, before it meets them in production."""

from dataclasses import replace
from pathlib import Path

from temporalio.client import WorkflowHistory
from temporalio.converter import DataConverter, DefaultFailureConverter
from temporalio.worker import Replayer

from domain.values import Frozen
from starter.encryption.envelope import workflow_of
from workflows.outbox import OutboxWorkflow
from workflows.whistle import WhistleWorkflow


class Replayed(Frozen):
    """What became of one history."""

    file: str
    events: int = 0
    replays: bool = False
    error: str | None = None


async def replay_file(file: Path, converter: DataConverter) -> Replayed:
    """Replay one history as `temporal workflow show --output json` or the UI exports it."""
    try:
        history = _read(file)
    except (OSError, ValueError, KeyError, TypeError) as error:
        return Replayed(file=str(file), error=f"not a history: {error}")
    # What goes wrong here is told to whoever asked, and to nobody else.
    telling = replace(converter, failure_converter_class=DefaultFailureConverter)
    replayer = Replayer(workflows=[WhistleWorkflow, OutboxWorkflow], data_converter=telling)
    result = await replayer.replay_workflow(history, raise_on_replay_failure=False)
    failure = result.replay_failure
    return Replayed(
        file=str(file),
        events=len(history.events),
        replays=failure is None,
        error=None if failure is None else f"{type(failure).__name__}: {failure}",
    )


def _read(file: Path) -> WorkflowHistory:
    history = WorkflowHistory.from_json(file.stem, file.read_text("utf-8"))
    if not history.events:
        raise ValueError("it has no events")
    # Encrypted payloads open in their own workflow alone, so it must be known whose history this is.
    started = history.events[0].workflow_execution_started_event_attributes
    made_for = next(filter(None, map(workflow_of, started.input.payloads)), None)
    return replace(history, workflow_id=started.workflow_id or made_for or file.stem)
