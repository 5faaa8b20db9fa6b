"""Which keys are still needed: those under which a workflow or a schedule keeps something."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from typing import Any

from pydantic import Field
from temporalio.api.common.v1 import Payload
from temporalio.client import Client, ScheduleActionStartWorkflow, WorkflowExecution

from domain.values import Frozen
from starter.encryption.envelope import is_encrypted, key_of

_AT_ONCE = 8
_RUNNING = "ExecutionStatus = 'Running'"


class KeyUse(Frozen):
    """What is kept under one key."""

    workflows: int = 0
    schedules: int = 0
    first: str | None = Field(default=None)
    """One of them."""

    def also(self, workflow_or_schedule: str, *, is_schedule: bool) -> "KeyUse":
        """Count one more."""
        workflows, schedules = self.workflows + (not is_schedule), self.schedules + is_schedule
        return KeyUse(workflows=workflows, schedules=schedules, first=self.first or workflow_or_schedule)


async def keys_in_use(client: Client, *, closed_too: bool = False) -> dict[str, KeyUse]:
    """Read the histories of the workflows that run, or of all that are kept, and the schedules; count by key."""
    found: dict[str, KeyUse] = {}
    async for key_ids, name in _of_workflows(client, None if closed_too else _RUNNING):
        found |= {key_id: found.get(key_id, KeyUse()).also(name, is_schedule=False) for key_id in key_ids}
    async for listed in await client.list_schedules():
        action = (await client.get_schedule_handle(listed.id).describe()).schedule.action
        if isinstance(action, ScheduleActionStartWorkflow):
            kept = [p for p in (*action.args, action.static_summary) if isinstance(p, Payload)]
            key_ids = {key_of(payload) for payload in kept if is_encrypted(payload)}
            found |= {key_id: found.get(key_id, KeyUse()).also(listed.id, is_schedule=True) for key_id in key_ids}
    return found


async def _of_workflows(client: Client, query: str | None) -> AsyncIterator[tuple[set[str], str]]:
    gate = asyncio.Semaphore(_AT_ONCE)

    async def look(run: WorkflowExecution) -> tuple[set[str], str]:
        async with gate:
            history = await client.get_workflow_handle(run.id, run_id=run.run_id).fetch_history()
        payloads = (payload for event in history.events for payload in payloads_in(event))
        return {key_of(payload) for payload in payloads if is_encrypted(payload)}, run.id

    pages = client.list_workflows(query)
    while True:
        await pages.fetch_next_page()
        for looked_at in await asyncio.gather(*map(look, pages.current_page or ())):
            yield looked_at
        if pages.next_page_token is None:
            return


def payloads_in(message: Any) -> Iterator[Payload]:  # noqa: ANN401 - any message of Temporal's
    """Find every payload in a message, however deep."""
    if isinstance(message, Payload):
        yield message
        return
    for field, value in message.ListFields():
        if field.message_type is None:
            continue
        if field.message_type.GetOptions().map_entry:
            parts = [part for part in value.values() if hasattr(part, "ListFields")]
        else:
            parts = [value] if hasattr(value, "ListFields") else list(value)
        for part in parts:
            yield from payloads_in(part)
