"""The sandbox still guards what it guards, though it asks no workflow for what no payload needs."""

import pytest
from temporalio.client import Client, WorkflowFailureError
from temporalio.worker import Worker

from tests.stage import TASK_QUEUE
from tests.workflows.careless import Careless
from workflows.sandbox import workflow_runner


async def test_what_is_not_deterministic_is_refused(client: Client):
    """Answering for the serialization context leaves out no restriction."""
    async with Worker(
        client, task_queue=TASK_QUEUE, workflows=[Careless], workflow_runner=workflow_runner(guarding=True)
    ):
        run = Careless.run
        assert await client.execute_workflow(run, "哨", id="careful", task_queue=TASK_QUEUE) == "哨"
        with pytest.raises(WorkflowFailureError) as failed:
            await client.execute_workflow(run, "the time", id="careless", task_queue=TASK_QUEUE)
    assert "time.time" in str(failed.value.cause)


def test_a_guarding_sandbox_reloads_our_workflows_and_a_workers_does_not():
    """The restrictions of a module's names hold where it is reloaded, and reloading is what costs (decision 15)."""
    guarded, swift = [workflow_runner(guarding=g).restrictions.passthrough_modules for g in (True, False)]
    assert not guarded & {"workflows", "refusals"}
    assert swift - guarded == {"workflows", "refusals"}
