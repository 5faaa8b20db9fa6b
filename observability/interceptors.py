"""Carrying a request's correlation to Temporal and on to the activities that serve it; a span for each step."""

from typing import Any

from temporalio import activity
from temporalio.client import (
    Interceptor,
    OutboundInterceptor,
    SignalWorkflowInput,
    StartWorkflowInput,
    StartWorkflowUpdateInput,
    WorkflowHandle,
    WorkflowUpdateHandle,
)
from temporalio.exceptions import ApplicationError, ApplicationErrorCategory
from temporalio.worker import ActivityInboundInterceptor, ExecuteActivityInput
from temporalio.worker import Interceptor as WorkerInterceptor

from observability.correlation import Correlation, correlate_task, current_correlation
from observability.tracing import UNTRACED, Kind, Span, Tracing

WHISTLE = "whistle:"
"""How the id of a whistle's workflow begins."""


class CorrelationInterceptor(Interceptor):
    """Sends the correlation of the request being served along with what it asks of Temporal."""

    def __init__(self, header: str, tracing: Tracing = UNTRACED) -> None:
        """Send it under this header."""
        self._header = header
        self._tracing = tracing

    def intercept_client(self, next: OutboundInterceptor) -> OutboundInterceptor:  # noqa: A002
        """Accompany a client's calls."""
        return _Outbound(next, self._header, self._tracing)


class _Outbound(OutboundInterceptor):
    def __init__(self, following: OutboundInterceptor, header: str, tracing: Tracing) -> None:
        super().__init__(following)
        self._header = header
        self._tracing = tracing

    async def start_workflow(self, input: StartWorkflowInput) -> WorkflowHandle[Any, Any]:  # noqa: A002
        with self._tracing.span(f"start {input.workflow}", Kind.CLIENT) as span:
            self._accompany(input, span)
            return await super().start_workflow(input)

    async def signal_workflow(self, input: SignalWorkflowInput) -> None:  # noqa: A002
        with self._tracing.span(f"signal {input.signal}", Kind.CLIENT) as span:
            self._accompany(input, span)
            await super().signal_workflow(input)

    async def start_workflow_update(self, input: StartWorkflowUpdateInput) -> WorkflowUpdateHandle[Any]:  # noqa: A002
        with self._tracing.span(f"update {input.update}", Kind.CLIENT) as span:
            self._accompany(input, span)
            return await super().start_workflow_update(input)

    def _accompany(
        self, given: StartWorkflowInput | SignalWorkflowInput | StartWorkflowUpdateInput, span: Span
    ) -> None:
        span.note(temporal__workflow_id=given.id, whistle__id=whistle_id_in(given.id))
        if correlation := current_correlation():
            here = correlation._replace(traceparent=span.traceparent or correlation.traceparent)
            given.headers = {**given.headers, self._header: here.to_payload()}


class ContextInterceptor(WorkerInterceptor):
    """Has an activity and all that it calls serve the request that came with its header."""

    def __init__(self, header: str = "", tracing: Tracing = UNTRACED) -> None:
        """Look for it under this header."""
        self._header = header
        self._tracing = tracing

    def intercept_activity(self, next: ActivityInboundInterceptor) -> ActivityInboundInterceptor:  # noqa: A002
        """Accompany activities."""
        return _Activity(next, self._header, self._tracing)


class _Activity(ActivityInboundInterceptor):
    def __init__(self, following: ActivityInboundInterceptor, header: str, tracing: Tracing) -> None:
        super().__init__(following)
        self._header = header
        self._tracing = tracing

    async def execute_activity(self, input: ExecuteActivityInput) -> Any:  # noqa: A002, ANN401
        came_with = Correlation.of_payload(input.headers.get(self._header))
        if came_with:
            correlate_task(came_with)
        # What works for half an hour, and serves nobody in particular, is no span.
        if came_with is None and not activity.info().is_local:
            return await self.next.execute_activity(input)
        return await self._traced(input, came_with)

    async def _traced(self, input: ExecuteActivityInput, came_with: Correlation | None) -> Any:  # noqa: A002, ANN401
        info = activity.info()
        parent = came_with.traceparent if came_with else None
        with self._tracing.span(f"activity {info.activity_type}", Kind.SERVER, parent) as span:
            span.note(temporal__workflow_id=info.workflow_id, whistle__id=whistle_id_in(info.workflow_id))
            span.note(temporal__activity__attempt=info.attempt, temporal__activity__local=info.is_local)
            span.note(whistle__command=getattr(input.args[0], "name", None) if input.args else None)
            try:
                return await self.next.execute_activity(input)
            except ApplicationError as error:
                if error.category is ApplicationErrorCategory.BENIGN:
                    span.note(whistle__problem=error.type)
                else:
                    span.fail(error.type or "ApplicationError")
                raise
            except Exception as error:
                span.fail(type(error).__name__)
                raise


def whistle_id_in(workflow_id: str | None) -> str | None:
    """Give the whistle of a workflow; None where it is none's."""
    return workflow_id.removeprefix(WHISTLE) if workflow_id and workflow_id.startswith(WHISTLE) else None
