"""Whatever comes in, the answer is a named problem, and never a fault of ours."""

import asyncio
import json
import time
from typing import Any
from urllib.parse import urlsplit

import pytest

from tests.integration.gateway.gate import CLERK, PLATFORM, SOURCE, WATER, Gate, matter, problem_of
from tests.integration.gateway.strictness import Strict

JSON = {"Content-Type": "application/json"}
DEEP = b"[" * 100_000
BODIES = {
    "empty": b"",
    "no json": b"{",
    "not utf-8": b'{"title": "\xff\xfe"}',
    "deep": DEEP,
    "deep and closed": b'{"place":' * 3000 + b"1" + b"}" * 3000,
    "a list": b"[]",
    "a string": b'"x"',
    "null": b"null",
    "not a number": b'{"place": {"address": "x", "lng": NaN, "lat": 1e999}}',
    "a long number": b'{"source_system": ' + b"9" * 10_000 + b"}",
    "a lone surrogate": rb'{"\ud800": 1, "title": "\udfff"}',
    "many unknown fields": json.dumps({f"field{n}": n for n in range(5000)}).encode(),
    "a NUL": b"\x00",
}


async def raw(gate: Gate, request: bytes, *, end: bool = True) -> bytes:
    """Send bytes as they are and read to the end."""
    parts = urlsplit(gate.url)
    reader, writer = await asyncio.open_connection(parts.hostname, parts.port)
    writer.write(request)
    if end:
        await writer.drain()
    try:
        async with asyncio.timeout(15):
            return await reader.read()
    finally:
        writer.close()


@pytest.mark.parametrize("body", BODIES.values(), ids=BODIES)
@pytest.mark.parametrize("path", ["/v1/whistles", "/v1/whistles/12345:none/append"])
async def test_a_body_that_is_no_command_is_invalid(gate: Gate, path: str, body: bytes):
    """Unreadable, of another shape, or too deep: 422 with the fields, or 404 before any of it is looked at."""
    answer = await gate.http.post(path, content=body, headers=gate.headers(SOURCE) | JSON)
    told = problem_of(answer, 422, "invalid")
    assert 1 <= len(told["errors"]) <= 50


@pytest.mark.parametrize("field", ["title", "description", "external_id", "township", "item_code"])
@pytest.mark.parametrize("text", ["\x00", "a\x00b", "\x1b[31m", "x" * 200_000, "", " "], ids=repr)
async def test_what_no_field_can_hold_is_refused_by_name(gate: Gate, field: str, text: str):
    """NUL, controls, too long, nothing."""
    answer = await gate.post(SOURCE, "/v1/whistles", matter(**{field: text}))
    assert [fault["field"] for fault in problem_of(answer, 422, "invalid")["errors"]] == [field]


async def test_five_megabytes_are_too_large_announced_or_not(gate: Gate):
    """By Content-Length before a byte is read, in chunks once the limit is passed; one MiB is the limit."""
    headers = gate.headers(SOURCE) | JSON
    five = b"x" * 5_000_000
    problem_of(await gate.http.post("/v1/whistles", content=five, headers=headers), 413, "too-large")

    async def chunks():
        for start in range(0, len(five), 100_000):
            yield five[start : start + 100_000]

    problem_of(await gate.http.post("/v1/whistles", content=chunks(), headers=headers), 413, "too-large")
    problem_of(await gate.http.post("/v1/whistles", content=b" " * 1_048_576, headers=headers), 422, "invalid")
    problem_of(await gate.http.post("/v1/whistles", content=b" " * 1_048_577, headers=headers), 413, "too-large")


@pytest.mark.parametrize(
    "path",
    [
        "/v1/whistles/..%2f",
        "/v1/whistles/..%2f..%2fetc%2fpasswd",
        "/v1/whistles/12345:%00",
        "/v1/whistles/12345:%0d%0aX-Evil:1",
        "/v1/whistles/%",
        "/v1/whistles/12345:%ff",
        "/v1/whistles/12345",
        "/v1/whistles/12345:a:b",
        "/v1/whistles/" + "a" * 65 + ":b",
        "/v1/whistles/12345:a';drop table whistle;--",
        "/v1/whistles//append",
        "/v1/nothing",
        "/",
    ],
)
async def test_a_path_that_leads_nowhere_is_not_found(gate: Gate, path: str):
    """Whatever it tries."""
    problem_of(await gate.http.get(path, headers=gate.headers(CLERK)), 404, "not-found")
    for command in ("append", "events", "matter"):
        method = gate.http.post if command == "append" else gate.http.get
        answer = await method(f"{path.rstrip('/')}/{command}", headers=gate.headers(CLERK))
        assert answer.status_code in {404, 405, 422}
        assert answer.headers["content-type"] == "application/problem+json"


