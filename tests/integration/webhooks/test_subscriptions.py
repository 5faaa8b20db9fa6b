"""Webhooks over HTTP, delivered by a real worker."""

import asyncio
import json
from collections.abc import AsyncIterator, Sequence
from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

import pytest
from standardwebhooks import WebhookVerificationError

from starter.cli.app import run
from starter.gateway.webhooks import resolver
from tests.integration.webhooks.conftest import Street
from tests.integration.webhooks.receiver import Answer, Receiver
from tests.patience import until

pytestmark = pytest.mark.timeout(90)
SOURCE, ALL = "source@12345", ["*"]
HERE = "http://127.0.0.1:9/in"


@pytest.fixture(autouse=True)
async def _no_subscription_outlives_its_test(street: Street) -> AsyncIterator[None]:
    yield
    await street.pool.execute("update webhook set deleted_at = now() where deleted_at is null")


async def subscribe(street: Street, url: str = HERE, who: str = "admin", **more: Any) -> dict[str, str]:
    """Subscribe, and give id and secret."""
    answer = await street.ask("POST", "/v1/webhooks", who, json={"url": url, "events": ALL, **more})
    assert answer.status_code == 201, answer.text
    return answer.json()


async def test_while_a_secret_is_rotated_both_sign(street: Street):
    """Until the grace is over; the same request under one key gives one secret, and nobody else may ask."""
    with Receiver().listening() as receiver:
        made = await subscribe(street, receiver.url, SOURCE)
        path, again = f"/v1/webhooks/{made['id']}/rotate", {"Idempotency-Key": "rotate-1"}
        asked = [await street.ask("POST", path, SOURCE, headers=again, json={"grace_hours": 1}) for _ in range(2)]
        new = asked[0].json()["secret"]
        assert [answer.status_code for answer in asked] == [200, 200]
        assert (asked[1].json()["secret"], new == made["secret"]) == (new, False)
        await register(street)
        await until(lambda: bool(receiver.got))
        for secret in (made["secret"], new):
            receiver.got[0].verified(secret)
        await street.pool.execute("update webhook set previous_until = now() where id = $1", made["id"])
        told = len(receiver.got)
        await register(street)
        await until(lambda: len(receiver.got) > told)
        receiver.got[-1].verified(new)
        with pytest.raises(WebhookVerificationError):
            receiver.got[-1].verified(made["secret"])
    assert (await street.ask("POST", path, "clerk@jinhaihu")).status_code == 403
    assert (await street.ask("POST", path, SOURCE, json={"grace_hours": -1})).status_code == 422


async def test_a_subscription_that_was_gone_is_enabled_again(street: Street):
    """It hears of what comes from then on; of what it missed, what is replayed by hand."""
    with Receiver(Answer(status=410), Answer()).listening() as receiver:
        made = await subscribe(street, receiver.url, SOURCE)
        path = f"/v1/webhooks/{made['id']}"
        await register(street)

        async def is_disabled() -> bool:
            return bool((await street.ask("GET", path, SOURCE)).json()["disabled_at"])

        await until(is_disabled)
        missed = (await street.ask("GET", f"{path}/deliveries", SOURCE)).json()["items"][0]
        replay = f"{path}/deliveries/{missed['id']}/replay"
        assert (await street.ask("POST", replay, SOURCE)).status_code == 409
        for _ in "ab":
            enabled = await street.ask("POST", f"{path}/enable", SOURCE)
            assert (enabled.status_code, enabled.json()["disabled_at"]) == (200, None)
        whistle_id = await register(street)
        await until(lambda: any(got.message["data"]["whistle_id"] == whistle_id for got in receiver.got))
        assert (await street.ask("POST", replay, SOURCE)).status_code == 202
        await until(lambda: sum(got.message["data"]["whistle_id"] == missed["whistle_id"] for got in receiver.got) == 2)


async def test_the_command_line_keeps_subscriptions_too(street: Street, capsys: pytest.CaptureFixture[str]):
    """As an administrator or the source itself; others are refused by name."""
    made = await subscribe(street, who=SOURCE)

    async def whistle(*words: str) -> tuple[int, dict[str, Any]]:
        with pytest.MonkeyPatch.context() as patch:
            patch.setenv("WHISTLE_DATA_DIR", str(street.data_dir))
            code = await asyncio.to_thread(run, ["webhooks", *words, "--json"])
        written = capsys.readouterr()
        return code, json.loads((written.out if code == 0 else written.err).splitlines()[-1])

    listed = (await whistle("list", "--as", SOURCE))[1]["items"]
    assert [webhook["id"] for webhook in listed] == [made["id"]]
    code, rotated = await whistle("rotate", made["id"], "--as", SOURCE)
    assert (code, rotated["secret"] == made["secret"]) == (0, False)
    assert (await whistle("enable", made["id"], "--as", "admin"))[0] == 0
    assert (await whistle("enable", "wh_none", "--as", "admin"))[1]["type"].endswith("not-found")
    assert (await whistle("list", "--as", "clerk@jinhaihu"))[1]["type"].endswith("role-not-allowed")


