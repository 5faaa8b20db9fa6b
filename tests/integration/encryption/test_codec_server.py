"""The codec server by HTTP: it opens payloads for admins alone, for the pages that may ask, and notes each time."""

import base64
from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

import httpx
import pytest
from temporalio.api.common.v1 import Payload
from temporalio.converter import WorkflowSerializationContext

from domain.vocabulary import Role
from settings import Settings
from starter.codec_server.app import LARGEST_BODY, create_app
from starter.codec_server.context import CodecContext
from starter.encryption.errors import PayloadKeysInvalidError
from storage.keys import Principal, create_key, put_key, revoke_key, rotate_key
from storage.payload_access import Via, newest
from storage.pool import Pool
from tests.conftest import Database
from tests.unit.encryption.keys import codec, key, ring

UI, HERE = "https://temporal.example", "https://codec.example"
ADMIN, CLERK = "wk_admin_key_of_a_test", "wk_clerk_key_of_a_test"
TITLE = "盗采砂石"
KEY = key("2026-a")
COOKIE = "__Host-whistle_codec"


@pytest.fixture
async def app(database: Database, pool: Pool) -> AsyncIterator[CodecContext]:
    """Serve a codec server, and let an admin and a clerk have keys."""
    await put_key(pool, "admin", Role.ADMIN, "admin", ADMIN)
    await put_key(pool, "clerk@jinhaihu", Role.TOWNSHIP_CLERK, "jinhaihu", CLERK)
    settings = Settings(database_dsn=database.dsn, payload_keys=ring(KEY).model_dump_json(), codec_origins=(UI,))
    application = create_app(settings)
    async with application.router.lifespan_context(application):
        yield application


@pytest.fixture
async def http(app: Any) -> AsyncIterator[httpx.AsyncClient]:
    """Come to it as anybody may, by TLS."""
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url=HERE) as client:
        yield client


async def closed(workflow: str | None = "whistle:12345:1", title: str = TITLE) -> dict[str, Any]:
    """Give an encrypted payload as Temporal's tools send it."""
    used = codec(KEY)
    if workflow:
        used = used.with_context(WorkflowSerializationContext(namespace="default", workflow_id=workflow))
    plain = Payload(metadata={"encoding": b"json/plain"}, data=f'"{title}"'.encode())
    return wire((await used.encode([plain]))[0])


def wire(payload: Payload) -> dict[str, Any]:
    """Write a payload as Temporal's tools do."""
    metadata = {name: base64.b64encode(value).decode() for name, value in payload.metadata.items()}
    return {"metadata": metadata, "data": base64.b64encode(payload.data).decode()}


def bearer(secret: str = ADMIN, **more: str) -> dict[str, str]:
    """Give what the command line sends along."""
    return {"Authorization": f"Bearer {secret}", "X-Namespace": "default"} | more


def shown(answer: httpx.Response) -> list[str]:
    """Read what was opened."""
    assert answer.status_code == 200, answer.text
    return [base64.b64decode(one["data"]).decode() for one in answer.json()["payloads"]]


def refused(answer: httpx.Response, status: int, problem: str) -> str:
    """Check a refusal in the form of every problem."""
    assert answer.status_code == status, answer.text
    assert answer.json()["type"] == f"urn:whistle:problem:{problem}"
    assert TITLE not in answer.text
    return str(answer.json()["detail"])


async def signed_in(http: httpx.AsyncClient, secret: str = ADMIN) -> httpx.Response:
    """Show a key on the page of this server."""
    return await http.post("/login", data={"key": secret}, headers={"Origin": HERE})


