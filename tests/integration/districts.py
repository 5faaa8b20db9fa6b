"""Districts in one process: a worker and a client each, on namespaces of one server and databases of another."""

import uuid
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple

from google.protobuf.duration_pb2 import Duration
from temporalio.api.operatorservice.v1 import AddSearchAttributesRequest, ListSearchAttributesRequest
from temporalio.api.workflowservice.v1 import RegisterNamespaceRequest
from temporalio.client import Client
from temporalio.service import RPCError

from domain.ledger import Answer
from settings import Settings
from starter.client import WhistleClient
from starter.visibility import KINDS
from storage.pool import open_pool
from tests.conftest import Database
from tests.life import actor
from tests.patience import until
from worker import make_worker
from workflows.search_attributes import SEARCH_ATTRIBUTES

LEAVES_WITHIN = timedelta(seconds=2)


class District(NamedTuple):
    """A district that works, and the way into it."""

    client: WhistleClient
    settings: Settings

    async def register(self, **changes: Any) -> str:
        """Register a matter and give its id."""
        return (await self.client.register(matter(**changes), actor("source@12345"))).whistle_id

    async def do(self, who: str, whistle_id: str, command: str, **body: Any) -> Answer:
        """Do a command as somebody."""
        return await self.client.do(whistle_id, command, body, actor(who), f"{who}:{uuid.uuid4()}")


@asynccontextmanager
async def district(server: Client, database: Database, settings: Settings) -> AsyncIterator[District]:
    """Run a district of these settings on the namespace of the client and on the database."""
    here = settings.model_copy(update={"database_dsn": database.dsn, "graceful_shutdown": LEAVES_WITHIN})
    async with await open_pool(database.dsn, size=20) as pool, make_worker(server, pool, here):
        yield District(WhistleClient(pool, server, task_queue=here.task_queue), here)


async def namespace(server: Client, name: str) -> Client:
    """Make a namespace with the search attributes of whistles, and give its client."""
    day = Duration(seconds=24 * 3600)
    request = RegisterNamespaceRequest(namespace=name, workflow_execution_retention_period=day)
    await server.workflow_service.register_namespace(request)
    attributes = {attribute: KINDS[kind] for attribute, kind in SEARCH_ATTRIBUTES.items()}
    adding = AddSearchAttributesRequest(namespace=name, search_attributes=attributes)

    async def added() -> bool:
        try:
            await server.operator_service.add_search_attributes(adding)
            listed = await server.operator_service.list_search_attributes(ListSearchAttributesRequest(namespace=name))
        except RPCError:
            return False
        return attributes.keys() <= listed.custom_attributes.keys()

    await until(added)
    return Client(**server.config() | {"namespace": name})


def matter(**changes: Any) -> dict[str, Any]:
    """Describe a matter that nobody registered yet."""
    return {
        "source_system": "12345",
        "external_id": uuid.uuid4().hex,
        "channel": "HOTLINE_12345",
        "received_at": datetime.now(UTC).isoformat(),
        "title": "占道经营",
        "description": "早市占道",
        "township": "jinhaihu",
        "place": {"address": "将军关村口"},
    } | changes
