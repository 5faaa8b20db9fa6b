"""Who comes in: keys that are created, rotated and revoked on the command line, and tokens of an OIDC issuer."""

import asyncio
import io
import json
import time
from contextlib import redirect_stderr, redirect_stdout
from datetime import timedelta
from http import HTTPStatus
from typing import Any

import httpx
import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa

from starter.cli.app import run
from starter.identity import ensure_keys, read_keys
from storage.catalogues import rules
from storage.keys import principal_of, put_key, revoke_key, rotate_key
from storage.pool import Pool
from tests.integration.gateway.gate import CLERK, SOURCE, WATER, Gate, matter, problem_of, review
from tests.integration.gateway.strictness import Strict


async def whistle(gate: Gate, *words: str) -> tuple[int, dict[str, Any]]:
    """Run the command line on the stack; give its exit code and its JSON."""
    out, complaint = io.StringIO(), io.StringIO()
    with redirect_stdout(out), redirect_stderr(complaint), pytest.MonkeyPatch.context() as patch:
        patch.setenv("WHISTLE_DATA_DIR", str(gate.data_dir))
        code = await asyncio.to_thread(run, [*words, "--json"])
    return code, json.loads(out.getvalue() or complaint.getvalue().splitlines()[-1])


async def knows(gate: Gate, credential: str) -> int:
    """Tell how a gateway answers to a credential."""
    answer = await gate.http.get("/v1/tasks", headers={"Authorization": f"Bearer {credential}"})
    return answer.status_code


async def test_a_key_lives_from_create_over_rotate_to_revoke(gate: Gate):
    """Good once created, rotated the old one too for the grace time, revoked neither; the table holds hashes."""
    _, made = await whistle(
        gate, "keys", "create", "source@wangge", "--role", "SOURCE_SYSTEM", "--organisation", "wangge"
    )
    assert await knows(gate, made["key"]) == HTTPStatus.OK
    own = {"Authorization": f"Bearer {made['key']}"}
    registered = await gate.http.post("/v1/whistles", json=matter(source_system="wangge"), headers=own)
    assert registered.status_code == 201
    taken = ("keys", "create", "source@wangge", "--role", "ADMIN", "--organisation", "admin")
    assert (await whistle(gate, *taken))[0] == 1
    _, rotated = await whistle(gate, "keys", "rotate", "source@wangge", "--grace", "1")
    assert {await knows(gate, key) for key in (made["key"], rotated["key"])} == {HTTPStatus.OK}
    _, listed = await whistle(gate, "keys", "list")
    entry = next(item for item in listed["items"] if item["name"] == "source@wangge")
    assert (entry["role"], entry["former_until"] is not None, "key" in entry) == ("SOURCE_SYSTEM", True, False)
    assert (await whistle(gate, "keys", "revoke", "source@wangge"))[0] == 0
    assert {await knows(gate, key) for key in (made["key"], rotated["key"])} == {HTTPStatus.UNAUTHORIZED}
    rows = await gate.pool.fetch("select * from api_key")
    assert not [row for row in rows if made["key"] in str(dict(row)) or rotated["key"] in str(dict(row))]


@pytest.mark.parametrize(
    "words",
    [
        ("x", "--role", "ENGINE", "--organisation", "platform"),
        ("x", "--role", "TOWNSHIP_CLERK", "--organisation", "nowhere"),
        ("x", "--role", "TOWNSHIP_CLERK", "--organisation", "water"),
        ("名", "--role", "ADMIN", "--organisation", "admin"),
    ],
)
async def test_a_key_that_fits_nobody_is_not_made(gate: Gate, words: tuple[str, ...]):
    """Not the engine's role, not an organisation that is not there or of another kind, not an unprintable name."""
    code, told = await whistle(gate, "keys", "create", *words)
    assert (code, told["type"]) == (1, "urn:whistle:problem:invalid")


async def test_one_key_may_hold_two_roles(gate: Gate):
    """In a small township one person is clerk and leader; each command is made in the role that may."""
    roles = ("--role", "TOWNSHIP_CLERK", "--role", "TOWNSHIP_LEADER")
    _, made = await whistle(gate, "keys", "create", "both@jinhaihu", *roles, "--organisation", "jinhaihu")
    own, whistle_id = {"Authorization": f"Bearer {made['key']}"}, await gate.register()
    reviewed = await gate.http.post(f"/v1/whistles/{whistle_id}/review", json=review(), headers=own)
    blown = await gate.http.post(f"/v1/whistles/{whistle_id}/blow", json={}, headers=own)
    assert [answer.json()["state"] for answer in (reviewed, blown)] == ["PROPOSED", "BLOWN"]
    trail = (await gate.get(CLERK, f"/v1/whistles/{whistle_id}/events")).json()["items"]
    assert {"TOWNSHIP_CLERK", "TOWNSHIP_LEADER"} <= {event["actor"]["role"] for event in trail}


async def test_a_grace_of_nothing_ends_the_old_key_at_once(pool: Pool):
    """What a leaked key needs."""
    await put_key(pool, "admin", "ADMIN", "admin", "old-old-old")
    assert await rotate_key(pool, "admin", "new-new-new", timedelta(0))
    assert await principal_of(pool, "old-old-old") is None
    assert await principal_of(pool, "new-new-new") is not None


