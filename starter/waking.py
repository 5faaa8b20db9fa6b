"""What a sweep asks of Temporal: which whistles run at which version, and to wake those that stand still."""

from collections.abc import AsyncIterator, Awaitable, Callable
from typing import NamedTuple

from temporalio.client import Client, WorkflowExecution
from temporalio.common import WorkflowIDReusePolicy
from temporalio.service import RPCError, RPCStatusCode

from starter.opening import Opening
from starter.start import WORKFLOW_PREFIX, workflow_id_of
from storage.whistles import value_of
from workflows.names import WHISTLE_WORKFLOW
from workflows.presentation import ATTRIBUTE_KEYS
from workflows.search_attributes import WHISTLE_VERSION

PAGE = 1000
_RUNNING = f"WorkflowType = '{WHISTLE_WORKFLOW}' AND ExecutionStatus = 'Running'"
_VERSION = ATTRIBUTE_KEYS[WHISTLE_VERSION]


class Waking(NamedTuple):
    """The ways of a sweep into Temporal; `start_delivery` starts the deliverers of notices that do not run."""

    opening: Opening
    start_delivery: Callable[[], Awaitable[None]]

    async def running(self) -> AsyncIterator[dict[str, int]]:
        """Page through visibility; a whistle that shows no version counts as 0."""
        async for page in running_versions(self.opening.temporal):
            yield page

    async def wake(self, whistle_id: str) -> None:
        """Signal a whistle's workflow to catch up; one that is gone or was never started is started.

        Raises RPCError, and LookupError for a whistle that is not in the store.
        """
        try:
            await self.opening.temporal.get_workflow_handle(workflow_id_of(whistle_id)).signal("catch_up")
        except RPCError as error:
            if error.status is not RPCStatusCode.NOT_FOUND:
                raise
            await self._start(whistle_id)

    async def deliver(self) -> None:
        """Start the deliverers of notices where they do not run."""
        await self.start_delivery()

    async def _start(self, whistle_id: str) -> None:
        whistle = await value_of(self.opening.pool, whistle_id)
        if whistle is None:
            raise LookupError(whistle_id)
        if not whistle.ended:
            again = WorkflowIDReusePolicy.ALLOW_DUPLICATE_FAILED_ONLY
            await self.opening.open(whistle, again)


async def running_versions(temporal: Client) -> AsyncIterator[dict[str, int]]:
    """Page through the whistles with a running workflow, each with the version that it shows, 0 where it shows none."""
    found = temporal.list_workflows(_RUNNING, page_size=PAGE)
    while True:
        await found.fetch_next_page(page_size=PAGE)
        yield dict(map(_seen, found.current_page or ()))
        if found.next_page_token is None:
            return


def _seen(execution: WorkflowExecution) -> tuple[str, int]:
    return execution.id.removeprefix(WORKFLOW_PREFIX), execution.typed_search_attributes.get(_VERSION) or 0