async def test_other_methods_and_media_types_are_named(gate: Gate):
    """405 with what is allowed, 415 with what is read."""
    answer = await gate.http.delete("/v1/whistles", headers=gate.headers(CLERK))
    problem_of(answer, 405, "method-not-allowed")
    assert "GET" in answer.headers["allow"]
    form = await gate.http.post("/v1/whistles", data={"title": "x"}, headers=gate.headers(SOURCE))
    problem_of(form, 415, "unsupported-media-type")


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ("limit=0", "limit"),
        ("limit=201", "limit"),
        ("limit=x", "limit"),
        ("cursor=x", "cursor"),
        ("cursor=%00", "cursor"),
        ("cursor=" + "9" * 900, "cursor"),
        ("state=OPEN", "state"),
        ("township=%00", "township"),
        ("responder=a%20b", "responder"),
        ("q=%00", "q"),
        ("q=" + "x" * 201, "q"),
        ("overdue=perhaps", "overdue"),
        ("kind=x", "kind"),
    ],
)
async def test_a_filter_that_is_none_is_refused_by_name(gate: Gate, query: str, field: str):
    """Before it reaches the database."""
    answer = await gate.http.get(f"/v1/whistles?{query}", headers=gate.headers(CLERK))
    assert {fault["field"] for fault in problem_of(answer, 422, "invalid")["errors"]} == {field}


@pytest.mark.parametrize("cursor", ["-1", "x", "9" * 40, "1.5"])
async def test_a_cursor_of_events_is_a_number(gate: Gate, cursor: str):
    """Of a size that the database has."""
    whistle_id = await gate.register()
    problem_of(await gate.get(CLERK, f"/v1/whistles/{whistle_id}/events", cursor=cursor), 422, "invalid")


@pytest.mark.parametrize(
    "credential", [None, "", "x", "Bearer", "Bearer x", "Bearer wk_" + "x" * 43, "Basic YTpi", "Bearer a.b.c"]
)
async def test_nobody_known_gets_nothing(gate: Gate, credential: str | None):
    """401 that says how to come in."""
    headers = {} if credential is None else {"Authorization": credential}
    for path in ("/v1/whistles", "/v1/tasks", "/v1/stream", "/v1/calendar", "/v1/whistles/12345:none"):
        answer = await gate.http.get(path, headers=headers)
        problem_of(answer, 401, "unauthenticated")
        assert answer.headers["www-authenticate"].startswith("Bearer")


async def test_faults_are_told_in_one_order_whatever_else_is_wrong(gate: Gate):
    """Who calls, whether that role ever may, then parameters, the body's form, the body, and what it speaks of."""
    whistle_id = await gate.emergency("water", "police")
    path = f"/v1/whistles/{whistle_id}/accept"
    broken = {"content": b"{", "headers": JSON}

    async def told(name: str | None, path: str, **request: Any) -> tuple[int, str]:
        headers = request.pop("headers", {}) | (gate.headers(name) if name else {})
        answer = await gate.http.post(path, headers=headers, **request)
        return answer.status_code, answer.json()["type"].rpartition(":")[2]

    assert await told(None, path, **broken) == (401, "unauthenticated")
    assert await told(WATER, f"{path}?x=1", **broken) == (403, "role-not-allowed")
    assert await told(WATER, path, json={}) == (403, "role-not-allowed")
    assert await told(PLATFORM, f"{path}?x=1", content=b"{") == (422, "invalid")
    assert await told(PLATFORM, path, content=b"{") == (415, "unsupported-media-type")
    assert await told(PLATFORM, path, **broken) == (422, "invalid")
    assert await told(PLATFORM, "/v1/whistles/12345:none/accept", json={}) == (422, "invalid")
    assert await told(PLATFORM, "/v1/whistles/12345:none/accept", json={"lead": "water"}) == (404, "not-found")
    assert await told(PLATFORM, f"/v1/whistles/{whistle_id}/resume") == (409, "move-not-allowed")