async def register(street: Street, **changes: Any) -> str:
    """Register a matter as the hotline."""
    matter = {
        "source_system": "12345",
        "external_id": uuid4().hex,
        "channel": "HOTLINE_12345",
        "received_at": datetime.now(UTC).isoformat(),
        "title": "占道经营",
        "description": "夜市占道",
        "township": "jinhaihu",
        "place": {"address": "海子村"},
    }
    answer = await street.ask("POST", "/v1/whistles", SOURCE, json=matter | changes)
    assert answer.status_code == 201, answer.text
    return answer.json()["whistle_id"]


async def test_an_event_travels_from_a_request_to_a_receiver_that_can_verify_it(street: Street):
    """Through the gateway, the workflow, the ledger, the worker's activity and the wire."""
    with Receiver().listening() as receiver:
        made = await subscribe(street, receiver.url, SOURCE)
        assert set(made) == {"id", "secret"}
        assert made["secret"].startswith("whsec_")
        whistle_id = await register(street)
        await until(lambda: bool(receiver.got))
        told = receiver.got[0].verified(made["secret"])
    assert (told["type"], told["data"]["type"], told["data"]["whistle_id"]) == (
        "whistle.event",
        "WhistleRegistered",
        whistle_id,
    )


async def test_the_log_shows_each_delivery_and_pages(street: Street):
    """With the attempts and their outcome."""
    with Receiver().listening() as receiver:
        made = await subscribe(street, receiver.url)
        for _ in range(3):
            await register(street)
        await until(lambda: len(receiver.got) == 3)

        async def all_noted() -> bool:
            log = (await street.ask("GET", f"/v1/webhooks/{made['id']}/deliveries")).json()["items"]
            return [item["state"] for item in log] == ["DELIVERED"] * 3

        await until(all_noted)
    first = (await street.ask("GET", f"/v1/webhooks/{made['id']}/deliveries?limit=2")).json()
    second = (
        await street.ask("GET", f"/v1/webhooks/{made['id']}/deliveries?limit=2&cursor={first['next_cursor']}")
    ).json()
    shown = [*first["items"], *second["items"]]
    assert second["next_cursor"] is None
    assert {item["message_id"] for item in shown} == {got.headers["webhook-id"] for got in receiver.got}
    assert [attempt["status"] for item in shown for attempt in item["attempts"]] == [204, 204, 204]


async def test_a_delivery_is_replayed_by_hand(street: Street):
    """202, and the same message comes once more."""
    with Receiver().listening() as receiver:
        made = await subscribe(street, receiver.url)
        await register(street)
        await until(lambda: len(receiver.got) == 1)
        log = (await street.ask("GET", f"/v1/webhooks/{made['id']}/deliveries")).json()["items"]
        again = await street.ask("POST", f"/v1/webhooks/{made['id']}/deliveries/{log[0]['id']}/replay")
        assert (again.status_code, again.json()["state"]) == (202, "PENDING")
        await until(lambda: len(receiver.got) == 2)
    assert len({got.headers["webhook-id"] for got in receiver.got}) == 1
    for path in ("deliveries/999999999/replay", "deliveries/0/replay", "deliveries/x/replay"):
        answer = await street.ask("POST", f"/v1/webhooks/{made['id']}/{path}")
        assert answer.status_code in (404, 422)
        assert answer.headers["content-type"] == "application/problem+json"


async def test_a_worker_that_is_killed_while_it_delivers_loses_nothing(street: Street):
    """Its successor finds the attempt interrupted and makes it again, under the same id."""
    with Receiver(Answer(after_s=60)).listening() as receiver:
        made = await subscribe(street, receiver.url)
        await register(street)
        await until(lambda: len(receiver.got) == 1)
        receiver.answers = [Answer()]
        await street.stack.crash("worker")
        await until(lambda: len(receiver.got) == 2, within_s=40)

        async def delivered() -> bool:
            log = (await street.ask("GET", f"/v1/webhooks/{made['id']}/deliveries")).json()["items"]
            return log[0]["state"] == "DELIVERED"

        await until(delivered)
        log = (await street.ask("GET", f"/v1/webhooks/{made['id']}/deliveries")).json()["items"]
    assert [(one["status"], one["error"]) for one in log[0]["attempts"]] == [(None, "interrupted"), (204, None)]
    assert len({got.headers["webhook-id"] for got in receiver.got}) == 1


