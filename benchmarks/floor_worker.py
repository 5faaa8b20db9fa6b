"""The floor's own worker: a workflow that only records, with the SDK as it comes."""

import asyncio
import json
import sys
from datetime import timedelta
from typing import Any

from temporalio import activity, workflow
from temporalio.client import Client
from temporalio.common import SearchAttributeKey
from temporalio.contrib.pydantic import pydantic_data_converter
from temporalio.worker import Worker

with workflow.unsafe.imports_passed_through():
    import asyncpg

TASK_QUEUE = "floor"
VERSION = SearchAttributeKey.for_int("WhistleVersion")
CREATE = "create table if not exists floor (command_id text primary key, argument text not null)"
INSERT = "insert into floor (command_id, argument) values ($1, $2)"
CONNECTIONS = 20


class Row:
    """One row of one table for each command."""

    def __init__(self, pool: asyncpg.Pool) -> None:
        self._pool = pool

    @activity.defn(name="record_row")
    async def record_row(self, argument: dict[str, Any]) -> dict[str, Any]:
        """Insert it and answer as the ledger does."""
        await self._pool.execute(INSERT, argument["command_id"], json.dumps(argument))
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
        answer = await workflow.execute_local_activity("record_row", argument, start_to_close_timeout=timeout)
        self._seen += 1
        workflow.upsert_search_attributes([VERSION.value_set(self._seen)])
        return dict(answer)


async def serve(address: str, dsn: str) -> None:
    """Be the worker of the floor until killed."""
    client = await Client.connect(address, data_converter=pydantic_data_converter)
    async with asyncpg.create_pool(dsn, max_size=CONNECTIONS) as pool:
        await pool.execute(CREATE)
        row = Row(pool)
        await Worker(client, task_queue=TASK_QUEUE, workflows=[FloorWorkflow], activities=[row.record_row]).run()


if __name__ == "__main__":
    asyncio.run(serve(*sys.argv[1:3]))