async def test_what_a_route_does_not_know_is_refused_by_name(gate: Gate):
    """A filter misspelt would list everything; of two keys one would be taken, and nobody knows which."""
    answer = await gate.http.get("/v1/whistles?stat=BLOWN&state=BLOWN&state=CLOSED", headers=gate.headers(CLERK))
    told = problem_of(answer, 422, "invalid")
    assert [fault["field"] for fault in told["errors"]] == ["stat", "state"]
    headers = [*gate.headers(CLERK).items(), ("Idempotency-Key", "a"), ("Idempotency-Key", "b")]
    body, path = {"text": "一", "kind": "MORE"}, f"/v1/whistles/{await gate.register()}"
    told = problem_of(await gate.http.post(f"{path}/append", json=body, headers=headers), 422, "invalid")
    assert [fault["field"] for fault in told["errors"]] == ["idempotency-key"]
    assert (await gate.get(CLERK, path)).json()["version"] == 1


@pytest.mark.parametrize(
    ("body", "keys"),
    [
        (b'{"text": "a", "kind": "MORE", "text": "b"}', ["text"]),
        (rb'{"text": "a", "kind": "MORE", "\u0074ext": "a"}', ["text"]),
        (
            b'{"text": "a", "kind": "MORE", "evidence": [{"url": "https://a.cn", "kind": "DURING", "url": "x"}]}',
            ["url"],
        ),
        (b'{"kind": "MORE", "text": {"a": 1, "a": 2}, "kind": "MORE"}', ["a", "kind"]),
    ],
)
async def test_a_key_that_stands_twice_is_refused_by_name(gate: Gate, body: bytes, keys: list[str]):
    """Of two values one would be taken, and the sender's own log may hold the other; at any depth, however written."""
    whistle_id = await gate.register()
    headers = gate.headers(SOURCE, "twice") | JSON
    answer = await gate.http.post(f"/v1/whistles/{whistle_id}/append", content=body, headers=headers)
    assert [fault["field"] for fault in problem_of(answer, 422, "invalid")["errors"]] == keys
    assert (await gate.get(SOURCE, f"/v1/whistles/{whistle_id}")).json()["version"] == 1
    await gate.http.post(f"/v1/whistles/{whistle_id}/append", json={"text": "a", "kind": "MORE"}, headers=headers)
    assert (await gate.get(SOURCE, f"/v1/whistles/{whistle_id}")).json()["version"] == 2


async def test_an_address_that_is_not_encoded_is_refused_with_advice(gate: Gate):
    """`curl "$URL/v1/whistles?q=河道"` sends what HTTP does not know."""
    answer = await raw(gate, "GET /v1/whistles?q=河道 HTTP/1.1\r\nHost: x\r\n\r\n".encode())
    assert b"urn:whistle:problem:unreadable" in answer
    assert b"percent-encode" in answer


async def test_what_is_no_http_is_answered_in_the_same_form(gate: Gate):
    """Even before there is a request; a header that tries to smuggle another is none."""
    for request in (b"nonsense\r\n\r\n", b"GET / HTTP/1.1\r\nHost: x\r\nA: b\x00c\r\n\r\n"):
        answer = await raw(gate, request)
        assert answer.startswith(b"HTTP/1.1 400")
        assert b"application/problem+json" in answer
        assert b"urn:whistle:problem:unreadable" in answer


async def test_a_request_id_that_is_well_formed_comes_back(gate: Gate):
    """One that is not gets a fresh one in its place."""
    kept = await gate.http.get("/healthz", headers={"X-Request-Id": "abc-12345678"})
    replaced = await gate.http.get("/healthz", headers={"X-Request-Id": "<script>"})
    assert kept.headers["x-request-id"] == "abc-12345678"
    assert "<" not in replaced.headers["x-request-id"]


async def test_a_client_that_sends_slowly_is_sent_away_and_holds_nobody_up(strict: Strict):
    """A head that does not end is hung up on, a body that does not come is 408; others are served meanwhile."""
    gate = strict.gate
    key = gate.headers(SOURCE)["Authorization"]
    head = f"POST /v1/whistles HTTP/1.1\r\nHost: x\r\nAuthorization: {key}\r\nContent-Length: 100\r\n"
    waiting = [
        asyncio.create_task(raw(gate, request.encode(), end=False))
        for request in ["GET / HTTP/1.1\r\nHo"] * 30 + [f"{head}\r\n{{"] * 30
    ]
    began = time.monotonic()
    assert (await gate.get(CLERK, "/v1/whistles")).status_code == 200
    assert time.monotonic() - began < 1
    heads, bodies = (await asyncio.gather(*waiting))[:30], (await asyncio.gather(*waiting))[30:]
    assert set(heads) == {b""}
    assert all(b"request-timed-out" in answer for answer in bodies)
