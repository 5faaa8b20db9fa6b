"""Who is served first: an emergency from the command that makes it one, and each township in its turn."""

from collections.abc import AsyncIterator
from typing import Any

import pytest
from temporalio.api.enums.v1 import EventType
from temporalio.common import Priority

from settings import Settings
from starter.start import workflow_id_of
from tests.conftest import Database, fresh_database
from tests.integration.districts import District, district
from tests.servers import real_server

CLERK = "clerk@jinhaihu"
WHISTLE = {"decision": "WHISTLE", "proposed_responders": ["water", "police"]}
EMERGENCY = {**WHISTLE, "kind": "EMERGENCY", "urgency": "CRITICAL", "tier": "EMERGENCY_RESPONSE"}
DAILY = {**WHISTLE, "kind": "DAILY", "urgency": "NORMAL", "tier": "COMPREHENSIVE"}


@pytest.fixture(scope="module")
async def town(postgres: Database) -> AsyncIterator[District]:
    """One district for all tests of this file."""
    database = await fresh_database(postgres)
    async with real_server() as server, district(server, database, Settings.model_construct()) as running:
        yield running


async def rank_of(town: District, whistle_id: str) -> Priority:
    """Ask Temporal how a whistle is ranked."""
    told = await town.client.temporal.get_workflow_handle(workflow_id_of(whistle_id)).describe()
    return Priority._from_proto(told.raw_description.workflow_execution_info.priority)


async def times_ranked(town: District, whistle_id: str) -> int:
    """Count the events that a change of rank cost."""
    history = await town.client.temporal.get_workflow_handle(workflow_id_of(whistle_id)).fetch_history()
    return sum(e.event_type == EventType.EVENT_TYPE_WORKFLOW_EXECUTION_OPTIONS_UPDATED for e in history.events)


@pytest.mark.parametrize(
    ("kind", "rank"),
    [(None, None), ("DAILY", None), ("EMERGENCY", 1)],
)
async def test_a_whistle_starts_with_the_rank_of_its_kind_in_the_queue_of_its_township(
    town: District, kind: str | None, rank: int | None
) -> None:
    """Only an emergency is first."""
    whistle_id = await town.register(kind=kind)
    assert await rank_of(town, whistle_id) == Priority(priority_key=rank, fairness_key="jinhaihu")


@pytest.mark.parametrize(("review", "rank", "events"), [(EMERGENCY, 1, 1), (DAILY, None, 0)])
async def test_a_review_that_makes_it_an_emergency_puts_it_first(
    town: District, review: dict[str, Any], rank: int | None, events: int
) -> None:
    """At one event of history, and any other review at none."""
    whistle_id = await town.register()
    await town.do(CLERK, whistle_id, "review", **review)
    assert await rank_of(town, whistle_id) == Priority(priority_key=rank, fairness_key="jinhaihu")
    assert await times_ranked(town, whistle_id) == events


async def test_a_transfer_moves_a_whistle_to_the_queue_of_the_other_township(town: District) -> None:
    """What floods one township does not delay what it has given away."""
    whistle_id = await town.register()
    await town.do(CLERK, whistle_id, "review", decision="TRANSFER", transfer_to="binhe", reason="属地不符")
    assert await rank_of(town, whistle_id) == Priority(fairness_key="binhe")


async def test_an_emergency_keeps_its_rank_through_the_rest_of_its_life(town: District) -> None:
    """Later commands neither ask for it again nor take it away."""
    whistle_id = await town.register()
    await town.do(CLERK, whistle_id, "review", **EMERGENCY)
    await town.do("platform", whistle_id, "accept", lead="water", cooperating=["police"])
    await town.do("leader@jinhaihu", whistle_id, "ratify")
    assert await rank_of(town, whistle_id) == Priority(priority_key=1, fairness_key="jinhaihu")
    assert await times_ranked(town, whistle_id) == 1