async def test_a_deleted_webhook_is_gone(street: Street):
    """204, then 404 everywhere."""
    made = await subscribe(street)
    assert (await street.ask("DELETE", f"/v1/webhooks/{made['id']}")).status_code == 204
    for method, path in (("DELETE", ""), ("GET", ""), ("GET", "/deliveries"), ("POST", "/deliveries/1/replay")):
        assert (await street.ask(method, f"/v1/webhooks/{made['id']}{path}")).status_code == 404


async def test_the_list_shows_a_source_its_own_and_an_administrator_all_and_nobody_a_secret(street: Street):
    """Another source sees nothing of either."""
    own, other = await subscribe(street, who=SOURCE), await subscribe(street)
    mine = await street.ask("GET", "/v1/webhooks", SOURCE)
    everyone = await street.ask("GET", "/v1/webhooks")
    assert [item["id"] for item in mine.json()["items"]] == [own["id"]]
    assert {item["id"] for item in everyone.json()["items"]} == {own["id"], other["id"]}
    assert "whsec_" not in mine.text + everyone.text
    for method, path in (("GET", ""), ("DELETE", ""), ("GET", "/deliveries")):
        assert (await street.ask(method, f"/v1/webhooks/{other['id']}{path}", SOURCE)).status_code == 404


@pytest.mark.parametrize("who", ["clerk@jinhaihu", "department@water", "platform", "supervisor"])
async def test_only_administrators_and_sources_have_webhooks(street: Street, who: str):
    """Everyone else is refused by role, and nobody known is not authenticated."""
    body = {"url": HERE, "events": ALL}
    assert (await street.ask("POST", "/v1/webhooks", who, json=body)).status_code == 403
    assert (await street.ask("GET", "/v1/webhooks", who)).status_code == 403
    assert (await street.ask("POST", "/v1/webhooks", None, json=body)).status_code == 401


@pytest.mark.parametrize(
    ("field", "change"),
    [
        ("url", {"url": "ftp://example.org/"}),
        ("url", {"url": "http://"}),
        ("url", {"url": "nonsense"}),
        ("url", {"url": "https://user:secret@example.org/"}),
        ("url", {"url": "https://example.org/#x"}),
        ("url", {"url": "https://example.org:99999/"}),
        ("url", {"url": "http://no-such-name.invalid/"}),
        ("url", {"url": "http://a\x00b/"}),
        ("url", {"url": f"http://{'a' * 70}.example/"}),
        ("url", {"url": "http://10.0.0.1/"}),
        ("url", {"url": "http://169.254.169.254/latest/meta-data"}),
        ("url", {"url": "http://[::ffff:10.0.0.1]/"}),
        ("url", {"url": "http://[::1]/"}),
        ("url", {"url": "http://[64:ff9b::a00:1]/"}),
        ("url", {"url": "http://0/"}),
        ("events", {"events": ["NoSuchEvent"]}),
        ("events", {"events": []}),
        ("events", {"events": ["*", "WhistleBlown"]}),
        ("organisation", {"organisation": "a b"}),
        ("secret", {"secret": "mine"}),
    ],
)
async def test_what_cannot_be_a_webhook_is_refused_by_field(street: Street, field: str, change: dict[str, Any]):
    """422 with the field's name, and nothing is stored."""
    answer = await street.ask("POST", "/v1/webhooks", json={"url": HERE, "events": ALL} | change)
    assert (answer.status_code, answer.json()["type"]) == (422, "urn:whistle:problem:invalid")
    assert field in {error["field"].split(".")[0] for error in answer.json()["errors"]}
    assert (await street.ask("GET", "/v1/webhooks")).json()["items"] == []


async def test_a_public_name_is_accepted_and_one_that_is_also_private_is_not(street: Street):
    """Every address of a name counts."""
    found: list[str] = ["93.184.215.14"]

    async def resolve(_host: str, _port: int) -> Sequence[str]:
        return found

    street.app.dependency_overrides[resolver] = lambda: resolve
    try:
        await subscribe(street, "https://example.org/hook")
        found.append("192.168.1.1")
        answer = await street.ask("POST", "/v1/webhooks", json={"url": "https://example.org/", "events": ALL})
    finally:
        street.app.dependency_overrides.clear()
    assert answer.status_code == 422


async def test_one_idempotency_key_makes_one_webhook(street: Street):
    """Twenty at once get the same id and secret; other content under the key is a conflict."""
    headers = {"idempotency-key": uuid4().hex}
    body = {"url": HERE, "events": ALL}
    answers = await asyncio.gather(*(street.ask("POST", "/v1/webhooks", json=body, headers=headers) for _ in range(20)))
    assert len({(a.status_code, a.json()["id"], a.json()["secret"]) for a in answers}) == 1
    other = await street.ask("POST", "/v1/webhooks", json=body | {"events": ["WhistleBlown"]}, headers=headers)
    assert (other.status_code, other.json()["type"]) == (409, "urn:whistle:problem:idempotency-conflict")
