"""The matrix of access: every route of the application, for every kind of key, as one table declares it."""

import asyncio
from collections.abc import Iterator
from typing import Any

import pytest

from domain.vocabulary import Role
from settings import Settings
from starter.gateway import examples
from starter.gateway.app import create_app
from storage.keys import put_key, revoke_key
from tests.integration.gateway import access_table as table
from tests.integration.gateway.gate import Gate

KINDS = (*table.NOBODY, *sorted(table.EVERYBODY))
ELSEWHERE, REVOKED, UNKNOWN = "wk_source_of_elsewhere", "wk_key_that_was_revoked", "wk_key_of_nobody_at_all"
NOT_A_FIELD = {"no such field": 1}


@pytest.fixture(scope="module")
async def keys(gate: Gate) -> dict[str, dict[str, str]]:
    """The headers of every kind of key."""
    await put_key(gate.pool, table.OTHER_SOURCE, Role.SOURCE_SYSTEM, "elsewhere", ELSEWHERE)
    await put_key(gate.pool, "source@gone", Role.SOURCE_SYSTEM, "12345", REVOKED)
    await revoke_key(gate.pool, "source@gone")
    own = {name: gate.headers(name) for name in table.EVERYBODY - {table.OTHER_SOURCE}}
    made = {table.OTHER_SOURCE: ELSEWHERE, "an unknown key": UNKNOWN, "a revoked key": REVOKED}
    bearers = {name: {"Authorization": f"Bearer {key}"} for name, key in made.items()}
    return own | bearers | {"no key": {}, "a hook's secret": gate.headers("hook@12345")}


@pytest.fixture(scope="module")
async def whistle_id(gate: Gate) -> str:
    """The whistle that the table speaks of."""
    return await gate.emergency("water", "police")


def served() -> Iterator[str]:
    """Name every route of the application that is not of the Open311 standard, which has a test of its own."""
    for route in create_app(Settings()).state.context.routes:
        if not route.path.startswith("/open311/"):
            yield from (f"{method} {route.path}" for method in route.methods or ())


def test_no_route_is_forgotten():
    """Whoever adds one declares who may use it."""
    assert set(served()) == set(table.ROUTES)


def address(route: str, whistle_id: str) -> tuple[str, str]:
    """Give method and path of a route, on this whistle."""
    method, _, path = route.partition(" ")
    named = "limits" if "catalogues" in path else "townships"
    filled = path.format(
        whistle_id=whistle_id,
        name=named,
        organisation="water",
        webhook_id="wh_none",
        delivery_id=1,
        source_system="12345",
        number="平督催〔2001〕1号",
    )
    return method, filled + ("?period=1999-01" if path.endswith("/scorecard") else "")


@pytest.mark.parametrize("route", table.ROUTES)
async def test_each_kind_of_key_gets_what_the_table_says(
    gate: Gate, keys: dict[str, dict[str, str]], whistle_id: str, route: str
):
    """What may be tried is sent with a body that is none, so that nothing changes."""
    method, path = address(route, whistle_id)
    body: dict[str, Any] = {"json": NOT_A_FIELD} if method in ("POST", "PUT") else {}

    async def status(kind: str) -> int:
        async with gate.http.stream(method, path, headers=keys[kind], **body) as answer:
            return answer.status_code

    found = dict(zip(KINDS, await asyncio.gather(*map(status, KINDS)), strict=True))
    assert found == {kind: table.ROUTES[route].expected(kind) for kind in KINDS}


async def test_no_command_of_a_stranger_has_an_effect(gate: Gate, keys: dict[str, dict[str, str]], whistle_id: str):
    """Well formed, in a role that may make it elsewhere: refused by name, and its trail knows none of them."""
    bodies = examples.filled(examples.COMMANDS)
    for command, body in bodies.items():
        path = f"/v1/whistles/{whistle_id}/{command.replace('_', '-')}"
        asked = [gate.http.post(path, json=body, headers=keys[kind]) for kind in (*table.NOBODY, *table.STRANGERS)]
        for answer in await asyncio.gather(*asked):
            assert answer.status_code in {401, 403, 409}, (command, answer.text)
    trail = (await gate.get(table.PLATFORM, f"/v1/whistles/{whistle_id}/events", limit=200)).json()["items"]
    assert {event["actor"]["subject"] for event in trail} & table.STRANGERS == set()


async def test_the_standard_s_routes_are_open_to_read_and_closed_to_write_without_a_source_s_key(
    gate: Gate, keys: dict[str, dict[str, str]]
):
    """Requests that came in through it can be read by everyone; a key that is no source's reports nothing."""
    for path in ("discovery", "services", "requests"):
        assert (await gate.http.get(f"/open311/v2/{path}.json")).status_code == 200
    form = {"jurisdiction_id": "jinhaihu", "service_code": "other", "description": "x", "lat": "40.1", "long": "117.1"}
    for kind in KINDS:
        answer = await gate.http.post("/open311/v2/requests.json", data=form, headers=keys[kind])
        assert answer.status_code == (201 if kind in table.SOURCES else 403), (kind, answer.text)
        assert answer.headers["content-type"].startswith("application/json")
