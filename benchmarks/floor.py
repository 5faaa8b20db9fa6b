"""The floor: what the same traffic costs on a workflow that only records it, with nothing of ours in the way.

One update = one local activity that inserts one row = one search attribute; no rules, no timer, the SDK as it comes.
"""

import asyncio
import sys
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from itertools import count
from typing import Any

from temporalio.client import Client, WorkflowHandle

from benchmarks.floor_worker import TASK_QUEUE, FloorWorkflow
from benchmarks.ground import Ground


class Floor:
    """Workflows that only record, on a worker of their own."""

    def __init__(self, client: Client) -> None:
        self._client = client
        self._numbers = count(1)

    async def play(self, workflows: int, commands: int, in_flight: int) -> float:
        """Play that many workflows of that many commands; gives the seconds it took."""
        gate = asyncio.Semaphore(in_flight)
        began = time.perf_counter()
        await asyncio.gather(*(self._one(gate, commands) for _ in range(workflows)))
        return time.perf_counter() - began

    async def open(self, commands: int) -> WorkflowHandle[Any, Any]:
        """Open one that awaits so many commands."""
        number = f"floor:{next(self._numbers)}"
        return await self._client.start_workflow(FloorWorkflow.run, commands, id=number, task_queue=TASK_QUEUE)

    async def command(self, handle: WorkflowHandle[Any, Any], n: int) -> None:
        """Send one command and wait for its answer."""
        command_id = f"{handle.id}:{n}"
        argument = {"n": n, "actor": {"subject": "clerk@jinhaihu"}, "command_id": command_id}
        await handle.execute_update(FloorWorkflow.command, argument, id=command_id)

    async def _one(self, gate: asyncio.Semaphore, commands: int) -> None:
        async with gate:
            handle = await self.open(commands)
            for n in range(commands):
                await self.command(handle, n)


@asynccontextmanager
async def floor(ground: Ground, client: Client) -> AsyncIterator[Floor]:
    """Have a floor on this stack for the length of the block."""
    addresses = ground.stack.temporal_address, ground.stack.database_owner_dsn
    worker = await asyncio.create_subprocess_exec(sys.executable, "-m", "benchmarks.floor_worker", *addresses)
    try:
        yield Floor(client)
    finally:
        worker.kill()
        await worker.wait()
