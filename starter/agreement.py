"""Asking each open whistle's workflow whether it stands where the store does."""

import asyncio
from collections.abc import Iterable
from datetime import timedelta
from typing import Any, NamedTuple

from temporalio.client import Client, WorkflowExecutionStatus, WorkflowHandle, WorkflowQueryFailedError
from temporalio.service import RPCError, RPCStatusCode

from domain.verification import Flaw, FlawKind
from domain.view import view
from domain.whistle import Whistle
from starter.start import workflow_id_of
from storage.pool import Pool
from storage.whistles import value_of

AT_ONCE = 10
_WITHIN = timedelta(seconds=5)
_LOOK_AGAIN_S = (0.2, 0.5, 1.0, 2.0)
_GONE = "no workflow runs"
_SILENT = "the workflow does not answer: its task fails, or no worker runs"
_LOADING = "the workflow is being loaded"


class Compared(NamedTuple):
    """Whether a workflow runs, and in what it differs from the store; None: in nothing."""

    runs: bool
    difference: str | None = None


async def disagreements(pool: Pool, temporal: Client, values: Iterable[Whistle]) -> list[Flaw]:
    """Compare open whistles with their workflows' own view. Raises RPCError when Temporal is away."""
    gate = asyncio.Semaphore(AT_ONCE)

    async def look(value: Whistle) -> Flaw | None:
        async with gate:
            detail = (await compare(pool, temporal, value)).difference
        if detail is None:
            return None
        return Flaw(kind=FlawKind.TEMPORAL, whistle_id=value.whistle_id, sequence=value.sequence, detail=detail)

    found = await asyncio.gather(*(look(value) for value in values if not value.ended))
    return [flaw for flaw in found if flaw]


async def compare(pool: Pool, temporal: Client, value: Whistle) -> Compared:
    """Compare one open whistle with its workflow; one that moves meanwhile is looked at again."""
    handle = temporal.get_workflow_handle(workflow_id_of(value.whistle_id))
    for pause in (*_LOOK_AGAIN_S, 0):
        if not await _runs(handle):
            return Compared(runs=False, difference=_GONE)
        shown = await shown_by_workflow(handle)
        difference = _LOADING if shown == {} else _told(shown, value) if shown else _SILENT
        if difference is None or shown is None or not pause:
            break
        await asyncio.sleep(pause)
        value = await value_of(pool, value.whistle_id) or value
        if value.ended:
            return Compared(runs=True)
    return Compared(runs=True, difference=difference)


async def shown_by_workflow(handle: WorkflowHandle[Any, Any]) -> dict[str, Any] | None:
    """Ask a whistle's workflow for its view; empty while it is being loaded, None where it does not answer."""
    try:
        return dict(await handle.query("view", result_type=dict[str, Any], rpc_timeout=_WITHIN))
    except WorkflowQueryFailedError:
        return {}
    except RPCError as error:
        if error.status is RPCStatusCode.UNAVAILABLE:
            raise
        return None


async def _runs(handle: WorkflowHandle[Any, Any]) -> bool:
    try:
        return (await handle.describe(rpc_timeout=_WITHIN)).status is WorkflowExecutionStatus.RUNNING
    except RPCError as error:
        if error.status is not RPCStatusCode.NOT_FOUND:
            raise
        return False


def _told(shown: dict[str, Any], value: Whistle) -> str | None:
    ours = view(value).model_dump(mode="json")
    if shown["version"] != ours["version"]:
        return f"the workflow stands at {shown['version']}, the store at {ours['version']}"
    names = sorted(name for name in ours if shown.get(name) != ours[name])
    return f"the workflow shows other {', '.join(names)}" if names else None
