"""Who is served first when work waits in Temporal: emergencies before all else, and the townships in turn.

The server hands out waiting tasks by priority, and among equals by turns between fairness keys: the flood of one
township delays that township alone. Activities inherit both from the workflow.
"""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

from temporalio.api.workflow.v1 import WorkflowExecutionOptions
from temporalio.api.workflowservice.v1 import UpdateWorkflowExecutionOptionsRequest
from temporalio.client import Client
from temporalio.common import Priority

from domain.events import Event, WhistleProposed, WhistleResubmitted, WhistleTransferred
from domain.evolve import evolve
from domain.records import Record
from domain.values import ENGINE
from domain.vocabulary import WhistleKind
from domain.whistle import Whistle

FIRST = 1
"""The highest of the server's five; who says nothing has 3."""
RANKING = (WhistleProposed, WhistleResubmitted, WhistleTransferred)
"""The events that may change kind or township."""


def priority_of(whistle: Whistle) -> Priority:
    """Rank a whistle by its kind, and put it in the queue of its township."""
    emergency = whistle.kind is WhistleKind.EMERGENCY
    return Priority(priority_key=FIRST if emergency else None, fairness_key=whistle.township)


def new_rank(whistle: Whistle, events: Sequence[Event]) -> Priority | None:
    """Rank a whistle as these events will leave it; None where that is its rank already."""
    if not any(isinstance(event, RANKING) for event in events):
        return None
    after = whistle
    for event in events:
        after = evolve(after, _foreseen(event, after.sequence + 1))
    rank = priority_of(after)
    return None if rank == priority_of(whistle) else rank


async def rank_anew(temporal: Client, workflow_id: str, rank: Priority, within: timedelta) -> None:
    """Give a workflow that runs already another rank, from its next task on: one event, none if it has it. Idempotent.

    Raises RPCError.
    """
    options = WorkflowExecutionOptions()
    options.priority.priority_key = rank.priority_key or 0
    options.priority.fairness_key = rank.fairness_key or ""
    request = UpdateWorkflowExecutionOptionsRequest(namespace=temporal.namespace, workflow_execution_options=options)
    request.workflow_execution.workflow_id = workflow_id
    request.update_mask.paths.append("priority")
    await temporal.workflow_service.update_workflow_execution_options(request, timeout=within)


def _foreseen(event: Event, sequence: int) -> Record:
    return Record(sequence=sequence, at=datetime.now(UTC), actor=ENGINE, command_id="", event=event)
