"""What people say and who they are stays where it belongs: a run in which every such word is marked, and a search."""

import asyncio
import json
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any, NamedTuple
from uuid import uuid4

import httpx
import pytest
from standardwebhooks import Webhook

from domain.commands import COMMANDS
from domain.values import private_fields
from settings import Settings
from starter.connecting import connect
from starter.gateway import examples
from starter.identity import read_keys
from tests.integration.gateway import access_table as table
from tests.integration.gateway.gate import SOURCE, WATER, Gate, matter
from tests.integration.gateway.marks import MODELS, REGISTER, Marks, free_fields, spoilt
from tests.integration.gateway.test_authorization import address
from tests.integration.gateway.test_commands import STORIES
from tests.patience import until

OPENLY = {
    "register": {"title", "item_code", "local_label"},
    "resubmit": {"title", "item_code", "assembly_place"},
    "review": {"reason", "assembly_place"},
    "accept": {"change_reason", "assembly_place"},
    "arrive": {"location.lng", "location.lat"},
    "assign": {"section"},
    "confer": {"place", "conclusion"},
    "evaluate": {"comment"},
    "object": {"legal_basis"},
    "report_handling": {"summary", "documents.type", "documents.number"},
    **{
        name: {"reason"}
        for name in (
            *("appeal", "cancel", "check", "decide_appeal", "decide_extension", "decline", "merge"),
            *("reject_arrival", "reopen", "request_extension", "request_suspension", "supervise", "suspend"),
        )
    },
}
"""Words of an office about its own work, which the trail tells to every party. Whoever adds one says so here."""
KEPT_IN = {
    "matter": "what and where, as it was registered",
    "reporter": "the resident",
    "command_private": "private fields of commands, under the command's id",
    "duty_contact": "how those on duty are reached",
}
PUBLIC = f"pub{uuid4().hex[:12]}"
RESIDENT = ("address_string", "email", "first_name", "last_name", "phone", "description", "device_id", "account_id")
ORDER = {
    "受理时间": "2026-11-24 09:31:05",
    "标题": PUBLIC,
    "承办街乡": "金海湖镇",
    "是否保密": "是",
}
ENDED = "select state in ('MERGED', 'REJECTED', 'CANCELLED') from whistle where whistle_id = $1"
DROPPED = ("spoilt", "wrong", "经度", "device_id", "account_id")
"""What is refused, and what the standard has and nobody needs here."""
STREAM = "GET /v1/stream"
"""It tells rows of `event`, which hold none."""
IN_AN_ORDER = ("姓名", "联系电话", "地址", "起因", "经过", "时间", "诉求内容")


class Played(NamedTuple):
    """A run that is over: its marks, its whistles, and every refusal that was told in it."""

    gate: Gate
    marks: Marks
    whistles: list[str]
    refusals: list[httpx.Response]
    reported: list[str]


@pytest.fixture(scope="module")
async def played(gate: Gate) -> Played:
    """Every command and every way in, each with all that it may hold, and then with all of it spoilt."""
    run = Played(gate, Marks(), [], [], [])
    await be_on_duty(run)
    for story in STORIES.values():
        await play(run, story)
    await report_by_the_standard(run)
    await push_a_work_order(run)
    await be_refused(run)
    await until(lambda: is_told(run))
    return run


async def be_on_duty(run: Played) -> None:
    """Name somebody whom notices of the run go to."""
    contact = {"person": "on-duty", "channel": "log"}
    contact |= {name: run.marks.text(f"duty.{name}") for name in ("name", "address")}
    shift = {"days": "daily", "opens": "00:00", "closes": "00:00", "officer": ["on-duty"]}
    body = {"contacts": [contact], "shifts": [shift]}
    answer = await run.gate.http.put("/v1/duty/ecology", json=body, headers=run.gate.headers("department@ecology"))
    assert answer.status_code == 204, answer.text


async def play(run: Played, story: tuple[tuple[str, str, dict[str, Any]], ...]) -> None:
    """Lead one whistle through a story."""
    gate = run.gate
    whistle_id = await gate.register(**run.marks.private_of(REGISTER), title=PUBLIC)
    run.whistles.append(whistle_id)
    for who, command, changes in story:
        body = examples.filled(examples.COMMANDS)[command] | changes | run.marks.private_of(command)
        if command == "merge":
            body["merge_into"] = await gate.register()
        await gate.do(who, whistle_id, command.replace("_", "-"), **body)


