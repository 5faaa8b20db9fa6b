"""Histories of the scheduled workflows: each way through sweep, digest and scorecard, for later releases to replay.

`python -m tests.replay.scheduled` plays them and keeps what they leave.
"""

import asyncio
import os
import sys
from collections.abc import Awaitable, Callable
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

from temporalio.api.enums.v1 import IndexedValueType
from temporalio.api.operatorservice.v1 import AddSearchAttributesRequest
from temporalio.client import Client, WorkflowHandle, WorkflowHistory
from temporalio.common import SearchAttributeKey, SearchAttributePair, TypedSearchAttributes
from temporalio.testing import WorkflowEnvironment

from domain.compliance import SweepInput
from domain.figures.freezing import ScorecardAsked
from domain.working_time import BEIJING, WorkCalendar
from tests.offices import Office, staffed
from tests.replay.corpus import OURS, Edition, is_released
from tests.servers import time_skipping_server
from tests.stage import TASK_QUEUE
from workflows.compliance import ComplianceSweepWorkflow, DailyDigestWorkflow
from workflows.scorecard import MonthlyScorecardWorkflow

HISTORIES = Path(__file__).with_name("scheduled_histories")
SCHEDULED_AT = SearchAttributeKey.for_datetime("TemporalScheduledStartTime")
Handle = WorkflowHandle[Any, Any]
Story = Callable[[WorkflowEnvironment, Office], Awaitable[Handle]]


async def sweep(env: WorkflowEnvironment, _office: Office) -> Handle:
    """A sweep in which everything is found and healed at once."""
    return await _begun(env, ComplianceSweepWorkflow.run, SweepInput())


async def digest(env: WorkflowEnvironment, _office: Office) -> Handle:
    """A digest on a working day."""
    return await _begun(env, DailyDigestWorkflow.run)


async def digest_day_off(env: WorkflowEnvironment, office: Office) -> Handle:
    """A digest on a day off."""
    office.calendar = WorkCalendar(days={await today(env): False})
    return await _begun(env, DailyDigestWorkflow.run)


async def digest_of_yesterday(env: WorkflowEnvironment, _office: Office) -> Handle:
    """A digest that comes too late."""
    return await _begun(env, DailyDigestWorkflow.run, due=await env.get_current_time() - timedelta(days=1))


async def scorecard(env: WorkflowEnvironment, _office: Office) -> Handle:
    """The month before, as the schedule asks for it."""
    return await _begun(env, MonthlyScorecardWorkflow.run)


async def scorecard_of_december(env: WorkflowEnvironment, office: Office) -> Handle:
    """A month asked for by hand that completes its quarter and its year."""
    office.frozen = {f"2025-{month:02d}" for month in range(1, 12)} | {f"2025-Q{n}" for n in (1, 2, 3)}
    return await _begun(env, MonthlyScorecardWorkflow.run, ScorecardAsked(month="2025-12"))


STORIES: dict[str, Story] = {
    story.__name__: story
    for story in (
        sweep,
        digest,
        digest_day_off,
        digest_of_yesterday,
        scorecard,
        scorecard_of_december,
    )
}


async def tell(story: Story) -> WorkflowHistory:
    """Play a story on a server of its own and fetch its history."""
    async with time_skipping_server() as env:
        await know_scheduled_times(env.client)
        office = Office()
        async with staffed(env.client, office):
            office.calendar = WorkCalendar(days={await today(env): True})
            handle = await story(env, office)
            await handle.result()
            return await handle.fetch_history()


async def know_scheduled_times(client: Client) -> None:
    """Register the attribute in which a real server tells a run when it was due."""
    kinds = {SCHEDULED_AT.name: IndexedValueType.INDEXED_VALUE_TYPE_DATETIME}
    request = AddSearchAttributesRequest(namespace=client.namespace, search_attributes=kinds)
    await client.operator_service.add_search_attributes(request)


def due_at(due: datetime) -> TypedSearchAttributes:
    """Tell a run when it was due, as its schedule does."""
    return TypedSearchAttributes([SearchAttributePair(SCHEDULED_AT, due)])


async def today(env: WorkflowEnvironment) -> date:
    """Give the day that Beijing writes by the server's clock."""
    return (await env.get_current_time()).astimezone(BEIJING).date()


async def _begun(env: WorkflowEnvironment, run: Any, *told: Any, due: datetime | None = None) -> Handle:
    handle: Handle = await env.client.start_workflow(
        run,
        args=list(told),
        id="scheduled-1",
        task_queue=TASK_QUEUE,
        search_attributes=due_at(due or await env.get_current_time()),
    )
    return handle


async def main() -> int:
    """Record every story; gives the exit code."""
    if is_released(OURS):
        print(f"{OURS} is released: the histories of its schedules stay")  # noqa: T201 - a program for people
        return 1
    edition = Edition(HISTORIES / OURS)
    for name, story in STORIES.items():
        history = await tell(story)
        edition.keep_history(name, history)
        print(f"{OURS}/scheduled {name}: {len(history.events)} events")  # noqa: T201
    return 0


if __name__ == "__main__":
    code = asyncio.run(main())
    sys.stdout.flush()
    os._exit(code)
