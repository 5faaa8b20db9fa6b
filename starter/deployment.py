"""The versions of a district's workers: which gets how much of the work, and which may stop.

A version comes to be when its first worker asks for work. It gets none until it ramps or is current.
"""

import asyncio
from collections import defaultdict
from collections.abc import Awaitable, Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import TypeVar

from temporalio.api.deployment.v1 import WorkerDeploymentInfo
from temporalio.api.deployment.v1 import WorkerDeploymentVersion as VersionName
from temporalio.api.enums.v1 import TaskQueueType, WorkerDeploymentVersionStatus
from temporalio.api.taskqueue.v1 import TaskQueue
from temporalio.api.workflowservice.v1 import (
    DescribeTaskQueueRequest,
    DescribeWorkerDeploymentRequest,
    DescribeWorkerDeploymentVersionRequest,
    SetWorkerDeploymentCurrentVersionRequest,
    SetWorkerDeploymentRampingVersionRequest,
)
from temporalio.client import Client
from temporalio.service import RPCError, RPCStatusCode

from domain.errors import InvalidError, MoveNotAllowedError, NotFoundError, TemporarilyUnavailableError
from domain.values import Frozen
from starter.pulse import KINDS

LOOK_EVERY_S = 0.5
SEEN_WITHIN = timedelta(minutes=2)
"""A worker asks at least once a minute."""

UNVERSIONED = ""
_STATUS = "WORKER_DEPLOYMENT_VERSION_STATUS_"
_REFUSALS = {RPCStatusCode.FAILED_PRECONDITION, RPCStatusCode.INVALID_ARGUMENT, RPCStatusCode.NOT_FOUND}

T = TypeVar("T")


class Share(StrEnum):
    """What a version gets: nothing yet, all or a part of the work, what began on it and is pinned, nothing any more."""

    CREATED = "CREATED"
    INACTIVE = "INACTIVE"
    CURRENT = "CURRENT"
    RAMPING = "RAMPING"
    DRAINING = "DRAINING"
    DRAINED = "DRAINED"


class Version(Frozen):
    """One version: its share, who asks for its work, and, once counted, the open workflows whose last task it had.

    Only the pinned among them still need its workers.
    """

    build_id: str
    share: Share
    percentage: float | None = None
    workers: tuple[str, ...] = ()
    open: int | None = None
    pinned: int | None = None


class Deployment(Frozen):
    """All versions of one task queue; `current` None: the workers without a version get the work."""

    name: str
    current: str | None = None
    ramping: str | None = None
    percentage: float = 0
    versions: tuple[Version, ...] = ()
    unversioned_workers: tuple[str, ...] = ()

    def version(self, build_id: str) -> Version:
        """Find a version; raises NotFoundError."""
        for found in self.versions:
            if found.build_id == build_id:
                return found
        known = ", ".join(one.build_id for one in self.versions) or "none"
        raise NotFoundError(
            f"{self.name} has no version {build_id}, since no worker of it has asked yet; known: {known}"
        )


def unserved(found: Deployment) -> tuple[str, str] | None:
    """Say whose work nobody does, and what to do about it; None where all is done."""
    for build_id in filter(None, (found.current, found.ramping)):
        if not found.version(build_id).workers:
            detail = f"version {build_id} gets work, and no worker of it asks for any"
            return detail, "start its workers, or give the work to another: whistle deploy current BUILD"
    waiting = [one.build_id for one in found.versions if one.workers]
    if found.current is None and waiting and not found.unversioned_workers:
        detail = f"no version is current, so the workers of {', '.join(waiting)} get no work"
        return detail, f"whistle deploy current {waiting[0]}"
    return None


