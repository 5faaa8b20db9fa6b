"""Signed intake over HTTP: verified before it is read, registered once, answered the same."""

import asyncio
import json
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import httpx
import pytest
from standardwebhooks import Webhook

from starter.identity import read_keys, rotate_hook
from starter.signing import fresh_secret
from storage.hooks import put_secret, secrets_of
from tests.integration.webhooks.conftest import Street

pytestmark = pytest.mark.timeout(60)


def work_order(**changes: Any) -> dict[str, Any]:
    """A work order in the hotline's own words."""
    return {
        "工单编号": uuid4().hex,
        "受理时间": "2026-11-24 09:31:05",
        "标题": "夜间盗采砂石",
        "诉求类型": "举报",
        "紧急程度": "特急",
        "姓名": "王女士",
        "联系电话": "13800000000",
        "是否保密": "是",
        "时间": "昨夜十一时",
        "地址": "金海湖镇海子村东河道",
        "起因": "挖掘机进场",
        "经过": "装车外运",
        "承办街乡": "金海湖镇",
        "办理时限": "2026-12-01 18:00:00",
    } | changes


def grid_event(**changes: Any) -> dict[str, Any]:
    """A case of the grid's patrol in the words of GB/T 30428."""
    return {
        "任务号": uuid4().hex,
        "问题类型": "事件",
        "大类": "街面秩序",
        "小类": "无照经营游商",
        "大类编码": "04",
        "小类编码": "02",
        "问题描述": "路口占道摆摊",
        "位置描述": "文化大街路口",
        "街乡": "滨河街道",
        "网格编码": "11011700100501",
        "经纬度": "117.121,40.140",
        "坐标系": "WGS84",
        "上报时间": "2026-11-24 08:15:00",
        "紧急程度": "0",
        "照片": ["https://photos.example.cn/1.jpg"],
    } | changes


def registration(**changes: Any) -> dict[str, Any]:
    """A message in our own form."""
    matter = {
        "source_system": "12345",
        "external_id": uuid4().hex,
        "channel": "HOTLINE_12345",
        "received_at": "2026-11-24T09:31:05+08:00",
        "title": "占道经营",
        "description": "夜市占道",
        "township": "jinhaihu",
        "place": {"address": "海子村"},
    }
    return {"type": "whistle.register", "timestamp": "2026-11-24T09:31:06+08:00", "data": matter | changes}


def signature(secret: str, message_id: str, at: datetime, body: bytes) -> dict[str, str]:
    """The three headers of a message."""
    return {
        "webhook-id": message_id,
        "webhook-timestamp": str(int(at.timestamp())),
        "webhook-signature": Webhook(secret).sign(message_id, at, body.decode()),
    }


async def send(
    street: Street, body: object, *, source: str = "12345", secret: str | None = None, message_id: str | None = None
) -> httpx.Response:
    """Send a message signed as its source does."""
    raw = body if isinstance(body, bytes) else json.dumps(body, ensure_ascii=False).encode()
    message_id = message_id or f"msg_{uuid4().hex}"
    headers = signature(secret or street.keys[f"hook@{source}"], message_id, datetime.now(UTC), raw)
    return await street.http.post(f"/v1/hooks/{source}", content=raw, headers=headers)


async def count(street: Street) -> int:
    """How many whistles there are."""
    return await street.pool.fetchval("select count(*) from whistle")


async def test_a_registration_in_our_own_form_becomes_a_whistle(street: Street):
    """201 with the whistle, once it is stored and its workflow runs."""
    message = registration()
    answer = await send(street, message)
    assert answer.status_code == 201
    assert answer.json()["whistle_id"] == f"12345:{message['data']['external_id']}"
    assert answer.json()["state"] == "SOURCED"
    started = "select started_at is not null from whistle where whistle_id = $1"
    assert await street.pool.fetchval(started, answer.json()["whistle_id"])


