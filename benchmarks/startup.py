"""How long a start takes: the command line's help, and a worker from its process to its first poll."""

import asyncio
import statistics
import sys
import time
from pathlib import Path

from temporalio.api.enums.v1 import TaskQueueType
from temporalio.api.taskqueue.v1 import TaskQueue
from temporalio.api.workflowservice.v1 import DescribeTaskQueueRequest
from temporalio.client import Client

from benchmarks.ground import ground, run, show
from settings import TASK_QUEUE
from starter.embedded import EmbeddedStack

TIMES = 5
LOOK_EVERY_S = 0.01
PATIENCE_S = 60.0


async def main() -> None:
    """Measure both a few times; gives medians, since the first start of all reads the disk."""
    helps = [await _help() for _ in range(TIMES)]
    async with ground() as here:
        client = await Client.connect(here.stack.temporal_address)
        polls = [await _first_poll(here.stack, client) for _ in range(TIMES)]
    show({"help_s": f"{statistics.median(helps):.2f}", "worker_first_poll_s": f"{statistics.median(polls):.2f}"})


async def _help() -> float:
    whistle, began = Path(sys.executable).with_name("whistle"), time.perf_counter()
    process = await asyncio.create_subprocess_exec(whistle, "--help", stdout=asyncio.subprocess.DEVNULL)
    await process.wait()
    return time.perf_counter() - began


async def _first_poll(stack: EmbeddedStack, client: Client) -> float:
    await stack.take_down("worker")
    gone = await _pollers(client)
    began = time.perf_counter()
    bringing_up = asyncio.create_task(stack.bring_up("worker"))
    async with asyncio.timeout(PATIENCE_S):
        while not await _pollers(client) - gone:  # noqa: ASYNC110 - the server tells nobody
            await asyncio.sleep(LOOK_EVERY_S)
    took = time.perf_counter() - began
    await bringing_up
    return took


async def _pollers(client: Client) -> set[str]:
    asked = DescribeTaskQueueRequest(
        namespace=client.namespace,
        task_queue=TaskQueue(name=TASK_QUEUE),
        task_queue_type=TaskQueueType.TASK_QUEUE_TYPE_WORKFLOW,
    )
    return {one.identity for one in (await client.workflow_service.describe_task_queue(asked)).pollers}


if __name__ == "__main__":
    run(main())