async def test_a_restart_brings_back_neither_a_revoked_key_nor_a_rotated_one(pool: Pool, tmp_path: Any):
    """`whistle up` gives keys to those who have none; an old keys.json is not the word that counts."""
    organisations = (await rules(pool, "default")).organisations
    await ensure_keys(pool, tmp_path, organisations)
    keys = read_keys(tmp_path)
    await revoke_key(pool, SOURCE)
    await rotate_key(pool, WATER, "rotated-elsewhere", timedelta(0))
    await ensure_keys(pool, tmp_path, organisations)
    assert await principal_of(pool, keys[SOURCE]) is None
    assert await principal_of(pool, keys[WATER]) is None
    assert await principal_of(pool, "rotated-elsewhere") is not None
    (tmp_path / "keys.json").unlink()
    await ensure_keys(pool, tmp_path, organisations)
    assert await principal_of(pool, read_keys(tmp_path)[WATER]) is not None


async def bearing(gate: Gate, token: str, path: str = "/v1/tasks") -> httpx.Response:
    """Ask with a token."""
    return await gate.http.get(path, headers={"Authorization": f"Bearer {token}"})


async def test_a_token_of_the_issuer_is_the_principal_that_its_claims_say(strict: Strict):
    """Subject, role and organisation; it may do what a key of the same role may, and keys still work."""
    gate, issuer = strict.gate, strict.issuer
    whistle_id, token = await gate.register(), issuer.token()
    own = {"Authorization": f"Bearer {token}"}
    answer = await gate.http.post(f"/v1/whistles/{whistle_id}/review", json=review(), headers=own)
    assert answer.status_code == 200, answer.text
    trail = (await bearing(gate, token, f"/v1/whistles/{whistle_id}/events")).json()["items"]
    assert trail[-1]["actor"] == {"subject": "oidc:zhang.san", "role": "TOWNSHIP_CLERK", "organisation": "jinhaihu"}
    stranger = issuer.token(whistle_organisation="binhe")
    problem_of(await bearing(gate, stranger, f"/v1/whistles/{whistle_id}"), 404, "not-found")


async def test_a_key_that_the_issuer_takes_into_use_is_fetched(strict: Strict):
    """Rotation at the issuer needs no restart here."""
    gate, issuer = strict.gate, strict.issuer
    assert (await bearing(gate, issuer.token())).status_code == 200
    issuer.keys["two"] = rsa.generate_private_key(65537, 2048)
    token = issuer.token(kid="two", key=issuer.keys["two"])
    async with asyncio.timeout(10):
        while (await bearing(gate, token)).status_code != HTTPStatus.OK:  # noqa: ASYNC110 - nor does an issuer
            await asyncio.sleep(0.5)


async def test_a_token_that_is_not_to_be_believed_is_nobody(strict: Strict):
    """Expired, for another audience, of another issuer, signed by another, unsigned, or without a role."""
    gate, issuer = strict.gate, strict.issuer
    other = rsa.generate_private_key(65537, 2048)
    tokens = [
        issuer.token(exp=time.time() - 120),
        issuer.token(exp=None),
        issuer.token(aud="another"),
        issuer.token(iss="http://evil"),
        issuer.token(key=other),
        issuer.token(key=ec.generate_private_key(ec.SECP256R1()), algorithm="ES256"),
        issuer.token(kid="none"),
        jwt.encode({"sub": "x"}, "", algorithm="none"),
        jwt.encode({"sub": "x", "whistle_role": "ADMIN"}, "s" * 32, algorithm="HS256", headers={"kid": "one"}),
        issuer.token(whistle_role=None),
        issuer.token(whistle_role="ENGINE"),
        issuer.token(whistle_role=["TOWNSHIP_CLERK", "KING"]),
        issuer.token(whistle_role=7),
        issuer.token(whistle_organisation="a b"),
        issuer.token(sub=None),
        issuer.token(sub="x" * 500),
        issuer.token(sub=["x"]),
    ]
    for token in tokens:
        problem_of(await bearing(gate, token), 401, "unauthenticated")
        await asyncio.sleep(0.04)


async def test_over_its_limit_a_key_waits_and_others_do_not(strict: Strict):
    """429 with Retry-After; without a key the address is counted."""
    gate = strict.gate
    answers = await asyncio.gather(*(gate.get("department@gas", "/v1/tasks") for _ in range(60)))
    refused = [answer for answer in answers if answer.status_code == HTTPStatus.TOO_MANY_REQUESTS]
    assert 20 <= len(refused) <= 35
    assert problem_of(refused[0], 429, "too-many-requests")
    assert 1 <= int(refused[0].headers["retry-after"]) <= 2
    assert (await gate.get("department@power", "/v1/tasks")).status_code == 200
    nobody = await asyncio.gather(*(gate.http.get("/v1/tasks") for _ in range(60)))
    assert {answer.status_code for answer in nobody} == {401, 429}
    assert (await gate.get("department@power", "/v1/tasks")).status_code == 200