async def test_a_work_order_of_the_hotline_is_taken_in_by_its_mapping(street: Street):
    """The five elements arrive where they belong, times in Beijing's zone, codes translated."""
    answer = await send(street, work_order())
    assert answer.status_code == 201, answer.text
    whistle_id = answer.json()["whistle_id"]
    assert (answer.json()["urgency"], answer.json()["township"]) == ("CRITICAL", "jinhaihu")
    matter = await street.pool.fetchrow("select * from matter where whistle_id = $1", whistle_id)
    reporter = await street.pool.fetchrow("select * from reporter where whistle_id = $1", whistle_id)
    value = await street.pool.fetchval("select value from whistle where whistle_id = $1", whistle_id)
    assert matter["description"] == "起因:挖掘机进场\n经过:装车外运\n发生时间:昨夜十一时"
    assert matter["address"] == "金海湖镇海子村东河道"
    assert (reporter["name"], reporter["phone"], reporter["confidential"]) == ("王女士", "13800000000", True)
    assert value["demand_type"] == "REPORT"
    assert datetime.fromisoformat(value["received_at"]) == datetime(2026, 11, 24, 1, 31, 5, tzinfo=UTC)
    assert datetime.fromisoformat(value["source_due_at"]) == datetime(2026, 12, 1, 10, tzinfo=UTC)


async def test_a_grid_event_is_taken_in_by_its_mapping(street: Street):
    """With its class, its grid, and its place in the one system that is stored."""
    answer = await send(street, grid_event(), source="grid")
    assert answer.status_code == 201, answer.text
    view = answer.json()
    assert (view["title"], view["kind"], view["township"]) == ("街面秩序·无照经营游商", "ENFORCEMENT", "binhe")
    value = await street.pool.fetchval("select value from whistle where whistle_id = $1", view["whistle_id"])
    assert (value["grid"], value["item_code"], value["channel"]) == ("11011700100501", "0402", "GRID")
    matter = await street.pool.fetchrow("select * from matter where whistle_id = $1", view["whistle_id"])
    assert matter["crs"] == "GCJ02"
    assert 117.121 < matter["lng"] < 117.135
    assert matter["evidence"][0]["url"] == "https://photos.example.cn/1.jpg"


async def test_twenty_identical_messages_at_once_make_one_whistle(street: Street):
    """And all of them get the same answer."""
    before, order = await count(street), work_order()
    answers = await asyncio.gather(*(send(street, order, message_id="msg_twenty") for _ in range(20)))
    assert {(a.status_code, a.text) for a in answers} == {(201, answers[0].text)}
    assert await count(street) == before + 1


async def test_the_same_message_again_gets_the_same_answer_whatever_happened_since(street: Street):
    """Also when the whistle has moved on; and the same content under another id makes no second whistle."""
    message = registration()
    first = await send(street, message, message_id="msg_again")
    moved = await street.ask(
        "POST",
        f"/v1/whistles/{first.json()['whistle_id']}/review",
        "clerk@jinhaihu",
        json={"decision": "SELF_HANDLE", "reason": "本镇可办"},
    )
    assert moved.status_code == 200, moved.text
    again = await send(street, message, message_id="msg_again")
    assert (again.status_code, again.text) == (first.status_code, first.text)
    other = await send(street, message)
    assert (other.status_code, other.json()["serial"]) == (201, first.json()["serial"])


async def test_other_content_under_a_known_id_is_a_conflict(street: Street):
    """Under a known webhook-id as under a known external id."""
    message = registration()
    await send(street, message, message_id="msg_known")
    changed = registration(external_id=message["data"]["external_id"], title="别的")
    for answer in (await send(street, registration(), message_id="msg_known"), await send(street, changed)):
        assert (answer.status_code, answer.json()["type"]) == (409, "urn:whistle:problem:idempotency-conflict")


@pytest.mark.parametrize(
    "change",
    [
        {"webhook-signature": "v1,AAAA"},
        {"webhook-signature": "v2,whatever"},
        {"webhook-signature": "nonsense"},
        {"webhook-signature": "v1,\xff" * 3},
        {"webhook-id": "msg_other"},
        {"webhook-timestamp": "0"},
        {"webhook-timestamp": "nan"},
        {"webhook-timestamp": "9" * 400},
        {"webhook-timestamp": ""},
        {},
    ],
)
async def test_what_is_not_signed_is_refused_and_does_nothing(street: Street, change: dict[str, str]):
    """401, whatever is wrong with it; an empty change means a body with one more space."""
    before, raw = await count(street), json.dumps(registration()).encode()
    good = signature(street.keys["hook@12345"], "msg_x", datetime.now(UTC), raw)
    headers = {name: value.encode("latin-1") for name, value in (good | change).items()}
    answer = await street.http.post("/v1/hooks/12345", content=raw + (b"" if change else b" "), headers=headers)
    assert (answer.status_code, answer.json()["type"]) == (401, "urn:whistle:problem:unauthenticated")
    assert await count(street) == before


