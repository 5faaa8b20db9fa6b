"""How Temporal and what runs on it are: what `whistle doctor` says of server, search attributes, workers and lags."""

import asyncio
from datetime import UTC, datetime, timedelta

from temporalio.api.enums.v1 import TaskQueueType
from temporalio.api.taskqueue.v1 import TaskQueue
from temporalio.api.workflowservice.v1 import DescribeTaskQueueRequest, GetSystemInfoRequest

from settings import Settings
from starter.client import WhistleClient
from starter.deployment import Deployments, unserved
from starter.encryption.health import in_force, unreadable_workflows
from starter.findings import Examination, Health, Verdict
from starter.schedules import schedules_on
from starter.scheduling import show_all
from starter.shown_versions import shown_versions
from starter.visibility import registered
from storage.feed import highest_position
from storage.movements import moved
from workflows.search_attributes import SEARCH_ATTRIBUTES

_LOOK_AGAIN_S = (0.0, 0.5, 1.0, 1.5)
_POLLED_WITHIN = timedelta(minutes=2)
_POLLED = (TaskQueueType.TASK_QUEUE_TYPE_WORKFLOW, TaskQueueType.TASK_QUEUE_TYPE_ACTIVITY)
_COMPARED = 2_000
"""How many of the last events are compared with what workflows show; the compliance sweep compares all."""
_NAMED = 3


async def _temporal(client: WhistleClient, settings: Settings) -> Verdict:
    info = await client.temporal.workflow_service.get_system_info(GetSystemInfoRequest())
    return Health.WELL, f"Temporal server {info.server_version}, namespace {settings.temporal_namespace}", None


async def _encryption(client: WhistleClient, settings: Settings) -> Verdict:
    if lost := await unreadable_workflows(client.temporal):
        first, error = next(iter(lost.items()))
        detail = f"{len(lost)} workflows cannot be read and stand still, among them {first} ({error})"
        return Health.BROKEN, detail, "whistle payload-keys list --in-use; docs/how-to/encrypt.md"
    return Health.WELL, in_force(settings), None


async def _search_attributes(client: WhistleClient, _settings: Settings) -> Verdict:
    found = await registered(client.temporal)
    if found.other:
        return Health.BROKEN, f"of another type than ours: {', '.join(found.other)}", "rename or remove them"
    if found.missing:
        return Health.BROKEN, f"not registered: {', '.join(found.missing)}", f"whistle migrate, or {found.command}"
    return Health.WELL, f"{len(SEARCH_ATTRIBUTES)} registered", None


async def _worker(client: WhistleClient, settings: Settings) -> Verdict:
    # A stack that has only just started has a worker that is about to poll.
    for pause in _LOOK_AGAIN_S:
        await asyncio.sleep(pause)
        polls = [await _pollers(client, settings, kind) for kind in _POLLED]
        if all(polls):
            return Health.WELL, f"task queue {settings.task_queue}: {', '.join(sorted(set().union(*polls)))}", None
    return Health.BROKEN, f"nobody polls the task queue {settings.task_queue}", "whistle worker (whistle up starts one)"


async def _pollers(client: WhistleClient, settings: Settings, kind: TaskQueueType.ValueType) -> set[str]:
    request = DescribeTaskQueueRequest(
        namespace=settings.temporal_namespace, task_queue=TaskQueue(name=settings.task_queue), task_queue_type=kind
    )
    found = (await client.temporal.workflow_service.describe_task_queue(request)).pollers
    since = datetime.now(UTC) - _POLLED_WITHIN
    return {poller.identity for poller in found if poller.last_access_time.ToDatetime(UTC) > since}


async def _deployment(client: WhistleClient, settings: Settings) -> Verdict:
    found = await Deployments(client.temporal, settings.task_queue).describe()
    if fault := unserved(found):
        return Health.BROKEN, *fault
    ramping = f", {found.percentage:g} % to {found.ramping}" if found.ramping else ""
    serving = f"version {found.current} is current" if found.current else "workers without a version do the work"
    return Health.WELL, serving + ramping, None


async def _lags(client: WhistleClient, _settings: Settings) -> Verdict:
    highest = await highest_position(client.pool)
    stored = await moved(client.pool, max(0, highest - _COMPARED), highest)
    behind: list[str] = []
    # What was stored a moment ago shows a moment later.
    for pause in _LOOK_AGAIN_S:
        await asyncio.sleep(pause)
        shown = await shown_versions(client.temporal, list(stored))
        behind = [f"{one} ({shown[one]} of {last})" for one, last in stored.items() if shown.get(one, last) < last]
        if not behind:
            return Health.WELL, f"{len(stored)} whistles that moved lately show what is stored", None
    advice = "the worker wakes them within seconds; if they stay so, open them in the Temporal UI"
    return Health.WARNING, f"{len(behind)} whistles lag behind the store: {', '.join(behind[:_NAMED])}", advice


async def _schedules(client: WhistleClient, settings: Settings) -> Verdict:
    shown = await show_all(client.temporal, schedules_on(settings.task_queue))
    if amiss := [one.id for one in shown if not one.exists or one.differences]:
        return Health.BROKEN, f"missing, or other than this release's: {', '.join(amiss)}", "whistle schedules apply"
    if paused := [f"{one.id} ({one.note})" for one in shown if one.paused]:
        return Health.WARNING, f"paused: {', '.join(paused)}", "whistle schedules unpause ID"
    return Health.WELL, f"{len(shown)} applied", None


OF_TEMPORAL: dict[str, Examination] = {
    "引擎 Temporal": _temporal,
    "载荷加密 payload encryption": _encryption,
    "检索字段 search attributes": _search_attributes,
    "执行者 worker": _worker,
    "发布版本 deployment": _deployment,
    "流程版本 versions": _lags,
    "定时任务 schedules": _schedules,
}
