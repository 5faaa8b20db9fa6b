"""What Temporal tells of one whistle: every event of every run, in the words that admins read."""

import re
from collections.abc import AsyncIterator
from datetime import UTC, datetime

from temporalio.api.common.v1 import Payload
from temporalio.api.enums.v1 import EventType
from temporalio.api.history.v1 import HistoryEvent
from temporalio.client import Client

from domain.commands import COMMANDS
from domain.values import Frozen
from starter.start import workflow_id_of

LABELS = {
    "WorkflowExecutionStarted": "流程启动",
    "WorkflowExecutionCompleted": "流程办结",
    "WorkflowExecutionFailed": "流程失败",
    "WorkflowExecutionTimedOut": "流程超时",
    "WorkflowExecutionTerminated": "流程被终止",
    "WorkflowExecutionCancelRequested": "请求撤销流程",
    "WorkflowExecutionCanceled": "流程已撤销",
    "WorkflowExecutionContinuedAsNew": "续接新流程",
    "WorkflowExecutionSignaled": "收到信号",
    "WorkflowExecutionUpdateAdmitted": "命令重新送达",
    "WorkflowExecutionUpdateAccepted": "收到命令",
    "WorkflowExecutionUpdateCompleted": "命令办结",
    "WorkflowTaskScheduled": "排队决策",
    "WorkflowTaskStarted": "开始决策",
    "WorkflowTaskCompleted": "完成决策",
    "WorkflowTaskFailed": "决策失败",
    "WorkflowTaskTimedOut": "决策超时",
    "ActivityTaskScheduled": "安排活动",
    "ActivityTaskStarted": "活动开始",
    "ActivityTaskCompleted": "活动完成",
    "ActivityTaskFailed": "活动失败",
    "ActivityTaskTimedOut": "活动超时",
    "TimerStarted": "计时开始",
    "TimerFired": "计时到期",
    "TimerCanceled": "计时取消",
    "MarkerRecorded": "登记台账结果",
    "UpsertWorkflowSearchAttributes": "更新检索字段",
    "WorkflowPropertiesModified": "更新流程备注",
    "WorkflowExecutionOptionsUpdated": "调整流程选项",
}
ROUTINE = frozenset({"WorkflowTaskScheduled", "WorkflowTaskStarted", "WorkflowTaskCompleted"})
"""The engine's own heartbeat, which tells a reader nothing."""


class EngineEvent(Frozen):
    """One event of a run: `type` as the Temporal UI names it, `label` in Chinese, `summary` as admins read it."""

    run_id: str
    event_id: int
    at: datetime
    type: str
    label: str
    summary: str | None = None


async def engine_events(temporal: Client, whistle_id: str) -> AsyncIterator[EngineEvent]:
    """Walk through the events of all runs of a whistle's workflow that Temporal still holds, the oldest first."""
    workflow_id = workflow_id_of(whistle_id)
    runs = [(run.start_time, run.run_id) async for run in temporal.list_workflows(f"WorkflowId = '{workflow_id}'")]
    for _, run_id in sorted(runs):
        handle = temporal.get_workflow_handle(workflow_id, run_id=run_id)
        async for event in handle.fetch_history_events():
            yield await _read(temporal, run_id, event)


async def _read(temporal: Client, run_id: str, event: HistoryEvent) -> EngineEvent:
    name = EventType.Name(event.event_type).removeprefix("EVENT_TYPE_").title().replace("_", "")
    return EngineEvent(
        run_id=run_id,
        event_id=event.event_id,
        at=event.event_time.ToDatetime(UTC),
        type=name,
        label=LABELS.get(name, re.sub(r"(?<!^)(?=[A-Z])", " ", name)),
        summary=await _summary(temporal, event),
    )


async def _summary(temporal: Client, event: HistoryEvent) -> str | None:
    update = event.workflow_execution_update_accepted_event_attributes.accepted_request.input.name
    if update:
        return f"{COMMANDS[update].label} {update}" if update in COMMANDS else update
    if event.user_metadata.HasField("summary"):
        return await _text(temporal, event.user_metadata.summary)
    return (
        await _failure(temporal, event)
        or event.workflow_execution_terminated_event_attributes.reason
        or event.workflow_execution_signaled_event_attributes.signal_name
        or event.activity_task_scheduled_event_attributes.activity_type.name
        or None
    )


async def _failure(temporal: Client, event: HistoryEvent) -> str | None:
    for attributes in (
        event.workflow_task_failed_event_attributes,
        event.activity_task_failed_event_attributes,
        event.workflow_execution_failed_event_attributes,
    ):
        if attributes.HasField("failure"):
            # Where payloads are encrypted its message is too.
            return str(await temporal.data_converter.decode_failure(attributes.failure))
    return None


async def _text(temporal: Client, payload: Payload) -> str:
    [text] = await temporal.data_converter.decode([payload], [str])
    return str(text)
