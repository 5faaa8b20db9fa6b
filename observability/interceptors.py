"""Carrying a request's correlation to Temporal; a span for each step."""

from typing import Any

from temporalio.client import (
    Interceptor,
    OutboundInterceptor,
    SignalWorkflowInput,
    StartWorkflowInput,
    StartWorkflowUpdateInput,
    WorkflowHandle,
    WorkflowUpdateHandle,
)

from observability.correlation import current_correlation
from observability.subjects import whistle_id_in
from observability.tracing import UNTRACED, Kind, Span, Tracing


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
