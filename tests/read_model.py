"""The search attributes that a whistle ought to show, read from what its clients see of it; and those it shows."""

import asyncio
from typing import Any

from temporalio.client import Client

from domain.view import View
from domain.vocabulary import ReportInState
from workflows.presentation import ATTRIBUTE_KEYS

WITHIN_S = 20


def read_model(seen: View) -> dict[str, Any]:
    """Give them by name; None where it has none."""
    called = [r for r in seen.report_ins if r.state is not ReportInState.WITHDRAWN]
    return {
        "WhistleState": seen.state,
        "WhistleKind": seen.kind,
        "WhistleUrgency": seen.urgency,
        "WhistleChain": seen.chain,
        "Township": seen.township,
        "Grid": seen.grid,
        "LeadDepartment": seen.lead,
        "SourceChannel": seen.channel,
        "SupervisionLevel": seen.supervision_level,
        "Responders": [r.responder for r in called] or None,
        "OverdueResponders": [r.responder for r in called if r.overdue] or None,
        "NextDeadline": seen.next_deadline,
        "BlownAt": seen.blown_at,
        "WhistleVersion": seen.version,
    }


async def shown(temporal: Client, whistle_id: str, version: int) -> dict[str, Any]:
    """Wait until visibility shows a version, and give all that it shows with it."""
    async with asyncio.timeout(WITHIN_S):
        while True:
            async for run in temporal.list_workflows(f"WorkflowId = 'whistle:{whistle_id}'"):
                found = {name: run.typed_search_attributes.get(key) for name, key in ATTRIBUTE_KEYS.items()}
                if found["WhistleVersion"] == version:
                    return found
            await asyncio.sleep(0.1)