async def report_by_the_standard(run: Played) -> None:
    """Report as a resident's application does, in confidence."""
    form = {"jurisdiction_id": "jinhaihu", "service_code": "exposed-garbage", "attribute[confidential]": "true"}
    form |= {"lat": "40.18", "long": "117.31"}
    told = {name: run.marks.text(f"open311.{name}") for name in RESIDENT}
    for extra, status in (({}, 201), ({"lat": "x", "phone": run.marks.text("open311.wrong") * 99}, 400)):
        key = {"api_key": read_keys(run.gate.data_dir)[SOURCE]}
        answer = await run.gate.http.post("/open311/v2/requests.json", data=form | told | key | extra)
        assert answer.status_code == status, answer.text
        if status == 201:
            run.reported.append(answer.json()[0]["service_request_id"])
            run.whistles.append(run.reported[-1])
        else:
            run.refusals.append(answer)


async def push_a_work_order(run: Played) -> None:
    """Send what the hotline sends, in its own words; then with a township that is none."""
    order = ORDER | {name: run.marks.text(f"order.{name}") for name in IN_AN_ORDER}
    secret = read_keys(run.gate.data_dir)["hook@12345"]
    for change, status in (({}, 201), ({"承办街乡": "没有"}, 422), ({"经度": run.marks.text("order.经度")}, 422)):
        raw = json.dumps(order | {"工单编号": uuid4().hex} | change, ensure_ascii=False)
        at, key = datetime.now(UTC), uuid4().hex
        headers = {
            "webhook-id": key,
            "webhook-timestamp": str(int(at.timestamp())),
            "webhook-signature": Webhook(secret).sign(key, at, raw),
        }
        answer = await run.gate.http.post("/v1/hooks/12345", content=raw.encode(), headers=headers)
        assert answer.status_code == status, answer.text
        if status == 201:
            run.whistles.append(answer.json()["whistle_id"])
        else:
            run.refusals.append(answer)


async def be_refused(run: Played) -> None:
    """Send each private field spoilt in every way, and a good body to whom it is not open."""
    closed = next(iter(run.whistles))

    async def refused(name: str, body: dict[str, Any]) -> None:
        path = "/v1/whistles" if name == REGISTER else f"/v1/whistles/{closed}/{name.replace('_', '-')}"
        for who in (may(name), "supervisor" if name == REGISTER else WATER):
            answer = await run.gate.post(who, path, body)
            assert 400 <= answer.status_code < 500, (name, answer.text)
            run.refusals.append(answer)

    for name in MODELS:
        await asyncio.gather(*(refused(name, body) for body in bodies_that_are_wrong(run.marks, name)))


def bodies_that_are_wrong(marks: Marks, name: str) -> Iterator[dict[str, Any]]:
    """Give bodies of a command that hold marks, and are refused."""
    good = matter() if name == REGISTER else examples.filled(examples.COMMANDS)[name]
    yield good | marks.private_of(name) | {"no such field": 1}
    for field in private_fields(MODELS[name]):
        for value in spoilt(marks.text(f"{name}.{field} spoilt")):
            yield good | {field: value}


def may(name: str) -> str:
    """Name somebody who may ever make a command."""
    if name == REGISTER:
        return SOURCE
    return min(table.COMMANDS[name.replace("_", "-")] - {table.OTHER_SOURCE})


async def is_told(run: Played) -> bool:
    """Tell whether everything that follows from the run has been done: every notice addressed and handed out."""
    waiting = "select count(*) from outbox where whistle_id = any($1) and delivered_at is null"
    return not await run.gate.pool.fetchval(waiting, run.whistles)


def test_every_field_of_one_s_own_words_is_private_or_known_to_be_open():
    """A field that is added to a model is one or the other; the run below marks what is private by itself."""
    assert set(free_fields()) == {f"{name}.{field}" for name, fields in OPENLY.items() for field in fields}
    private = {name: private_fields(model) for name, model in MODELS.items()}
    assert private[REGISTER] == {"description", "place", "reporter", "evidence"}
    assert all("note" in private[name] for name in COMMANDS)


