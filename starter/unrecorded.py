"""Commands that a workflow took and the ledger does not know: what a restore to an older copy has lost."""

from datetime import UTC, datetime

from temporalio.client import Client, WorkflowHistory
from temporalio.service import RPCError, RPCStatusCode

from domain.commands import COMMANDS
from domain.values import Frozen
from storage.pool import Pool
from storage.rebuilding import commands_stored


class Unrecorded(Frozen):
    """One command, to be sent again by whoever sent it; what it said in private was in the ledger alone."""

    command: str
    label: str
    command_id: str
    subject: str
    at: datetime


async def unrecorded_commands(
    pool: Pool, temporal: Client, whistle_id: str, history: WorkflowHistory
) -> list[Unrecorded]:
    """List what was accepted in this history and is not in the ledger, in the order in which it came."""
    taken = await _commands_in(temporal, history)
    stored = await commands_stored(pool, whistle_id, [one.command_id for one in taken])
    return [one for one in taken if one.command_id not in stored]


async def last_history(temporal: Client, workflow_id: str) -> WorkflowHistory | None:
    """Fetch the history of a workflow's last run, running or not; None where Temporal has none."""
    try:
        return await temporal.get_workflow_handle(workflow_id).fetch_history()
    except RPCError as error:
        if error.status is not RPCStatusCode.NOT_FOUND:
            raise
        return None


async def _commands_in(temporal: Client, history: WorkflowHistory) -> list[Unrecorded]:
    found = []
    for event in history.events:
        asked = event.workflow_execution_update_accepted_event_attributes.accepted_request.input
        if asked.name not in COMMANDS:
            continue
        [argument] = await temporal.data_converter.decode(asked.args.payloads, [dict])
        found.append(
            Unrecorded(
                command=asked.name,
                label=COMMANDS[asked.name].label,
                command_id=argument["command_id"],
                subject=argument["actor"]["subject"],
                at=event.event_time.ToDatetime(UTC),
            )
        )
    return found
