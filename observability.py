"""Logs: an event's name plus keys, JSON off a terminal, with the context of workflow and activity bound once."""

import logging
import sys
from typing import Any, TextIO

import structlog
from structlog.contextvars import bind_contextvars, bound_contextvars
from structlog.typing import EventDict, Processor, WrappedLogger
from temporalio import activity, workflow
from temporalio.runtime import LoggingConfig, LoggingFormat, Runtime, TelemetryConfig, TelemetryFilter
from temporalio.worker import (
    ActivityInboundInterceptor,
    ExecuteActivityInput,
    ExecuteWorkflowInput,
    HandleSignalInput,
    HandleUpdateInput,
    Interceptor,
    WorkflowInboundInterceptor,
    WorkflowInterceptorClassInput,
)


def configure_logging(level: str = "INFO", stream: TextIO = sys.stderr) -> None:
    """Send structlog and the standard library's loggers down one road: for a person on a terminal, else for a machine."""
    on_terminal = stream.isatty()
    shared: list[Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.stdlib.ExtraAdder(),
        structlog.processors.TimeStamper(fmt="iso"),
        _without_sdk_details,
    ]
    if not on_terminal:
        shared.append(structlog.processors.format_exc_info)
    structlog.configure(
        processors=[*shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=True,
    )
    renderer: Processor = (
        structlog.dev.ConsoleRenderer() if on_terminal else structlog.processors.JSONRenderer(ensure_ascii=False)
    )
    handler = logging.StreamHandler(stream)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared,
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, renderer],
        )
    )
    logging.basicConfig(handlers=[handler], level=level, force=True)
    for adapter in (workflow.logger, activity.logger):
        _leave_context_to_interceptors(adapter)


def temporal_runtime() -> Runtime:
    """Make the one runtime of this process, whose core logs as JSON too."""
    quiet = TelemetryFilter(core_level="WARN", other_level="ERROR")
    return Runtime(telemetry=TelemetryConfig(logging=LoggingConfig(filter=quiet, format=LoggingFormat.JSON)))


class ContextInterceptor(Interceptor):
    """Binds who logs: workflow, run, update or signal; activity and attempt."""

    def intercept_activity(self, next: ActivityInboundInterceptor) -> ActivityInboundInterceptor:  # noqa: A002
        """Bind the context of activities."""
        return _ActivityContext(next)

    def workflow_interceptor_class(self, input: WorkflowInterceptorClassInput) -> type[WorkflowInboundInterceptor]:  # noqa: A002, ARG002
        """Bind the context of workflows."""
        return _WorkflowContext


class _ActivityContext(ActivityInboundInterceptor):
    async def execute_activity(self, input: ExecuteActivityInput) -> Any:  # noqa: A002, ANN401
        info = activity.info()
        with bound_contextvars(workflow_id=info.workflow_id, activity=info.activity_type, attempt=info.attempt):
            return await self.next.execute_activity(input)


class _WorkflowContext(WorkflowInboundInterceptor):
    # Each of these runs in a task, hence in a context, of its own: what is bound here ends with it.
    async def execute_workflow(self, input: ExecuteWorkflowInput) -> Any:  # noqa: A002, ANN401
        _bind_workflow()
        return await self.next.execute_workflow(input)

    async def handle_signal(self, input: HandleSignalInput) -> None:  # noqa: A002
        _bind_workflow(signal=input.signal)
        await self.next.handle_signal(input)

    async def handle_update_handler(self, input: HandleUpdateInput) -> Any:  # noqa: A002, ANN401
        _bind_workflow(update=input.update, update_id=input.id)
        return await self.next.handle_update_handler(input)


def _bind_workflow(**more: str) -> None:
    info = workflow.info()
    bind_contextvars(workflow_id=info.workflow_id, run_id=info.run_id, **more)


def _leave_context_to_interceptors(adapter: Any) -> None:  # noqa: ANN401 - two adapters without a common base
    for name in ("workflow_info_on_message", "workflow_info_on_extra", "activity_info_on_message", "activity_info_on_extra"):
        if hasattr(adapter, name):
            setattr(adapter, name, False)


def _without_sdk_details(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
    for key in ("temporal_workflow", "temporal_activity"):
        details = event.pop(key, None)
        if isinstance(details, dict):
            event.setdefault("workflow_id", details.get("workflow_id"))
    return event