async def test_four_tables_hold_all_of_it_and_no_other_any(played: Played):
    """Named here, each with what it is for: neither `event` nor any table that is made of it, old or new."""
    tables = "select oid::regclass::text from pg_class where relkind = 'r' and relnamespace = 'public'::regnamespace"
    found = {}
    for row in await played.gate.pool.fetch(tables):
        holds = f"select string_agg(t::text, ' ') from {row[0]} t where t::text ~ $1"
        told = await played.gate.pool.fetchval(holds, f"{played.marks.word}|{played.marks.digits}")
        found |= {row[0]: marked} if (marked := played.marks.found_in(told or "")) else {}
    assert set(found) == set(KEPT_IN)
    wanted = {path for path in played.marks.given.values() if not path.endswith(DROPPED)}
    assert wanted - set().union(*found.values()) == set()


async def test_temporal_s_files_hold_none_of_it(played: Played):
    """Histories, memos, search attributes, failures and queues alike; the titles are in them."""
    seen = b"".join(path.read_bytes() for path in sorted(played.gate.data_dir.glob("temporal.db*")))
    assert PUBLIC.encode() in seen
    assert played.marks.found_in(seen) == set()


async def test_no_history_and_nothing_that_temporal_answers_tells_any_of_it(played: Played):
    """Every event with its failures and summaries, the description with memo and attributes, view and details."""
    temporal = await connect(Settings(temporal_address=played.gate.stack.temporal_address))
    for whistle_id in played.whistles:
        handle = temporal.get_workflow_handle(f"whistle:{whistle_id}")
        told = [event.SerializeToString() async for event in handle.fetch_history_events()]
        told.append((await handle.describe()).raw_description.SerializeToString())
        if not await played.gate.pool.fetchval(ENDED, whistle_id):
            told += [repr(await handle.query(name)).encode() for name in ("view", "__temporal_workflow_metadata")]
        assert whistle_id.encode() in b"".join(told)
        assert played.marks.found_in(b"".join(told)) == set()


async def test_no_log_and_no_measure_of_any_process_tells_any_of_it(played: Played):
    """PostgreSQL's and Temporal's too; the whistles are in those of worker and gateway."""
    logs = {path.name: path.read_text("utf-8") for path in played.gate.stack.log_folder.glob("*.log")}
    assert set(logs) == {"gateway.log", "postgres.log", "temporal.log", "worker.log"}
    assert all(played.whistles[0] in logs[name] for name in ("gateway.log", "worker.log"))
    record = played.gate.stack.record
    for url in (f"{record.gateway_url}/metrics", f"{record.worker_url}/metrics", record.temporal_metrics_url):
        logs[str(url)] = (await played.gate.http.get(str(url))).text
        assert "# TYPE" in logs[str(url)]
    assert {name: found for name, told in logs.items() if (found := played.marks.found_in(told))} == {}


async def test_no_refusal_tells_any_of_it(played: Played):
    """Neither in what is wrong, nor in a header; each is a problem that says which field."""
    assert len(played.refusals) > 300
    assert {answer.status_code for answer in played.refusals} >= {400, 403, 422}
    told = [answer.text + str(answer.headers) for answer in played.refusals]
    assert {mark for one in told for mark in played.marks.found_in(one)} == set()


@pytest.mark.parametrize("route", sorted(r for r in table.ROUTES if r.startswith("GET ") and r != STREAM))
async def test_no_list_view_trail_or_report_tells_any_of_it(played: Played, route: str):
    """To nobody at all, but for the one route whose matter it is, and there to those whom it concerns."""
    path = address(route, played.whistles[0])[1]
    for who in sorted(table.EVERYBODY - {table.OTHER_SOURCE}):
        told = (await played.gate.get(who, path)).text
        found = played.marks.found_in(told)
        concerned = path.endswith("/matter") and who in table.PARTIES | {table.PLATFORM}
        assert bool(found) == concerned, (who, found)
        assert any("reporter" in one for one in found) == (concerned and who != WATER)


async def test_the_standard_tells_a_confidential_report_to_nobody_else(played: Played):
    """Listed or named, in both of its formats, without a key."""
    (reported,) = played.reported
    for path in (f"requests/{reported}.json", f"requests/{reported}.xml", "requests.json", "requests.xml"):
        answer = await played.gate.http.get(f"/open311/v2/{path}")
        assert reported in answer.text
        assert played.marks.found_in(answer.text) == set()
