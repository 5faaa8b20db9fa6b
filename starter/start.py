"""Starting a whistle's workflow: once, however often it is asked for."""

from typing import NamedTuple

from temporalio.client import Client
from temporalio.common import (
    SearchAttributeKey,
    SearchAttributePair,
    TypedSearchAttributes,
    WorkflowIDConflictPolicy,
    WorkflowIDReusePolicy,
)
from temporalio.exceptions import WorkflowAlreadyStartedError

from domain.ledger import WhistleInput
from domain.vocabulary import State
from domain.whistle import Whistle
from starter.precedence import priority_of
from workflows import search_attributes as names
from workflows.names import WHISTLE_WORKFLOW

WORKFLOW_PREFIX = "whistle:"


def workflow_id_of(whistle_id: str) -> str:
    """Give the id of a whistle's workflow."""
    return f"{WORKFLOW_PREFIX}{whistle_id}"


class Metadata(NamedTuple):
    """What Temporal's own tools show of a workflow from its start, as Markdown; it never changes."""

    summary: str
    details: str | None = None


async def start_whistle(
    client: Client, task_queue: str, whistle: Whistle, metadata: Metadata, reuse: WorkflowIDReusePolicy
) -> None:
    """Start the workflow of a stored registration; one that runs, or may not run again by `reuse`, is left alone.

    Raises the client's errors when Temporal is away.
    """
    try:
        await client.start_workflow(
            WHISTLE_WORKFLOW,
            WhistleInput(whistle_id=whistle.whistle_id, title=whistle.title),
            id=workflow_id_of(whistle.whistle_id),
            task_queue=task_queue,
            id_conflict_policy=WorkflowIDConflictPolicy.USE_EXISTING,
            id_reuse_policy=reuse,
            search_attributes=_attributes_at_start(),
            static_summary=metadata.summary,
            static_details=metadata.details,
            priority=priority_of(whistle),
        )
    except WorkflowAlreadyStartedError:
        return


def _attributes_at_start() -> TypedSearchAttributes:
    state = SearchAttributeKey.for_keyword(names.WHISTLE_STATE)
    version = SearchAttributeKey.for_int(names.WHISTLE_VERSION)
    return TypedSearchAttributes([SearchAttributePair(state, State.SOURCED.value), SearchAttributePair(version, 1)])
