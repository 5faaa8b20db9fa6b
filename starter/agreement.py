"""Asking each open whistle's workflow whether it stands where the store does."""

import asyncio
from collections.abc import Iterable
from datetime import timedelta
from typing import Any

from temporalio.client import Client, WorkflowExecutionStatus, WorkflowQueryFailedError
from temporalio.service import RPCError, RPCStatusCode

from domain.verification import Flaw, FlawKind
from domain.view import view
from domain.whistle import Whistle
from starter.start import workflow_id_of
from storage.pool import Pool
from storage.whistles import value_of

AT_ONCE = 10
_QUERY_WITHIN = timedelta(seconds=10)
_LOOK_AGAIN_S = (0.2, 0.5, 1.0, 2.0)


async def disagreements(pool: Pool, temporal: Client, values: Iterable[Whistle]) -> list[Flaw]:
    """Compare open whistles with their workflows' own view; one that moves meanwhile is looked at again.

    Raises RPCError when Temporal or every worker is away.
    """
    gate = asyncio.Semaphore(AT_ONCE)

    async def compare(value: Whistle) -> Flaw | None:
        async with gate:
            detail = await _difference(pool, temporal, value)
        if detail is None:
            return None
        return Flaw(kind=FlawKind.TEMPORAL, whistle_id=value.whistle_id, sequence=value.sequence, detail=detail)

    found = await asyncio.gather(*(compare(value) for value in values if not value.ended))
    return [flaw for flaw in found if flaw]


async def shown_by_workflow(temporal: Client, whistle_id: str) -> dict[str, Any] | None:
    """Ask a whistle's workflow for its view; None where none runs."""
    handle = temporal.get_workflow_handle(workflow_id_of(whistle_id))
    try:
        if (await handle.describe(rpc_timeout=_QUERY_WITHIN)).status is not WorkflowExecutionStatus.RUNNING:
            return None
        return dict(await handle.query("view", result_type=dict[str, Any], rpc_timeout=_QUERY_WITHIN))
    except WorkflowQueryFailedError:
        return {}
    except RPCError as error:
        if error.status is not RPCStatusCode.NOT_FOUND:
            raise
        return None


async def _difference(pool: Pool, temporal: Client, value: Whistle) -> str | None:
    for pause in (*_LOOK_AGAIN_S, None):
        shown = await shown_by_workflow(temporal, value.whistle_id)
        detail = _told(shown, value)
        if detail is None or pause is None:
            return detail
        await asyncio.sleep(pause)
        # It may have moved since the page was read.
        value = await value_of(pool, value.whistle_id) or value
        if value.ended:
            return None
    return None


def _told(shown: dict[str, Any] | None, value: Whistle) -> str | None:
    if shown is None:
        return "no workflow runs"
    if not shown:
        return "the workflow cannot be asked: its last task failed, or it is being loaded"
    ours = view(value).model_dump(mode="json")
    if shown["version"] != ours["version"]:
        return f"the workflow stands at {shown['version']}, the store at {ours['version']}"
    names = sorted(name for name in ours if shown.get(name) != ours[name])
    return f"the workflow shows other {', '.join(names)}" if names else None
