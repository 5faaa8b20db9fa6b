"""What comes from outside stays data: in SQL, in headers of answers and letters, and in what we connect to."""

import asyncio
import hashlib
from collections.abc import Iterator
from typing import Any
from urllib.parse import quote

import httpx
import jwt
import pytest
from standardwebhooks import webhooks

from activities.channels import PermanentError
from activities.channels.mail import Mail
from starter.signing import fresh_secret, is_signed
from storage.keys import principal_of
from storage.ledger import _locking
from tests.integration.gateway.gate import CLERK, PLATFORM, SOURCE, Gate, problem_of
from tests.integration.gateway.strictness import AUDIENCE, Strict, issuing
from tests.integration.notices.test_channels import MESSAGE

SQL = (
    "' or '1'='1",
    "'; drop table whistle; --",
    "\\'; select pg_sleep(9); --",
    "%",
    "_",
    "$1",
    "1); delete from whistle where (1=1",
    "null",
    "E'\\x27'",
)
HEADER = "a\r\nX-Evil: 1\r\n\r\n<script>"


def parameters(described: dict[str, Any]) -> Iterator[tuple[str, str, str]]:
    """Name every place of a GET route where a client writes text: its path, the kind of parameter, its name."""
    for path, methods in described["paths"].items():
        for found in methods.get("get", {}).get("parameters", ()):
            if path != "/v1/stream":
                yield path, found["in"], found["name"]


async def ask(gate: Gate, path: str, kind: str, name: str, text: str) -> httpx.Response:
    """Put a text in one place of a route, and something plain in all others of its path."""
    filled = path.replace(f"{{{name}}}", quote(text, safe="")) if kind == "path" else path
    filled = filled.replace("{whistle_id}", "12345:none").replace("{name}", "limits").replace("{organisation}", "water")
    filled = filled.replace("{", "").replace("}", "")
    query = {name: text} if kind == "query" else {}
    headers = gate.headers(PLATFORM) | ({name: text} if kind == "header" and text.isprintable() else {})
    return await gate.http.get(filled, params=query, headers=headers)


@pytest.mark.parametrize("text", [*SQL, HEADER], ids=repr)
async def test_no_parameter_of_any_route_reaches_sql_or_a_header(gate: Gate, text: str):
    """Generated from the document: an answer or a named refusal, at once, without a header that the text made."""
    count = "select count(*) from whistle"
    before, places = await gate.pool.fetchval(count), list(parameters((await gate.http.get("/openapi.json")).json()))
    assert len(places) > 80
    async with asyncio.timeout(60):
        answers = await asyncio.gather(*(ask(gate, *place, text) for place in places))
    for place, answer in zip(places, answers, strict=True):
        assert answer.status_code < 500, (place, answer.text)
        assert "x-evil" not in answer.headers, place
        assert "<script>" not in answer.text or "html" not in answer.headers["content-type"], place
    assert await gate.pool.fetchval(count) == before


@pytest.mark.parametrize("text", [sql for sql in SQL if len(sql) > 1], ids=repr)
async def test_what_looks_like_sql_is_kept_word_for_word(gate: Gate, text: str):
    """In open and in private fields, and found by a search for it, which knows no wildcard."""
    whistle_id = await gate.register(title=text, description=text, place={"address": text})
    await gate.do(CLERK, whistle_id, "append", text=text, kind="MORE", note=text)
    assert (await gate.get(CLERK, f"/v1/whistles/{whistle_id}")).json()["title"] == text
    kept = (await gate.get(CLERK, f"/v1/whistles/{whistle_id}/matter")).json()
    assert (kept["description"], kept["place"]["address"]) == (text, text)
    found = (await gate.get(SOURCE, "/v1/whistles", q=text, limit=200)).json()["items"]
    assert whistle_id in {row["whistle_id"] for row in found}
    assert all(text.lower() in row["title"].lower() or text in row["whistle_id"] for row in found)