@pytest.mark.parametrize("off_by", [timedelta(minutes=-6), timedelta(minutes=6)])
async def test_a_message_of_another_time_is_refused(street: Street, off_by: timedelta):
    """However well it is signed: the window is five minutes."""
    raw = json.dumps(registration()).encode()
    headers = signature(street.keys["hook@12345"], "msg_old", datetime.now(UTC) + off_by, raw)
    assert (await street.http.post("/v1/hooks/12345", content=raw, headers=headers)).status_code == 401


async def test_an_unknown_source_is_answered_like_a_wrong_signature(street: Street):
    """Nobody learns which sources there are."""
    for source in ("nobody", "a%00b", "x" * 100):
        answer = await street.http.post(f"/v1/hooks/{source}", content=b"{}")
        assert answer.status_code == 401, source


async def test_during_a_rotation_both_secrets_are_good(street: Street):
    """The old one until its time is over; keys.json holds the new one."""
    source = "rotating"
    old = fresh_secret()
    await put_secret(street.pool, source, old)
    new = await rotate_hook(street.pool, street.data_dir, source)
    assert read_keys(street.data_dir)[f"hook@{source}"] == new
    for secret in (old, new):
        assert (await send(street, registration(source_system=source), source=source, secret=secret)).status_code == 201
    await street.pool.execute("update hook_secret set previous_until = now() where source_system = $1", source)
    assert (await send(street, registration(source_system=source), source=source, secret=old)).status_code == 401
    assert await secrets_of(street.pool, source) == [new]


async def test_a_source_registers_under_its_own_name_alone(street: Street):
    """403, as everywhere."""
    answer = await send(street, registration(source_system="grid"))
    assert (answer.status_code, answer.json()["type"]) == (403, "urn:whistle:problem:not-your-organisation")


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"受理时间": "昨天"}, "受理时间"),
        ({"紧急程度": "很急"}, "紧急程度"),
        ({"承办街乡": "某某镇"}, "承办街乡 | 属地街乡"),
        ({"承办街乡": None}, "承办街乡 | 属地街乡"),
        ({"经度": "东"}, "经度"),
        ({"工单编号": "京/2026"}, "工单编号 | 工单号"),
        ({"地址": ""}, "地址"),
        ({"地址": {"街": "x"}}, "地址"),
        ({"附件": "x"}, "附件"),
    ],
)
async def test_a_message_that_does_not_fit_its_mapping_is_refused_in_the_words_of_the_source(
    street: Street, change: dict[str, Any], field: str
):
    """422, naming the source's own field."""
    answer = await send(street, work_order(**change))
    assert answer.status_code == 422, answer.text
    assert field in [error["field"] for error in answer.json()["errors"]]


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"[]",
        b"null",
        b"{",
        b'{"a": NaN}',
        b"[" * 100_000,
        b'{"type": "whistle.register"}',
        b'{"type": "whistle.register", "data": []}',
        b'{"type": "whistle.register", "data": {"title": "\\u0000\\ud800"}}',
        b'{"type": "other"}',
        b'{"type": "other", "type": "whistle.register"}',
    ],
)
async def test_a_signed_body_that_is_no_message_is_refused(street: Street, raw: bytes):
    """422 and never a 500."""
    answer = await send(street, raw)
    assert (answer.status_code, answer.json()["type"]) == (422, "urn:whistle:problem:invalid")


async def test_a_body_that_is_not_utf_8_is_refused(street: Street):
    """A signature is over text: what is none cannot be signed."""
    good = signature(street.keys["hook@12345"], "msg_x", datetime.now(UTC), b"{}")
    assert (await street.http.post("/v1/hooks/12345", content=b"\xff\xfe", headers=good)).status_code == 401
