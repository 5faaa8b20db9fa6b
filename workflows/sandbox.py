"""The sandbox in which workflow code runs, without the detours that this project's payloads do not need.

The SDK asks a workflow, inside its sandbox, for the serialization context of every payload, three or four times each,
which took a fifth of a worker's time (docs/performance.md). All that is ever converted by it is the id of the workflow,
which encrypted payloads are bound to, so each run gives the same answer to all of it, from outside the sandbox.
"""

from temporalio.bridge.proto.workflow_activation import WorkflowActivation
from temporalio.bridge.proto.workflow_completion import WorkflowActivationCompletion
from temporalio.converter import StorageDriverStoreContext, WorkflowSerializationContext
from temporalio.worker import WorkflowInstance, WorkflowInstanceDetails
from temporalio.worker.workflow_sandbox import SandboxedWorkflowRunner, SandboxRestrictions
from temporalio.workflow import Info, SandboxImportNotificationPolicy

_NOWHERE = StorageDriverStoreContext(target=None)


class OneContextSandbox(SandboxedWorkflowRunner):
    """The SDK's sandbox for a data converter to which a workflow's activities are no context of their own."""

    def create_instance(self, det: WorkflowInstanceDetails) -> WorkflowInstance:
        """Create a sandboxed workflow whose payloads all have the workflow for their context."""
        return _OfOneContext(super().create_instance(det), det.info)


class _OfOneContext(WorkflowInstance):
    def __init__(self, sandboxed: WorkflowInstance, info: Info) -> None:
        self._sandboxed = sandboxed
        self._context = WorkflowSerializationContext(namespace=info.namespace, workflow_id=info.workflow_id)

    def activate(self, act: WorkflowActivation) -> WorkflowActivationCompletion:
        return self._sandboxed.activate(act)

    def get_serialization_context(self, command_info: object) -> WorkflowSerializationContext:  # noqa: ARG002
        return self._context

    def get_external_store_context(self, command_info: object) -> StorageDriverStoreContext:  # noqa: ARG002
        return _NOWHERE

    def get_info(self) -> Info:
        return self._sandboxed.get_info()

    def get_thread_id(self) -> int | None:
        return self._sandboxed.get_thread_id()


def workflow_runner(*, guarding: bool = False) -> SandboxedWorkflowRunner:
    """The sandbox: it reloads nothing that is pure or has no place in it, and refuses to import anything else.

    Workers pass our workflows' own modules through too: to reload them, with forty updates, took ten milliseconds for
    each run and each replay. A guarding one reloads them, so that a clock or a chance called by name fails there; the
    tests of workflows run in it.
    """
    ours = ["asyncpg", "domain", "observability", "structlog", *([] if guarding else ["refusals", "workflows"])]
    passed = SandboxRestrictions.default.with_passthrough_modules(*ours)
    refusing = SandboxImportNotificationPolicy.RAISE_ON_UNINTENTIONAL_PASSTHROUGH
    return OneContextSandbox(restrictions=passed.with_import_notification_policy(refusing))
