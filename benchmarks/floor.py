"""The floor: what the same traffic costs on a workflow that only records it, with nothing of ours in the way.

One update = one local activity that returns at once = one search attribute; no store, no rules, no timer.
"""

import asyncio
import sys
from datetime import timedelta
from typing import Any

from temporalio import activity, workflow
from temporalio.client import Client
from temporalio.common import SearchAttributeKey
from temporalio.contrib.pydantic import pydantic_data_converter
from temporalio.worker import Worker

TASK_QUEUE = "floor"
VERSION = SearchAttributeKey.for_int("WhistleVersion")


@activity.defn(name="record_nothing")
async def record_nothing(argument: dict[str, Any]) -> dict[str, Any]:
    """Answer as the ledger does, from nowhere."""
    return {"sequence": argument["n"], "state": "IN_ACTION", "version": argument["n"]}


@workflow.defn(name="FloorWorkflow")
class FloorWorkflow:
    """Counts updates until it has had enough."""

    def __init__(self) -> None:
        self._seen = 0

    @workflow.run
    async def run(self, commands: int) -> int:
        """Wait for that many commands."""
        await workflow.wait_condition(lambda: self._seen >= commands)
        await workflow.wait_condition(workflow.all_handlers_finished)
        return self._seen

    @workflow.update
    async def command(self, argument: dict[str, Any]) -> dict[str, Any]:
        """Record one command."""
        timeout = timedelta(seconds=1)
        answer = await workflow.execute_local_activity("record_nothing", argument, start_to_close_timeout=timeout)
        self._seen += 1
        workflow.upsert_search_attributes([VERSION.value_set(self._seen)])
        return dict(answer)


async def run_floor(client: Client, address: str, whistles: int, commands: int, in_flight: int) -> float:
    """Play that many workflows of that many commands, on a worker of their own, and return the seconds it took."""
    worker = await asyncio.create_subprocess_exec(sys.executable, "-m", "benchmarks.floor", address)
    clock = asyncio.get_running_loop().time
    try:
        gate = asyncio.Semaphore(in_flight)
        await asyncio.gather(*(_one(client, gate, f"warm-{i}", commands) for i in range(in_flight)))
        began = clock()
        await asyncio.gather(*(_one(client, gate, str(i), commands) for i in range(whistles)))
        return clock() - began
    finally:
        worker.kill()
        await worker.wait()


async def serve(address: str) -> None:
    """Be the worker of the floor until killed."""
    client = await Client.connect(address, data_converter=pydantic_data_converter)
    await Worker(client, task_queue=TASK_QUEUE, workflows=[FloorWorkflow], activities=[record_nothing]).run()


async def _one(client: Client, gate: asyncio.Semaphore, number: str, commands: int) -> None:
    async with gate:
        run = FloorWorkflow.run
        handle = await client.start_workflow(run, commands, id=f"floor:{number}", task_queue=TASK_QUEUE)
        for n in range(commands):
            argument = {"n": n, "actor": {"subject": "clerk@jinhaihu"}, "command_id": f"{number}:{n}"}
            await handle.execute_update(FloorWorkflow.command, argument, id=f"{number}:{n}")


if __name__ == "__main__":
    asyncio.run(serve(sys.argv[1]))
