"""Carrying a request's correlation on to the activities that serve it; a span for each of them."""

from typing import Any

from temporalio import activity
from temporalio.exceptions import ApplicationError, ApplicationErrorCategory
from temporalio.worker import ActivityInboundInterceptor, ExecuteActivityInput, Interceptor

from observability.correlation import Correlation, correlate_task
from observability.subjects import whistle_id_in
from observability.tracing import UNTRACED, Kind, Tracing


class ContextInterceptor(Interceptor):
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
