"""Asking the workers of one version whether they could do their work, before they are given any."""

from datetime import timedelta

from temporalio.client import Client, WorkflowFailureError
from temporalio.common import PinnedVersioningOverride, WorkerDeploymentVersion, WorkflowIDConflictPolicy
from temporalio.exceptions import TimeoutError as TimedOutError
from temporalio.service import RPCError, RPCStatusCode

from domain.errors import MoveNotAllowedError
from domain.readiness import Readiness
from workflows.readiness import ReadinessWorkflow


async def until_ready(client: Client, task_queue: str, build_id: str, within: timedelta) -> Readiness:
    """Have a worker of this version go through a workflow of its own and look at its database.

    Raises MoveNotAllowedError where none answers in time, its database is away, or lacks a migration.
    """
    version = WorkerDeploymentVersion(task_queue, build_id)
    try:
        found = await client.execute_workflow(
            ReadinessWorkflow.run,
            id=f"readiness:{build_id}",
            task_queue=task_queue,
            execution_timeout=within,
            id_conflict_policy=WorkflowIDConflictPolicy.TERMINATE_EXISTING,
            versioning_override=PinnedVersioningOverride(version),
            static_summary=f"就绪检查 {build_id}",
        )
    except WorkflowFailureError as failure:
        raise MoveNotAllowedError(_reason(failure, build_id, within)) from None
    except RPCError as error:
        if error.status is not RPCStatusCode.FAILED_PRECONDITION:
            raise
        raise MoveNotAllowedError(f"Temporal refuses: {error.message}") from None
    if missing := ", ".join(found.missing_migrations):
        raise MoveNotAllowedError(f"version {build_id} is not ready: run whistle migrate, the database lacks {missing}")
    return found


def _reason(failure: WorkflowFailureError, build_id: str, within: timedelta) -> str:
    cause: BaseException | None = failure.cause
    if isinstance(cause, TimedOutError):
        return f"no worker of version {build_id} answered within {within.total_seconds():g} s"
    while cause is not None and cause.__cause__ is not None:
        cause = cause.__cause__
    return f"version {build_id} is not ready: {cause}"
