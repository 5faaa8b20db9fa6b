"""The workflows that never end: they are opened by whoever finds them missing, and mark whose a namespace is."""

import asyncio
from datetime import timedelta

import structlog
from temporalio.client import Client
from temporalio.common import WorkflowIDConflictPolicy
from temporalio.service import RPCError

from workflows.outbox import OUTBOX, OutboxWorkflow
from workflows.webhooks import WEBHOOKS, WebhookWorkflow

STANDING = {OUTBOX: (OutboxWorkflow, "通知投递"), WEBHOOKS: (WebhookWorkflow, "webhook 推送")}
"""By id, each with the line by which admins know it."""
AGAIN_AFTER = timedelta(seconds=5)

log = structlog.get_logger("standing")


class NamespaceTakenError(Exception):
    """The namespace serves another task queue: two districts would share ids, outbox and sweeps."""

    def __init__(self, namespace: str, task_queue: str, ours: str) -> None:
        """Name both task queues."""
        super().__init__(
            f"namespace {namespace} belongs to task queue {task_queue}, not {ours}: give each district a namespace of"
            " its own (TEMPORAL_NAMESPACE); a district keeps its WHISTLE_TASK_QUEUE for good"
        )


async def keep_open(client: Client, task_queue: str) -> None:
    """Start them where they do not run, for as long as it takes; raises NamespaceTakenError."""
    for workflow_id, (kind, summary) in STANDING.items():
        theirs = await _open(client, task_queue, workflow_id, kind.__name__, summary)
        if theirs != task_queue:
            raise NamespaceTakenError(client.namespace, theirs, task_queue)


async def _open(client: Client, task_queue: str, workflow_id: str, kind: str, summary: str) -> str:
    """Start a workflow where it does not run, and give the task queue on which it runs."""
    while True:
        try:
            handle = await client.start_workflow(
                kind,
                id=workflow_id,
                task_queue=task_queue,
                id_conflict_policy=WorkflowIDConflictPolicy.USE_EXISTING,
                static_summary=summary,
            )
            return (await handle.describe()).task_queue
        except RPCError as error:
            log.warning("workflow_not_started", workflow_id=workflow_id, reason=str(error))
            await asyncio.sleep(AGAIN_AFTER.total_seconds())
