"""Replaying histories through this release's workflows before it meets them in production: files, or open ones."""

import asyncio
from collections import deque
from collections.abc import AsyncGenerator, AsyncIterator
from dataclasses import replace
from pathlib import Path

from temporalio.client import Client, WorkflowHistory
from temporalio.converter import DataConverter, DefaultFailureConverter
from temporalio.service import RPCError, RPCStatusCode
from temporalio.worker import Replayer, WorkflowReplayResult

from domain.values import Frozen
from observability.runtime import silent_runtime
from starter.encryption.envelope import workflow_of
from workflows.roster import WORKFLOWS
from workflows.sandbox import workflow_runner

FETCHED_AT_ONCE = 8
PAGE = 100


class Replayed(Frozen):
    """What became of one history."""

    file: str
    events: int = 0
    replays: bool = False
    error: str | None = None


class OpenReplayed(Frozen):
    """What became of the history of one open workflow."""

    workflow_id: str
    run_id: str
    events: int
    replays: bool
    error: str | None = None


async def replay_file(file: Path, converter: DataConverter) -> Replayed:
    """Replay one history as `temporal workflow show --output json` or the UI exports it."""
    try:
        history = _read(file)
    except (OSError, ValueError, KeyError, TypeError) as fault:
        return Replayed(file=str(file), error=f"not a history: {fault}")
    result = await _replayer(converter).replay_workflow(history, raise_on_replay_failure=False)
    error = _told(result)
    return Replayed(file=str(file), events=len(history.events), replays=error is None, error=error)


async def replay_open(
    client: Client, query: str, *, limit: int | None = None, at_once: int = FETCHED_AT_ONCE
) -> AsyncGenerator[OpenReplayed, None]:
    """Replay the workflows that a query finds, the newest first; those that are gone meanwhile are left out.

    Few histories are held at a time. One that fails is fetched once more: it may have been read in mid-task.
    Raises RPCError.
    """
    replayer = _replayer(client.data_converter)
    async with replayer.workflow_replay_iterator(_histories(client, query, limit, at_once)) as results:
        async for result in results:
            yield await _again(client, replayer, result) if result.replay_failure else _of(result)


def open_ones(task_queue: str) -> str:
    """Query what a new release will meet: whatever is open on a task queue."""
    return f"ExecutionStatus = 'Running' AND TaskQueue = '{task_queue}'"


async def _histories(client: Client, query: str, limit: int | None, at_once: int) -> AsyncIterator[WorkflowHistory]:
    """Fetch ahead, so many at a time, and give them in their order."""
    ahead = deque[asyncio.Task[WorkflowHistory | None]]()
    try:
        async for found in client.list_workflows(query, page_size=PAGE, limit=limit):
            ahead.append(asyncio.create_task(_fetched(client, found.id, found.run_id)))
            if len(ahead) >= at_once and (history := await ahead.popleft()):
                yield history
        while ahead:
            if history := await ahead.popleft():
                yield history
    finally:
        for task in ahead:
            task.cancel()


async def _again(client: Client, replayer: Replayer, failed: WorkflowReplayResult) -> OpenReplayed:
    history = await _fetched(client, failed.history.workflow_id, failed.history.run_id)
    if history is None:
        return _of(failed)
    return _of(await replayer.replay_workflow(history, raise_on_replay_failure=False))


async def _fetched(client: Client, workflow_id: str, run_id: str) -> WorkflowHistory | None:
    try:
        return await client.get_workflow_handle(workflow_id, run_id=run_id).fetch_history()
    except RPCError as error:
        if error.status is RPCStatusCode.NOT_FOUND:
            return None
        raise


def _replayer(converter: DataConverter) -> Replayer:
    # What goes wrong here is told to whoever asked, and to nobody else.
    telling = replace(converter, failure_converter_class=DefaultFailureConverter)
    return Replayer(
        workflows=WORKFLOWS,
        workflow_runner=workflow_runner(),
        data_converter=telling,
        runtime=silent_runtime(),
    )


def _of(result: WorkflowReplayResult) -> OpenReplayed:
    history, error = result.history, _told(result)
    return OpenReplayed(
        workflow_id=history.workflow_id,
        run_id=history.run_id,
        events=len(history.events),
        replays=error is None,
        error=error,
    )


def _told(result: WorkflowReplayResult) -> str | None:
    failure = result.replay_failure
    return None if failure is None else f"{type(failure).__name__}: {failure}"


def _read(file: Path) -> WorkflowHistory:
    history = WorkflowHistory.from_json(file.stem, file.read_text("utf-8"))
    if not history.events:
        raise ValueError("it has no events")
    # Encrypted payloads open in their own workflow alone, so it must be known whose history this is.
    started = history.events[0].workflow_execution_started_event_attributes
    made_for = next(filter(None, map(workflow_of, started.input.payloads)), None)
    return replace(history, workflow_id=started.workflow_id or made_for or file.stem)
