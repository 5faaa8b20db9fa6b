"""Finding out how whistles stand on every side: store, workflows, Temporal's visibility, the workers' logs."""

import asyncio
import json
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from temporalio.client import WorkflowQueryFailedError, WorkflowQueryRejectedError
from temporalio.service import RPCError

from domain.clocks import next_strike
from domain.errors import TemporarilyUnavailableError
from domain.records import Record, event_of
from domain.whistle import Whistle
from starter.client import WhistleClient
from starter.start import workflow_id_of
from storage.commits import actor_of
from tests.chaos.invariants import Found, Noticed, Stored, Told
from tests.patience import until

SETTLED_WITHIN_S = 60.0

_VALUES = "select whistle_id, value::text as value from whistle where whistle_id = any($1)"
_EVENTS = "select * from event where whistle_id = any($1) order by whistle_id, sequence"
_COMMANDS = (
    "select whistle_id, command_id, first_sequence, last_sequence, state from command where whistle_id = any($1)"
)
_CLOCKS = "select whistle_id, phase, responder, struck, next_strike_at from clock where whistle_id = any($1)"
_OUTBOX = """
select whistle_id, id, sequence, kind, audience, template, delivered_at is not null as addressed
from outbox where whistle_id = any($1)
"""
_DELIVERIES = "select whistle_id, id, outbox_id, recipient, state from notice_delivery where whistle_id = any($1)"
_UNDELIVERED = """
select (select count(*) from outbox where whistle_id = any($1) and delivered_at is null)
    + (select count(*) from notice_delivery where whistle_id = any($1) and settled_at is null)
"""


async def told_by_workflow(client: WhistleClient, whistle_id: str) -> dict[str, Any]:
    """Ask a workflow for its view; empty while it cannot tell."""
    handle = client.temporal.get_workflow_handle(workflow_id_of(whistle_id))
    try:
        return dict(await handle.query("view"))
    except (WorkflowQueryFailedError, WorkflowQueryRejectedError, RPCError):
        return {}


async def until_settled(client: WhistleClient, whistle_ids: Sequence[str], within_s: float = SETTLED_WITHIN_S) -> None:
    """Wait until the workflows know what the store knows, what is due has struck and every notice is delivered."""
    lagging = set(whistle_ids)

    async def settled() -> bool:
        values = await _values(client, whistle_ids)
        visible = await _visible_versions(client, whistle_ids)
        told = await asyncio.gather(*(told_by_workflow(client, i) for i in sorted(lagging)))
        known = {str(t.get("whistle_id")): t.get("version") for t in told}
        for whistle_id in sorted(lagging):
            if known.get(whistle_id) == visible.get(whistle_id) == values[whistle_id].sequence:
                lagging.discard(whistle_id)
        return not (lagging or any(map(_is_due, values.values())) or await _undelivered(client, whistle_ids))

    try:
        await until(settled, within_s)
    except TimeoutError:
        message = (
            f"not settled within {within_s:g} s: {sorted(lagging)}, {await _undelivered(client, whistle_ids)} notices"
        )
        raise AssertionError(message) from None


async def find(client: WhistleClient, whistle_ids: Sequence[str], logs: Iterable[Path]) -> list[Found]:
    """Collect everything that the invariants speak of."""
    logged, visible = notices_logged(logs), await _visible_versions(client, whistle_ids)
    told = dict(
        zip(whistle_ids, await asyncio.gather(*(told_by_workflow(client, i) for i in whistle_ids)), strict=True)
    )
    values = await _values(client, whistle_ids)
    queries = (_EVENTS, _COMMANDS, _CLOCKS, _OUTBOX, _DELIVERIES)
    events, commands, clocks, outbox, deliveries = [await _grouped(client, q, whistle_ids) for q in queries]
    return [
        Found(
            whistle_id=i,
            records=tuple(map(_record, events[i])),
            value=values[i],
            commands=tuple(Stored(*list(row.values())[1:]) for row in commands[i]),
            clocks=tuple(tuple(row.values())[1:] for row in clocks[i]),
            outbox=tuple(Noticed(*list(row.values())[1:]) for row in outbox[i]),
            deliveries=tuple(Told(*list(row.values())[1:]) for row in deliveries[i]),
            logged=logged,
            told=told[i],
            visible_version=visible.get(i),
            looked_at=datetime.now(UTC),
        )
        for i in whistle_ids
    ]


def notices_logged(logs: Iterable[Path]) -> Counter[tuple[int, str]]:
    """Count how often each notice was written to the workers' logs for each recipient."""
    lines = (line for log in logs for line in log.read_text("utf-8").splitlines())
    told = (json.loads(line) for line in lines if '"event": "notice"' in line)
    return Counter((line["outbox_id"], line["recipient"]) for line in told)


async def _values(client: WhistleClient, whistle_ids: Sequence[str]) -> dict[str, Whistle]:
    rows = await client.pool.fetch(_VALUES, whistle_ids)
    return {row["whistle_id"]: Whistle.model_validate_json(row["value"]) for row in rows}


async def _undelivered(client: WhistleClient, whistle_ids: Sequence[str]) -> int:
    return int(await client.pool.fetchval(_UNDELIVERED, whistle_ids))


async def _visible_versions(client: WhistleClient, whistle_ids: Sequence[str]) -> dict[str, int]:
    versions: dict[str, int] = {}
    names = ", ".join(f"'{workflow_id_of(i)}'" for i in whistle_ids)
    try:
        async for run in client.temporal.list_workflows(f"WorkflowId in ({names})"):
            shown = run.search_attributes.get("WhistleVersion") or [0]
            whistle_id = run.id.removeprefix("whistle:")
            versions[whistle_id] = max(versions.get(whistle_id, 0), int(shown[0]))
    except (RPCError, TemporarilyUnavailableError):
        return {}
    return versions


async def _grouped(client: WhistleClient, query: str, whistle_ids: Sequence[str]) -> dict[str, list[Any]]:
    grouped = defaultdict(list)
    for row in await client.pool.fetch(query, whistle_ids):
        grouped[row["whistle_id"]].append(row)
    return grouped


def _record(row: Any) -> Record:
    event = event_of(row["type"], row["data"])
    return Record(
        sequence=row["sequence"], at=row["at"], actor=actor_of(row), command_id=row["command_id"], event=event
    )


def _is_due(whistle: Whistle) -> bool:
    strike = None if whistle.ended else next_strike(whistle)
    return strike is not None and strike.at <= datetime.now(UTC)
