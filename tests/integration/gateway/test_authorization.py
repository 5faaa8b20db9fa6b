"""The matrix of access: every route of the application, for every kind of key, as one table declares it."""

import asyncio
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest

from domain.vocabulary import Role
from settings import Settings
from starter.gateway import examples
from starter.gateway.app import create_app
from starter.identity import read_keys
from storage.keys import put_key, revoke_key
from tests.integration.gateway import access_table as table
from tests.integration.gateway.gate import Gate
from tests.integration.webhooks.test_intake import signature

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
    """Name every route of the application."""
    for route in create_app(Settings()).state.context.routes:
        yield from (f"{method} {route.path}" for method in route.methods or ())


def test_no_route_is_forgotten():
    """Whoever adds one declares who may use it."""
    assert set(served()) == {*table.ROUTES, *table.STANDARD}


def address(route: str, whistle_id: str) -> tuple[str, str]:
    """Give method and path of a route, on this whistle."""
    method, _, path = route.partition(" ")
    named = "limits" if "catalogues" in path else "townships"
    filled = path.replace("{rest:path}", "nothing").format(
        whistle_id=whistle_id,
        name=named,
        organisation="water",
        webhook_id="wh_none",
        delivery_id=1,
        source_system="12345",
        number="平督催〔2001〕1号",
        service_code="other",
        service_request_id=whistle_id,
        token="none",
    )
    return method, filled + ("?period=1999-01" if path.endswith("/scorecard") else "")


@pytest.mark.parametrize("route", [*table.ROUTES, *table.STANDARD])
async def test_each_kind_of_key_gets_what_the_table_says(
    gate: Gate, keys: dict[str, dict[str, str]], whistle_id: str, route: str
):
    """What may be tried is sent with a body that is none, so that nothing changes."""
    method, path = address(route, whistle_id)
    form = "data" if route in table.STANDARD else "json"
    body: dict[str, Any] = {form: NOT_A_FIELD} if method in ("POST", "PUT") else {}

    async def status(kind: str) -> int:
        async with gate.http.stream(method, path, headers=keys[kind], **body) as answer:
            return answer.status_code

    found = dict(zip(KINDS, await asyncio.gather(*map(status, KINDS)), strict=True))
    assert found == {kind: expected(route, kind) for kind in KINDS}


def expected(route: str, kind: str) -> int:
    """Look up what a kind of key gets."""
    return table.STANDARD[route][kind] if route in table.STANDARD else table.ROUTES[route].expected(kind)


@pytest.mark.parametrize("route", [route for route in table.ROUTES if route.startswith(("POST", "PUT"))])
async def test_no_route_takes_json_that_holds_a_key_twice(
    gate: Gate, keys: dict[str, dict[str, str]], whistle_id: str, route: str
):
    """From anybody who may call it: of two values, one system took one and another the other."""
    method, path = address(route, whistle_id)
    raw, headers = b'{"a": 1, "a": 2}', {"Content-Type": "application/json"}
    if route.startswith("POST /v1/hooks/"):
        headers |= signature(read_keys(gate.data_dir)["hook@12345"], "msg_twice", datetime.now(UTC), raw)
    else:
        headers |= keys[min(table.ROUTES[route].allowed)]
    answer = await gate.http.request(method, path, content=raw, headers=headers)
    assert answer.status_code == 422
    assert [fault["field"] for fault in answer.json()["errors"]] == ["a"]


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


async def test_only_a_source_s_key_reports_by_the_standard(gate: Gate, keys: dict[str, dict[str, str]]):
    """With a form that is in order; a key that is no source's reports nothing."""
    form = {"jurisdiction_id": "jinhaihu", "service_code": "other", "description": "x", "lat": "40.1", "long": "117.1"}
    for kind in KINDS:
        answer = await gate.http.post("/open311/v2/requests.json", data=form, headers=keys[kind])
        assert answer.status_code == (201 if kind in table.SOURCES else 403), (kind, answer.text)
        assert answer.headers["content-type"].startswith("application/json")
