"""The sandbox still guards what it guards, and asks no workflow for what no payload needs."""

import time

from temporalio import workflow
from temporalio.client import Client, WorkflowFailureError
from temporalio.worker import Worker

with workflow.unsafe.imports_passed_through():
    import pytest

    from tests.stage import TASK_QUEUE
    from workflows.sandbox import workflow_runner


@workflow.defn(failure_exception_types=[Exception])
class Careless:
    """Reads the clock of the machine."""

    @workflow.run
    async def run(self, wanted: str) -> str:
        """Give back what was asked for, after a look at the clock if it is asked for."""
        return str(time.time()) if wanted == "the time" else wanted


async def test_what_is_not_deterministic_is_refused(client: Client):
    """Leaving out the serialization context leaves out no restriction."""
    async with Worker(client, task_queue=TASK_QUEUE, workflows=[Careless], workflow_runner=workflow_runner()):
        run = Careless.run
        assert await client.execute_workflow(run, "哨", id="careful", task_queue=TASK_QUEUE) == "哨"
        with pytest.raises(WorkflowFailureError) as failed:
            await client.execute_workflow(run, "the time", id="careless", task_queue=TASK_QUEUE)
    assert "time.time" in str(failed.value.cause)
