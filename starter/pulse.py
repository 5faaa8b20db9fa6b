"""Whether a worker makes progress: it asks for work, as the server sees it.

A process that runs is no proof. One whose slots are all taken by what never ends, or whose pollers died, asks for no
work any more; the server knows who asked last.
"""

import asyncio
from datetime import timedelta
from typing import Protocol

import structlog
from temporalio.api.enums.v1 import TaskQueueType
from temporalio.api.taskqueue.v1 import TaskQueue
from temporalio.api.workflowservice.v1 import DescribeTaskQueueRequest
from temporalio.client import Client
from temporalio.service import RPCError

from observability.measures import WorkerMeasures

LOOKS_EVERY = timedelta(seconds=10)
ANSWERS_WITHIN = timedelta(seconds=5)
KINDS = {
    "workflow": TaskQueueType.TASK_QUEUE_TYPE_WORKFLOW,
    "activity": TaskQueueType.TASK_QUEUE_TYPE_ACTIVITY,
}

log = structlog.get_logger("pulse")


class Polled(Protocol):
    """Tells when the server last saw this worker ask for tasks of a kind, by the server's clock; None: never."""

    async def __call__(self, kind: str) -> float | None:
        """Ask it; raises RPCError where it does not answer."""


class PolledBy:
    """Asks the server for the pollers of a task queue, and looks for one of this client's identity."""

    def __init__(self, client: Client, task_queue: str) -> None:
        """Look through this client."""
        self._client = client
        self._task_queue = task_queue

    async def __call__(self, kind: str) -> float | None:
        """Tell when the server last saw this identity."""
        request = DescribeTaskQueueRequest(
            namespace=self._client.namespace,
            task_queue=TaskQueue(name=self._task_queue),
            task_queue_type=KINDS[kind],
        )
        told = await self._client.workflow_service.describe_task_queue(request, timeout=ANSWERS_WITHIN)
        seen = [p.last_access_time for p in told.pollers if p.identity == self._client.identity]
        return max((one.seconds + one.nanos / 1e9 for one in seen), default=None)


class Pulse:
    """How long this worker has been quiet while Temporal answered: the time in which it could have asked for work."""

    def __init__(self, polled: Polled, measures: WorkerMeasures, stalled_after: timedelta) -> None:
        """Take it by these."""
        self._polled = polled
        self._measures = measures
        self._stalled_after = stalled_after.total_seconds()
        self._every = min(LOOKS_EVERY.total_seconds(), self._stalled_after / 5)
        self._last: dict[str, float] = {}
        self._quiet = dict.fromkeys(KINDS, 0.0)

    @property
    def stalled(self) -> tuple[str, ...]:
        """Name the kinds of tasks that this worker has not asked for in too long."""
        return tuple(kind for kind, quiet in self._quiet.items() if quiet >= self._stalled_after)

    async def until_lost(self) -> tuple[str, ...]:
        """Watch until a stall has lasted twice as long as makes one; gives its kinds."""
        while True:
            await asyncio.sleep(self._every)
            await self.look(self._every)
            self._measures.stalled.set(bool(self.stalled))
            if self.stalled:
                log.error("worker_stalled", kinds=self.stalled, quiet_s=max(self._quiet.values()))
            if lost := tuple(kind for kind, quiet in self._quiet.items() if quiet >= 2 * self._stalled_after):
                return lost

    async def look(self, elapsed_s: float) -> None:
        """Look once, so long after the look before: a pause of the whole process counts as one step."""
        for kind in KINDS:
            try:
                last = await self._polled(kind)
            except RPCError:
                # Nobody can ask a server that is away.
                self._quiet[kind] = 0.0
                continue
            if last is None or last == self._last.get(kind):
                self._quiet[kind] += elapsed_s
            else:
                self._last[kind], self._quiet[kind] = last, 0.0
                self._measures.polled.labels(kind).set(last)