@pytest.mark.parametrize(
    "text", ["12345:a'b", "x'); drop table whistle; --", "a\\'", "a\x00", "a b", 'a"b', "a;b", "a%b"]
)
def test_the_one_statement_that_holds_an_id_holds_no_other_text(text: str):
    """It takes no parameters, for the sake of a round trip; what cannot be an id locks no row."""
    assert _locking(text) == _locking(None)
    assert "'12345:a-1._B'" in _locking("12345:a-1._B")


@pytest.mark.parametrize(
    "address", ["a@b.org\r\nBcc: c@d.org", "a@b.org, c@d.org", "a@b.org\nc", "<a@b.org>", "a b@c.org"]
)
async def test_a_letter_has_one_addressee_and_no_header_of_a_roster_s(address: str):
    """Refused before a server is spoken to."""
    with pytest.raises(PermanentError, match="address-invalid"):
        await Mail("127.0.0.1", 9, "whistle@example.org").send(MESSAGE.model_copy(update={"address": address}))


def test_a_subject_stays_one_header():
    """Whatever the title of a whistle says."""
    written = Mail("h", 25, "whistle@example.org")._written(
        MESSAGE.model_copy(update={"address": "a@b.org", "subject": "渣土\r\nBcc: c@d.org"})
    )
    assert written["Bcc"] is None
    assert written["Subject"] == "渣土 Bcc: c@d.org"


class Asked:
    """A pool that notes what it is asked."""

    def __init__(self) -> None:
        """Begin with nothing."""
        self.arguments: tuple[Any, ...] = ()

    async def fetchrow(self, _text: str, *arguments: Any) -> None:
        """Find nobody."""
        self.arguments = arguments


async def test_a_key_is_looked_up_by_its_hash():
    """So no comparison anywhere runs along the key itself, and how long one takes tells nothing of it."""
    pool = Asked()
    assert await principal_of(pool, "wk_some_key") is None
    assert pool.arguments == (hashlib.sha256(b"wk_some_key").hexdigest(),)


def test_a_signature_is_compared_in_constant_time(monkeypatch: pytest.MonkeyPatch):
    """Each one that was sent, by the standard library's own comparison."""
    compared: list[tuple[bytes, bytes]] = []
    plain = webhooks.hmac.compare_digest

    def noted(one: bytes, other: bytes) -> bool:
        compared.append((one, other))
        return plain(one, other)

    monkeypatch.setattr(webhooks.hmac, "compare_digest", noted)
    secret = fresh_secret()
    now = webhooks.datetime.now(webhooks.timezone.utc)
    good = webhooks.Webhook(secret).sign("msg_1", now, "{}")
    headers = {"webhook-id": "msg_1", "webhook-timestamp": str(int(now.timestamp())), "webhook-signature": good}
    assert is_signed(b"{}", headers, [secret])
    assert not is_signed(b"{ }", headers, [secret])
    assert len(compared) == 2


async def test_a_token_does_not_say_where_its_key_is(strict: Strict):
    """They come from the address in our settings alone: `jku`, `x5u` and `jwk` make no request and no bearer."""
    async with issuing() as evil:
        key, claims = evil.keys["one"], {"sub": "x", "aud": AUDIENCE, "iss": strict.issuer.url, "exp": 4_000_000_000}
        claims |= {"whistle_role": "ADMIN", "whistle_organisation": "admin"}
        public = jwt.algorithms.RSAAlgorithm.to_jwk(key.public_key(), as_dict=True)
        for told in ({"jku": f"{evil.url}/jwks.json"}, {"x5u": f"{evil.url}/x"}, {"jwk": public}):
            token = jwt.encode(claims, key, algorithm="RS256", headers={"kid": "one"} | told)
            answer = await strict.gate.http.get("/v1/tasks", headers={"Authorization": f"Bearer {token}"})
            problem_of(answer, 401, "unauthenticated")
        assert evil.asked == 0
