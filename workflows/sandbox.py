"""The sandbox in which workflow code runs, without the detours that this project's payloads do not need.

The SDK asks a workflow, inside its sandbox, for the serialization context of every payload, three or four times each.
Nothing here converts by context, and asking took a fifth of a worker's time (docs/performance.md).
"""

from temporalio.bridge.proto.workflow_activation import WorkflowActivation
from temporalio.bridge.proto.workflow_completion import WorkflowActivationCompletion
from temporalio.converter import SerializationContext, StorageDriverStoreContext
from temporalio.worker import WorkflowInstance, WorkflowInstanceDetails
from temporalio.worker.workflow_sandbox import SandboxedWorkflowRunner, SandboxRestrictions
from temporalio.workflow import Info, SandboxImportNotificationPolicy

_NOWHERE = StorageDriverStoreContext(target=None)


class ContextFreeSandbox(SandboxedWorkflowRunner):
    """The SDK's sandbox for a data converter whose parts all ignore the serialization context."""

    def create_instance(self, det: WorkflowInstanceDetails) -> WorkflowInstance:
        """Create a sandboxed workflow whose payloads have no context."""
        return _ContextFree(super().create_instance(det))


class _ContextFree(WorkflowInstance):
    def __init__(self, sandboxed: WorkflowInstance) -> None:
        self._sandboxed = sandboxed

    def activate(self, act: WorkflowActivation) -> WorkflowActivationCompletion:
        return self._sandboxed.activate(act)

    def get_serialization_context(self, command_info: object) -> SerializationContext | None:  # noqa: ARG002
        return None

    def get_external_store_context(self, command_info: object) -> StorageDriverStoreContext:  # noqa: ARG002
        return _NOWHERE

    def get_info(self) -> Info:
        return self._sandboxed.get_info()

    def get_thread_id(self) -> int | None:
        return self._sandboxed.get_thread_id()


def workflow_runner() -> SandboxedWorkflowRunner:
    """The sandbox: it reloads a workflow's own module for each run, and nothing that is pure or has no place in it.

    What is neither named here nor imported as passed through is refused: reloading it would cost every run.
    """
    passed = SandboxRestrictions.default.with_passthrough_modules("asyncpg", "domain", "observability", "structlog")
    refusing = SandboxImportNotificationPolicy.RAISE_ON_UNINTENTIONAL_PASSTHROUGH
    return ContextFreeSandbox(restrictions=passed.with_import_notification_policy(refusing))