async def test_an_admin_reads_and_is_noted(http: httpx.AsyncClient, pool: Pool) -> None:
    """Who, by which means, whose payloads, under which keys, and how many."""
    plain = wire(Payload(metadata={"encoding": b"json/plain"}, data=b'"open"'))
    sent = {"payloads": [await closed(), await closed(title="二"), await closed("whistle:12345:2"), plain]}
    answer = await http.post("/decode?preserveStorageRefs=true", json=sent, headers=bearer())
    assert shown(answer) == [f'"{TITLE}"', '"二"', f'"{TITLE}"', '"open"']
    (line,) = await newest(pool, None, 10)
    assert (line.act, line.reader, line.via, line.namespace) == ("DECODE", "admin", Via.KEY, "default")
    assert (line.workflows, line.keys, line.payloads) == (("whistle:12345:1", "whistle:12345:2"), (KEY.id,), 3)
    assert await newest(pool, "whistle:12345:2", 10) == [line]
    assert await newest(pool, "whistle:12345:3", 10) == []


async def test_what_is_encoded_by_hand_can_be_decoded(http: httpx.AsyncClient, pool: Pool) -> None:
    """So that an admin may give an input in the UI; that is noted too."""
    plain = wire(Payload(metadata={"encoding": b"json/plain"}, data=b'"by hand"'))
    made = await http.post("/encode", json={"payloads": [plain]}, headers=bearer())
    assert base64.b64decode(made.json()["payloads"][0]["metadata"]["encoding"]) == b"binary/encrypted"
    assert shown(await http.post("/decode", json=made.json(), headers=bearer())) == ['"by hand"']
    assert [line.act for line in await newest(pool, None, 10)] == ["DECODE", "ENCODE"]


async def test_what_shows_nothing_is_not_noted(http: httpx.AsyncClient, pool: Pool) -> None:
    """Payloads that were never encrypted, or none at all."""
    plain = wire(Payload(metadata={"encoding": b"json/plain"}, data=b"1"))
    for sent in ({"payloads": [plain]}, {"payloads": []}, {}):
        assert (await http.post("/decode", json=sent, headers=bearer())).status_code == 200
    assert await newest(pool, None, 10) == []


@pytest.mark.parametrize("path", ["/decode", "/encode"])
async def test_nobody_else_reads(http: httpx.AsyncClient, pool: Pool, path: str) -> None:
    """No key, an unknown one, a clerk's, one that was revoked: refused by name, and nothing is noted."""
    sent = {"payloads": [await closed()]}
    for headers, status, problem in (
        ({}, 401, "unauthenticated"),
        ({"Authorization": ADMIN}, 401, "unauthenticated"),
        (bearer("wk_unknown_key"), 401, "unauthenticated"),
        (bearer("x" * 5000), 401, "unauthenticated"),
        (bearer(CLERK), 403, "role-not-allowed"),
    ):
        refused(await http.post(path, json=sent, headers=headers), status, problem)
    await revoke_key(pool, "admin")
    refused(await http.post(path, json=sent, headers=bearer()), 401, "unauthenticated")
    assert await newest(pool, None, 10) == []


async def test_an_admin_among_other_roles_reads_too(http: httpx.AsyncClient, pool: Pool) -> None:
    """Whatever its first role is."""
    bearer_ = Principal(name="both", role=Role.SUPERVISOR, organisation="supervisor", other_roles=(Role.ADMIN,))
    await create_key(pool, bearer_, "wk_both_roles")
    answer = await http.post("/decode", json={"payloads": [await closed()]}, headers=bearer("wk_both_roles"))
    assert shown(answer) == [f'"{TITLE}"']


async def test_only_the_pages_of_the_ui_may_ask(http: httpx.AsyncClient) -> None:
    """A browser learns by preflight that others may not; even with an admin's key they get nothing."""
    asks = {"Access-Control-Request-Method": "POST", "Access-Control-Request-Headers": "content-type,x-namespace"}
    allowed = await http.options("/decode", headers={"Origin": UI, **asks})
    assert allowed.status_code == 200
    assert allowed.headers["access-control-allow-origin"] == UI
    assert allowed.headers["access-control-allow-credentials"] == "true"
    sent = {"payloads": [await closed()]}
    for origin in ("https://evil.example", "null", "https://temporal.example.evil", "http://temporal.example"):
        preflight = await http.options("/decode", headers={"Origin": origin, **asks})
        assert preflight.status_code == 400
        assert "access-control-allow-origin" not in preflight.headers
        answer = await http.post("/decode", json=sent, headers=bearer(Origin=origin))
        refused(answer, 403, "origin-not-allowed")
        assert "access-control-allow-origin" not in answer.headers
    answer = await http.post("/decode", json=sent, headers=bearer(Origin=UI))
    assert shown(answer) == [f'"{TITLE}"']
    assert answer.headers["access-control-allow-origin"] == UI
    assert "Origin" in answer.headers["vary"]


