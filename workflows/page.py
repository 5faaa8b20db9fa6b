"""The page of a whistle in the Temporal UI, drawn when somebody opens it: for most commands nobody looks.

Drawing it anew after each command took a fifth of a workflow's own time (docs/performance.md).
"""

from typing import Any, Protocol, runtime_checkable

from temporalio import workflow
from temporalio.api.sdk.v1 import WorkflowMetadata
from temporalio.worker import (
    HandleQueryInput,
    Interceptor,
    WorkflowInboundInterceptor,
    WorkflowInterceptorClassInput,
)


@runtime_checkable
class Drawn(Protocol):
    """A workflow that has a page."""

    def page(self) -> str:
        """Draw it, as Markdown."""


class PageInterceptor(Interceptor):
    """Has the workflows of a worker draw their current details for the query by which Temporal's tools ask for them."""

    def workflow_interceptor_class(self, _input: WorkflowInterceptorClassInput) -> type[WorkflowInboundInterceptor]:
        """Accompany each workflow by one of these."""
        return _Inbound


class _Inbound(WorkflowInboundInterceptor):
    async def handle_query(self, input: HandleQueryInput) -> Any:  # noqa: A002, ANN401
        told = await super().handle_query(input)
        if isinstance(told, WorkflowMetadata) and isinstance(drawn := workflow.instance(), Drawn):
            told.current_details = drawn.page()
        return told