class Deployments:
    """Reads and moves the shares of the deployment that bears a task queue's name."""

    def __init__(self, client: Client, name: str) -> None:
        """Work through this client."""
        self.client = client
        self.name = name

    async def describe(self) -> Deployment:
        """Tell how the deployment stands; one that was never heard of has no versions."""
        workers = await self._workers()
        info = await self._info()
        routing = info.routing_config
        return Deployment(
            name=self.name,
            current=routing.current_deployment_version.build_id or None,
            ramping=routing.ramping_deployment_version.build_id or None,
            percentage=routing.ramping_version_percentage,
            versions=tuple(_version(info, summary, workers) for summary in info.version_summaries),
            unversioned_workers=workers.get(UNVERSIONED, ()),
        )

    async def counted(self, version: Version) -> Version:
        """Count the open workflows whose last task a version had, by Temporal's visibility."""
        last_on = f"TemporalWorkerDeploymentVersion = '{self.name}:{version.build_id}' AND ExecutionStatus = 'Running'"
        pinned = f"{last_on} AND TemporalWorkflowVersioningBehavior = 'Pinned'"
        found = [(await self.client.count_workflows(query)).count for query in (last_on, pinned)]
        return version.model_copy(update={"open": found[0], "pinned": found[1]})

    async def until_polled(self, build_id: str, within: timedelta) -> Version:
        """Wait until workers of a version ask for tasks of every kind; raises MoveNotAllowedError where none come."""

        async def polled() -> Version | None:
            found = await self.describe()
            return next((one for one in found.versions if one.build_id == build_id and one.workers), None)

        try:
            return await _until(polled, within)
        except TimeoutError:
            seconds = f"{within.total_seconds():g}"
            message = f"no worker of version {build_id} asked for work on {self.name} within {seconds} s"
            raise MoveNotAllowedError(message) from None

    async def ramp(self, build_id: str, percentage: float) -> None:
        """Give a version this share of the whistles, by their ids; 0 takes it back.

        Raises InvalidError, NotFoundError, and MoveNotAllowedError where Temporal refuses.
        """
        if not 0 <= percentage <= 100:  # noqa: PLR2004 - per cent
            raise InvalidError.of("percentage", "must lie between 0 and 100")
        (await self.describe()).version(build_id)
        request = SetWorkerDeploymentRampingVersionRequest(
            namespace=self.client.namespace,
            deployment_name=self.name,
            build_id=build_id if percentage else "",
            percentage=percentage,
            identity=self.client.identity,
        )
        with _refusals_named():
            await self.client.workflow_service.set_worker_deployment_ramping_version(request)

    async def make_current(self, build_id: str | None) -> None:
        """Give a version all the work, or with None the workers that have no version.

        Raises NotFoundError, and MoveNotAllowedError where Temporal refuses or there are no such workers.
        """
        found = await self.describe()
        if build_id is not None:
            found.version(build_id)
        elif not found.unversioned_workers:
            raise MoveNotAllowedError(f"no worker without a version asks for work on {self.name}")
        request = SetWorkerDeploymentCurrentVersionRequest(
            namespace=self.client.namespace,
            deployment_name=self.name,
            build_id=build_id or "",
            identity=self.client.identity,
        )
        with _refusals_named():
            await self.client.workflow_service.set_worker_deployment_current_version(request)

    async def until_drained(self, build_id: str, within: timedelta, tell: Callable[[Version], None]) -> Version:
        """Wait until nothing needs a version's workers any more; `tell` hears of each change.

        Raises NotFoundError, MoveNotAllowedError for one that gets work, TemporarilyUnavailableError past the time.
        """
        told: Version | None = None

        async def drained() -> Version | None:
            nonlocal told
            found = await self.counted((await self.describe()).version(build_id))
            if found.share in (Share.CURRENT, Share.RAMPING):
                raise MoveNotAllowedError(f"version {build_id} is {found.share}: its workers are needed")
            if found != told:
                tell(found)
                told = found
            idle = found.share is not Share.DRAINING and not found.pinned and not await self._waiting(build_id)
            return found if idle else None

        try:
            return await _until(drained, within)
        except TimeoutError:
            message = f"version {build_id} is not drained after {within.total_seconds():g} s; ask again"
            raise TemporarilyUnavailableError(message) from None

    async def _info(self) -> WorkerDeploymentInfo:
        request = DescribeWorkerDeploymentRequest(namespace=self.client.namespace, deployment_name=self.name)
        try:
            told = await self.client.workflow_service.describe_worker_deployment(request)
        except RPCError as error:
            if error.status is RPCStatusCode.NOT_FOUND:
                return WorkerDeploymentInfo(name=self.name)
            raise
        return told.worker_deployment_info

    async def _workers(self) -> dict[str, tuple[str, ...]]:
        """Name, by build, the workers that ask for tasks of every kind."""
        by_kind = [await self._asking(kind) for kind in KINDS.values()]
        builds = sorted({build for asking in by_kind for build in asking})
        return {build: tuple(sorted(set.intersection(*(asking[build] for asking in by_kind)))) for build in builds}

    async def _asking(self, kind: TaskQueueType.ValueType) -> dict[str, set[str]]:
        request = DescribeTaskQueueRequest(
            namespace=self.client.namespace, task_queue=TaskQueue(name=self.name), task_queue_type=kind
        )
        found = (await self.client.workflow_service.describe_task_queue(request)).pollers
        since = datetime.now(UTC) - SEEN_WITHIN
        asking = defaultdict[str, set[str]](set)
        for poller in found:
            if poller.last_access_time.ToDatetime(UTC) > since:
                asking[poller.deployment_options.build_id or UNVERSIONED].add(poller.identity)
        return asking

    async def _waiting(self, build_id: str) -> int:
        """Count the tasks that wait for a version's workers."""
        request = DescribeWorkerDeploymentVersionRequest(
            namespace=self.client.namespace,
            deployment_version=VersionName(deployment_name=self.name, build_id=build_id),
            report_task_queue_stats=True,
        )
        told = await self.client.workflow_service.describe_worker_deployment_version(request)
        return sum(queue.stats.approximate_backlog_count for queue in told.version_task_queues)


def _version(
    info: WorkerDeploymentInfo,
    summary: WorkerDeploymentInfo.WorkerDeploymentVersionSummary,
    workers: Mapping[str, tuple[str, ...]],
) -> Version:
    share = Share(WorkerDeploymentVersionStatus.Name(summary.status).removeprefix(_STATUS))
    return Version(
        build_id=summary.deployment_version.build_id,
        share=share,
        percentage=info.routing_config.ramping_version_percentage if share is Share.RAMPING else None,
        workers=workers.get(summary.deployment_version.build_id, ()),
    )


async def _until(found: Callable[[], Awaitable[T | None]], within: timedelta) -> T:
    async with asyncio.timeout(within.total_seconds()):
        while True:
            if (it := await found()) is not None:
                return it
            await asyncio.sleep(LOOK_EVERY_S)


@contextmanager
def _refusals_named() -> Iterator[None]:
    try:
        yield
    except RPCError as error:
        if error.status not in _REFUSALS:
            raise
        raise MoveNotAllowedError(f"Temporal refuses: {error.message}") from None