async def test_a_browser_reads_after_an_admin_signed_in(http: httpx.AsyncClient, pool: Pool) -> None:
    """By a cookie that no script sees and no other site sends, from the UI's pages, until the sign-out."""
    assert "Admin key" in (await http.get("/login")).text
    answer = await signed_in(http)
    assert answer.status_code == 303
    cookie = answer.headers["set-cookie"]
    for part in (f"{COOKIE}=", "HttpOnly", "Secure", "SameSite=strict", "Path=/", "Max-Age=28800"):
        assert part in cookie
    assert "Signed in: admin" in (await http.get("/login")).text
    sent = {"payloads": [await closed()]}
    assert shown(await http.post("/decode", json=sent, headers={"Origin": UI})) == [f'"{TITLE}"']
    assert (await newest(pool, None, 1))[0].via is Via.SESSION
    refused(
        await http.post("/decode", json=sent, headers={"Origin": "https://evil.example"}), 403, "origin-not-allowed"
    )
    refused(await http.post("/decode", json=sent), 401, "unauthenticated")
    stolen = dict(http.cookies)
    assert (await http.post("/logout", headers={"Origin": HERE})).status_code == 303
    assert COOKIE not in http.cookies
    http.cookies.update(stolen)
    refused(await http.post("/decode", json=sent, headers={"Origin": UI}), 401, "unauthenticated")


async def test_a_session_ends_with_its_key(http: httpx.AsyncClient, pool: Pool, owner_pool: Pool) -> None:
    """When the key is replaced, when it is revoked, and after its hours."""
    sent = {"payloads": [await closed()]}

    async def reads() -> bool:
        return (await http.post("/decode", json=sent, headers={"Origin": UI})).status_code == 200

    await signed_in(http)
    assert await rotate_key(pool, "admin", "wk_another_key", timedelta(hours=1))
    assert await reads()
    await owner_pool.execute("update api_key set former_until = now() where name = 'admin'")
    assert not await reads()
    await signed_in(http, "wk_another_key")
    assert await reads()
    await owner_pool.execute("update codec_session set expires_at = now()")
    assert not await reads()
    await signed_in(http, "wk_another_key")
    assert await revoke_key(pool, "admin")
    assert not await reads()


@pytest.mark.parametrize(
    ("secret", "origin", "status"),
    [
        ("wk_wrong", HERE, 401),
        ("", HERE, 422),
        (CLERK, HERE, 403),
        (ADMIN, UI, 403),
        (ADMIN, None, 403),
        (ADMIN, "null", 403),
    ],
)
async def test_a_sign_in_that_is_not_an_admins_own_is_refused(
    http: httpx.AsyncClient, secret: str, origin: str | None, status: int
) -> None:
    """A wrong key, a clerk's, or a form that another page sent; no session begins."""
    answer = await http.post("/login", data={"key": secret}, headers={"Origin": origin} if origin else {})
    assert answer.status_code == status
    assert "set-cookie" not in answer.headers
    assert "Signed in" not in (await http.get("/login")).text


async def test_a_page_shows_what_it_was_told_as_text_alone(http: httpx.AsyncClient, pool: Pool) -> None:
    """No name becomes markup, and no script may run."""
    name = '<script>alert("1")</script>'
    await create_key(pool, Principal(name=name, role=Role.ADMIN, organisation="admin"), "wk_scripted")
    await signed_in(http, "wk_scripted")
    page = await http.get("/login")
    assert "<script>" not in page.text
    assert "default-src 'none'" in page.headers["content-security-policy"]


