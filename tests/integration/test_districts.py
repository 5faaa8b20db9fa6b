"""Several districts on one Temporal server: a namespace and a database each, and nobody sees another's whistles."""

from collections.abc import AsyncIterator

import pytest
from temporalio.client import Client

from domain.errors import NotFoundError
from settings import TASK_QUEUE, Settings
from starter.opening import Opening
from starter.standing import NamespaceTakenError, keep_open
from starter.waking import Waking
from tests.conftest import Database, fresh_database
from tests.integration.districts import District, district, namespace
from tests.patience import until
from tests.servers import real_server

PINGGU = Settings.model_construct()
MIYUN = Settings.model_construct(temporal_namespace="miyun", task_queue="miyun-whistle")
CLERK = "clerk@jinhaihu"


@pytest.fixture
async def server() -> AsyncIterator[Client]:
    """The real server, its client in the namespace default."""
    async with real_server() as client:
        yield client


async def test_two_districts_on_one_server_do_not_see_each_other(
    server: Client, postgres: Database, database: Database
) -> None:
    """The same matter lives in both at once; commands, lists, sweeps and deliverers stay at home."""
    miyun = await namespace(server, "miyun")
    other = await fresh_database(postgres)
    async with district(server, database, PINGGU) as here, district(miyun, other, MIYUN) as there:
        same = await here.register(external_id="20261124000001")
        assert await there.register(external_id="20261124000001") == same
        alone = await here.register()
        await here.do(CLERK, same, "append", text="又来电", kind="MORE")
        assert [(await one.client.view(same)).version for one in (here, there)] == [2, 1]
        await until(lambda: running_are(here, {same: 2, alone: 1}))
        await until(lambda: running_are(there, {same: 1}))
        with pytest.raises(NotFoundError):
            await there.do(CLERK, alone, "append", text="又来电", kind="MORE")
        await keep_open(here.client.temporal, TASK_QUEUE)
        await keep_open(there.client.temporal, MIYUN.task_queue)
        assert [await queue_of_the_outbox(one) for one in (here, there)] == [TASK_QUEUE, "miyun-whistle"]


async def test_a_namespace_serves_one_task_queue(server: Client) -> None:
    """A second district in it, which would share its ids, its outbox and its sweeps, is refused by name."""
    await keep_open(server, TASK_QUEUE)
    await keep_open(server, TASK_QUEUE)
    with pytest.raises(NamespaceTakenError, match="namespace default belongs to task queue whistle, not miyun"):
        await keep_open(server, "miyun")


async def running_are(where: District, expected: dict[str, int]) -> bool:
    """Whether a sweep of this district finds these whistles, at these versions, and no others."""
    waking = Waking(Opening(where.client.pool, where.client.temporal), nothing)
    return {one: version async for page in waking.running() for one, version in page.items()} == expected


async def queue_of_the_outbox(where: District) -> str:
    """Tell where a district's notices are delivered."""
    return (await where.client.temporal.get_workflow_handle("outbox").describe()).task_queue


async def nothing() -> None:
    """There is nothing to deliver."""
