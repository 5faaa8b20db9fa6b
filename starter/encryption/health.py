"""How payload encryption is: what encrypts, and which workflows stand still because they cannot be read."""

from temporalio.client import Client, WorkflowExecution

from settings import Settings
from starter.encryption.errors import (
    PayloadKeyMissingError,
    PayloadMisplacedError,
    PayloadTamperedError,
    PayloadUnreadableError,
)
from starter.encryption.ring_file import ring_reader

_KINDS = (PayloadUnreadableError, PayloadKeyMissingError, PayloadTamperedError, PayloadMisplacedError)
_UNREADABLE = {kind.__name__ for kind in _KINDS}
_TROUBLED = "TemporalReportedProblems IS NOT NULL"
_MOST_LOOKED_AT = 20


def in_force(settings: Settings) -> str:
    """Say in a line what encrypts; raises PayloadKeysInvalidError."""
    read = ring_reader(settings)
    if read is None:
        return "off: Temporal keeps payloads in the open"
    ring = read()
    if ring.current is None:
        return f"nothing is encrypted any more; {len(ring.keys)} keys decrypt"
    cipher = next(key.cipher for key in ring.keys if key.id == ring.current)
    return f"{ring.current} ({cipher}) encrypts, {len(ring.keys) - 1} more keys decrypt"


async def unreadable_workflows(client: Client) -> dict[str, str]:
    """Find workflows whose tasks fail because a payload does not open; gives the error's name by workflow id.

    Temporal notes a problem after five failed tasks, which takes about a minute.
    """
    found: dict[str, str] = {}
    async for run in client.list_workflows(_TROUBLED, limit=_MOST_LOOKED_AT):
        error = await _last_failure(client, run)
        if error in _UNREADABLE:
            found[run.id] = error
    return found


async def _last_failure(client: Client, run: WorkflowExecution) -> str:
    history = await client.get_workflow_handle(run.id, run_id=run.run_id).fetch_history()
    failed = [e for e in history.events if e.HasField("workflow_task_failed_event_attributes")]
    if not failed:
        return ""
    return failed[-1].workflow_task_failed_event_attributes.failure.application_failure_info.type