async def test_what_does_not_open_is_named(http: httpx.AsyncClient, pool: Pool) -> None:
    """Another key, a changed payload: refused as a whole, and nothing is noted."""
    whole = await closed()
    changed = whole | {"data": base64.b64encode(b"x" * 60).decode()}
    other = wire((await codec(key("2025-z")).encode([Payload(data=b"1")]))[0])
    for bad, said in ((changed, "does not match the key 2026-a"), (other, "encrypted with the key 2025-z")):
        answer = await http.post("/decode", json={"payloads": [whole, bad]}, headers=bearer())
        assert said in refused(answer, 422, "undecodable")
    assert await newest(pool, None, 10) == []


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b'{"payloads": 1}', b'{"payloads": [{"data": "not base64"}]}'])
async def test_what_is_no_payload_is_invalid(http: httpx.AsyncClient, body: bytes) -> None:
    """In the form of every problem."""
    answer = await http.post("/decode", content=body, headers=bearer() | {"Content-Type": "application/json"})
    refused(answer, 422, "invalid")


async def test_a_body_is_bounded(http: httpx.AsyncClient) -> None:
    """As is the number of payloads in it."""
    answer = await http.post("/decode", content=b"x" * (LARGEST_BODY + 1), headers=bearer())
    refused(answer, 413, "too-large")
    many = {"payloads": [{}] * 10_001}
    refused(await http.post("/decode", json=many, headers=bearer()), 422, "invalid")


async def test_no_line_no_answer(http: httpx.AsyncClient, owner_pool: Pool) -> None:
    """Where the trail cannot be written, nothing is shown; and what is written stays."""
    sent = {"payloads": [await closed()]}
    assert (await http.post("/decode", json=sent, headers=bearer())).status_code == 200
    for change in ("update payload_access set reader = 'nobody'", "delete from payload_access"):
        with pytest.raises(Exception, match="append-only"):
            await owner_pool.execute(change)
    await owner_pool.execute("alter table payload_access rename to payload_access_away")
    try:
        refused(await http.post("/decode", json=sent, headers=bearer()), 503, "temporarily-unavailable")
    finally:
        await owner_pool.execute("alter table payload_access_away rename to payload_access")


class OneToken:
    """Believes one token, as an issuer's keys would."""

    async def principal_of(self, token: str) -> Principal | None:
        """Know its bearer."""
        return Principal(name="oidc:li", role=Role.ADMIN) if token == "a.good.token" else None


async def test_the_token_of_the_ui_is_believed_as_the_gateway_does(
    app: Any, http: httpx.AsyncClient, pool: Pool
) -> None:
    """Where the UI passes on the access token of an admin."""
    app.state.context.tokens = OneToken()
    sent = {"payloads": [await closed()]}
    assert shown(await http.post("/decode", json=sent, headers=bearer("a.good.token"))) == [f'"{TITLE}"']
    refused(await http.post("/decode", json=sent, headers=bearer("a.bad.token")), 401, "unauthenticated")
    assert [(line.reader, line.via) for line in await newest(pool, None, 10)] == [("oidc:li", Via.TOKEN)]


async def test_guessing_is_slowed_down(app: Any, http: httpx.AsyncClient) -> None:
    """Attempts of nobody known count against their address."""
    app.state.context.limiter = type(app.state.context.limiter)(per_second=2)
    statuses = {(await signed_in(http, f"wk_guess_{n}")).status_code for n in range(6)}
    assert statuses == {401, 429}


async def test_it_is_well_while_it_can_note(http: httpx.AsyncClient) -> None:
    """Health needs no key, and shows none."""
    assert (await http.get("/healthz")).json() == {"status": "alive"}
    assert (await http.get("/readyz")).json() == {"status": "ready"}
    refused(await http.get("/decode"), 405, "method-not-allowed")


def test_without_keys_there_is_nothing_to_serve() -> None:
    """It says so, and how to begin."""
    with pytest.raises(PayloadKeysInvalidError, match="there is no key ring: whistle payload-keys add"):
        create_app(Settings(database_dsn="postgresql://nobody@127.0.0.1:1/none", data_dir="/nonexistent"))
