"""A command's header on its way through its workflow: from the update that brought it to the activity that stores it.

Neither commands nor their order depend on it, so it is nothing to replay.
"""

from collections.abc import Mapping
from typing import Any

from temporalio import workflow
from temporalio.api.common.v1 import Payload
from temporalio.worker import (
    HandleUpdateInput,
    Interceptor,
    StartActivityInput,
    StartLocalActivityInput,
    WorkflowInboundInterceptor,
    WorkflowInterceptorClassInput,
    WorkflowOutboundInterceptor,
)

with workflow.unsafe.imports_passed_through():
    from domain.ledger import ADOPT, RecordInput
    from workflows.names import CORRELATION_HEADER


class CarryingInterceptor(Interceptor):
    """Has every workflow of a worker carry the header on."""

    def workflow_interceptor_class(self, _input: WorkflowInterceptorClassInput) -> type[WorkflowInboundInterceptor]:
        """Accompany each workflow by one of these."""
        return _Inbound


class _Inbound(WorkflowInboundInterceptor):
    def init(self, outbound: WorkflowOutboundInterceptor) -> None:
        self._carried: dict[str, Payload] = {}
        super().init(_Outbound(outbound, self._carried))

    async def handle_update_handler(self, input: HandleUpdateInput) -> Any:  # noqa: A002, ANN401
        # The command's own task is out of the update's context, but its id is the update's.
        header = input.headers.get(CORRELATION_HEADER)
        if header is None:
            return await super().handle_update_handler(input)
        self._carried[input.id] = header
        try:
            return await super().handle_update_handler(input)
        finally:
            del self._carried[input.id]


class _Outbound(WorkflowOutboundInterceptor):
    def __init__(self, following: WorkflowOutboundInterceptor, carried: Mapping[str, Payload]) -> None:
        super().__init__(following)
        self._carried = carried

    def start_activity(self, input: StartActivityInput) -> workflow.ActivityHandle[Any]:  # noqa: A002
        self._accompany(input)
        return super().start_activity(input)

    def start_local_activity(self, input: StartLocalActivityInput) -> workflow.ActivityHandle[Any]:  # noqa: A002
        self._accompany(input)
        return super().start_local_activity(input)

    def _accompany(self, given: StartActivityInput | StartLocalActivityInput) -> None:
        request = given.args[0] if given.args else None
        if isinstance(request, RecordInput) and (header := self._header_of(request)):
            given.headers = {**given.headers, CORRELATION_HEADER: header}

    def _header_of(self, request: RecordInput) -> Payload | None:
        if request.name == ADOPT:
            # The first look is the registration's; any later one is nobody's in particular.
            return workflow.info().headers.get(CORRELATION_HEADER) if request.known_sequence == 0 else None
        return self._carried.get(str(request.argument.get("command_id")))
