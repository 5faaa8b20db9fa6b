"""The workflow that keeps delivering."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from temporalio import activity
from temporalio.client import Client, WorkflowHandle
from temporalio.common import WorkflowIDConflictPolicy
from temporalio.worker import Worker

from domain.delivery import Delivered, DeliveryRound
from tests.stage import TASK_QUEUE
from workflows import policies
from workflows.outbox import OUTBOX, OutboxWorkflow
from workflows.sandbox import workflow_runner


class FakeDelivery:
    """An outbox whose rounds end at once."""

    def __init__(self) -> None:
        self.rounds = 0
        self.failures = 0
        self.enough = asyncio.Event()

    @activity.defn(name="deliver_outbox")
    async def deliver_outbox(self, _delivery: DeliveryRound) -> Delivered:
        """Deliver two notices, or fail."""
        if self.failures:
            self.failures -= 1
            message = "the database is away"
            raise ConnectionError(message)
        self.rounds += 1
        if self.rounds == 7:
            self.enough.set()
        if self.rounds >= 7:
            await asyncio.Event().wait()
        return Delivered(notices=2)


@asynccontextmanager
async def delivering(client: Client, delivery: FakeDelivery) -> AsyncIterator[WorkflowHandle[OutboxWorkflow, None]]:
    """Run the outbox workflow on this delivery."""
    async with Worker(
        client,
        task_queue=TASK_QUEUE,
        workflows=[OutboxWorkflow],
        activities=[delivery.deliver_outbox],
        workflow_runner=workflow_runner(guarding=True),
    ):
        yield await client.start_workflow(
            OutboxWorkflow.run,
            id=OUTBOX,
            task_queue=TASK_QUEUE,
            id_conflict_policy=WorkflowIDConflictPolicy.USE_EXISTING,
        )


async def test_one_round_follows_the_other_over_continue_as_new(
    client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Failures are tried again, and the count goes over into the next run."""
    monkeypatch.setattr(policies, "DELIVERY_ROUNDS_BEFORE_CONTINUING", 3)
    delivery = FakeDelivery()
    delivery.failures = 2
    async with delivering(client, delivery) as outbox:
        await asyncio.wait_for(delivery.enough.wait(), 30)
        started = (await outbox.fetch_history()).events[0].workflow_execution_started_event_attributes
        assert started.continued_execution_run_id
        assert b'"notices":12' in started.input.payloads[0].data
        await outbox.terminate()


async def test_two_workers_share_one_outbox(client: Client) -> None:
    """The second start finds the first one running."""
    delivery = FakeDelivery()
    async with delivering(client, delivery) as outbox:
        again = await client.start_workflow(
            OutboxWorkflow.run,
            id=OUTBOX,
            task_queue=TASK_QUEUE,
            id_conflict_policy=WorkflowIDConflictPolicy.USE_EXISTING,
        )
        assert again.first_execution_run_id == outbox.first_execution_run_id
        await outbox.terminate()
