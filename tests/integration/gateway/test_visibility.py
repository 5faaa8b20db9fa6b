"""Who sees what: each organisation its own whistles, the district all, and personal data only those concerned."""

import json

import pytest

from tests.integration.gateway.gate import (
    CLERK,
    LEADER,
    PLATFORM,
    POLICE,
    SECRET,
    SOURCE,
    WATER,
    Gate,
    matter,
    problem_of,
    review,
)
from tests.patience import until

STRANGERS = ("clerk@binhe", "department@power", "village@maoshanhou", "grid@binhe")
DISTRICT = (PLATFORM, "arbiter", "supervisor", "admin")
OWN = (SOURCE, CLERK, LEADER, "grid@jinhaihu", WATER, POLICE)


@pytest.fixture(scope="module")
async def whistle_id(gate: Gate) -> str:
    """A whistle of 金海湖 that calls water and police, with a word in its title that no other has."""
    return await gate.emergency("water", "police", title="哨单可见范围")


@pytest.mark.parametrize("name", [*OWN, *DISTRICT])
async def test_a_party_sees_a_whistle_in_every_way(gate: Gate, whistle_id: str, name: str):
    """By its id, in lists, with its events."""
    assert (await gate.get(name, f"/v1/whistles/{whistle_id}")).status_code == 200
    assert (await gate.get(name, f"/v1/whistles/{whistle_id}/events")).json()["items"][0]["sequence"] == 1
    listed = (await gate.get(name, "/v1/whistles", q="哨单可见范围")).json()["items"]
    assert [row["whistle_id"] for row in listed] == [whistle_id]
    by_number = (await gate.get(name, "/v1/whistles", q=whistle_id.partition(":")[2])).json()["items"]
    assert [row["whistle_id"] for row in by_number] == [whistle_id]


@pytest.mark.parametrize("name", STRANGERS)
async def test_to_everyone_else_a_whistle_is_not_there(gate: Gate, whistle_id: str, name: str):
    """404 for every read, the same as for an id that nobody registered; a command is refused by name."""
    reads = ("", "/events", "/matter", "/allowed", "/private-views")
    answers = [await gate.get(name, f"/v1/whistles/{whistle_id}{read}") for read in reads]
    command = await gate.post(name, f"/v1/whistles/{whistle_id}/sign", {"responder": "water"})
    assert command.status_code == 403
    assert command.json()["type"].split(":")[-1] in {"role-not-allowed", "not-your-organisation"}
    answers.append(await gate.get(name, "/v1/stream", whistle_id=whistle_id))
    for answer in answers:
        told = problem_of(answer, 404, "not-found")
        assert whistle_id in told["detail"]
    missing = problem_of(await gate.get(name, "/v1/whistles/12345:nobody"), 404, "not-found")
    assert missing["detail"].replace("12345:nobody", whistle_id) == told["detail"]
    assert (await gate.get(name, "/v1/whistles", q="哨单可见范围")).json()["items"] == []


async def test_a_department_sees_a_whistle_once_it_is_called(gate: Gate):
    """Named by the township is not called yet; dispatched is."""
    whistle_id = await gate.register()
    await gate.do(CLERK, whistle_id, "review", **review("water", "police"))
    problem_of(await gate.get(WATER, f"/v1/whistles/{whistle_id}"), 404, "not-found")
    await gate.do(LEADER, whistle_id, "blow")
    await gate.do(PLATFORM, whistle_id, "accept", lead="water", cooperating=["police"])
    assert (await gate.get(WATER, f"/v1/whistles/{whistle_id}")).status_code == 200


async def test_one_who_was_called_may_still_repeat_what_it_did(gate: Gate):
    """After its objection is upheld it is called no more, and its retry gets the truth."""
    whistle_id = await gate.register()
    await gate.do(CLERK, whistle_id, "review", **review("water", "police"))
    await gate.do(LEADER, whistle_id, "blow")
    await gate.do(PLATFORM, whistle_id, "accept", lead="water", cooperating=["police"])
    objection = {"responder": "police", "reason": "NOT_MY_POWER", "legal_basis": "职责清单"}
    path = f"/v1/whistles/{whistle_id}/object"
    assert (await gate.post(POLICE, path, objection, key="once")).status_code == 200
    await gate.do("arbiter", whistle_id, "rule", responder="police", ruling="UPHELD")
    assert (await gate.post(POLICE, path, objection, key="once")).status_code == 200
    problem_of(await gate.get(POLICE, f"/v1/whistles/{whistle_id}/matter"), 403, "role-not-allowed")


async def test_a_source_keeps_sight_of_what_was_merged(gate: Gate):
    """Its residents still ask for it."""
    follower, target = await gate.register(), await gate.register()
    await gate.do(CLERK, follower, "merge", merge_into=target)
    found = (await gate.get(SOURCE, f"/v1/whistles/{follower}")).json()
    assert (found["state"], found["merged_into"]) == ("MERGED", target)


async def test_a_village_sees_what_it_called_for(gate: Gate):
    """And a department that it did not call does not."""
    told = matter(source_system="maoshanhou", township="jinhaihu", chain="VILLAGE_CALLS", caller="maoshanhou")
    township = (await gate.get(PLATFORM, "/v1/catalogues/organisations")).json()["items"]
    told["township"] = next(o["parent"] for o in township if o["code"] == "maoshanhou")
    answer = await gate.post("village@maoshanhou", "/v1/whistles", told)
    assert answer.status_code == 201, answer.text
    at = answer.headers["location"]
    assert (await gate.get("village@maoshanhou", at)).status_code == 200
    problem_of(await gate.get(WATER, at), 404, "not-found")


async def test_lists_page_through_one_s_own_without_losing_or_repeating(gate: Gate):
    """Keyset pages of what a party may see, each filter within them."""
    made = [await gate.emergency("gas", "police") for _ in range(5)]
    seen, cursor = [], None
    while True:
        query = {"limit": 2} | ({"cursor": cursor} if cursor else {})
        page = (await gate.get("department@gas", "/v1/whistles", **query)).json()
        seen += [row["whistle_id"] for row in page["items"]]
        cursor = page["next_cursor"]
        if cursor is None:
            break
    assert seen == made[::-1]
    filters = [
        {"state": "BLOWN"},
        {"township": "jinhaihu"},
        {"responder": "gas"},
        {"kind": "EMERGENCY"},
        {"overdue": False},
    ]
    for query in filters:
        page = (await gate.get("department@gas", "/v1/whistles", **query)).json()
        assert [row["whistle_id"] for row in page["items"]] == made[::-1]
    assert (await gate.get("department@gas", "/v1/whistles", overdue=True)).json()["items"] == []


async def test_tasks_are_what_awaits_the_caller_with_the_time_left(gate: Gate):
    """The most pressing first; somebody else's are not among them."""
    whistle_id = await gate.emergency("heating", "police")
    tasks = (await gate.get("department@heating", "/v1/tasks")).json()["items"]
    assert {task["whistle_id"] for task in tasks} == {whistle_id}
    assert {"SIGN", "ARRIVE"} <= {task["phase"] for task in tasks}
    assert [task["left_s"] for task in tasks] == sorted(task["left_s"] for task in tasks)
    assert all(task["left_s"] > 0 for task in tasks)
    assert (await gate.get("department@power", "/v1/tasks")).json()["items"] == []
    problem_of(await gate.get("department@power", "/v1/tasks", role="ADMIN"), 403, "role-not-allowed")


async def test_personal_data_is_for_those_concerned_and_each_view_is_noted(gate: Gate):
    """The township, the platform and the source see the reporter; those on the spot where; nobody else either."""
    whistle_id = await gate.emergency("water", "police")
    at = f"/v1/whistles/{whistle_id}/matter"
    for name in (SOURCE, CLERK, LEADER, PLATFORM):
        assert (await gate.get(name, at)).json()["reporter"]["name"] == SECRET
    for name in (WATER, POLICE):
        found = (await gate.get(name, at)).json()
        assert (found["place"]["address"], found["reporter"]) == (SECRET, None)
    for name in ("arbiter", "supervisor", "admin"):
        problem_of(await gate.get(name, at), 403, "role-not-allowed")
    views = (await gate.get("admin", f"/v1/whistles/{whistle_id}/private-views")).json()["items"]
    noted = [(view["actor"]["subject"], view["what"]) for view in views]
    with_reporter = [(name, what) for name in (SOURCE, CLERK, LEADER, PLATFORM) for what in ("matter", "reporter")]
    assert noted == [*with_reporter, (WATER, "matter"), (POLICE, "matter")]
    problem_of(await gate.get(WATER, f"/v1/whistles/{whistle_id}/private-views"), 403, "role-not-allowed")


async def test_private_fields_of_events_are_for_those_concerned(gate: Gate):
    """Asked for by ?private=true, and noted; otherwise nobody gets any."""
    whistle_id = await gate.emergency("water", "police")
    await gate.do(WATER, whistle_id, "arrive", responder="water", officers=[{"name": SECRET}])
    at = f"/v1/whistles/{whistle_id}"
    shown = (await gate.get(CLERK, f"{at}/events", private=True)).json()
    assert shown["items"][-1]["private"] or any(event["private"] for event in shown["items"])
    assert SECRET in json.dumps(shown, ensure_ascii=False)
    for name in (CLERK, WATER, "admin"):
        plain = [(await gate.get(name, path)).text for path in (at, f"{at}/events", "/v1/whistles")]
        assert not [text for text in plain if SECRET in text]
    problem_of(await gate.get(WATER, f"{at}/events", private=True), 403, "role-not-allowed")
    noted = (await gate.get(CLERK, f"{at}/private-views")).json()["items"]
    assert [(view["actor"]["subject"], view["what"]) for view in noted] == [(CLERK, "events")]


async def test_what_was_noted_cannot_be_changed(gate: Gate, whistle_id: str):
    """Not even by the owner of the tables."""
    await gate.get(CLERK, f"/v1/whistles/{whistle_id}/matter")
    for statement in ("update private_view set subject = 'x'", "delete from private_view", "truncate private_view"):
        with pytest.raises(Exception, match="append-only"):
            await gate.pool.execute(statement)


async def test_events_page_by_cursor(gate: Gate, whistle_id: str):
    """Gap-free from 1 to the version."""
    sequences, cursor = [], None
    while True:
        query = {"limit": 3} | ({"cursor": cursor} if cursor else {})
        page = (await gate.get(CLERK, f"/v1/whistles/{whistle_id}/events", **query)).json()
        sequences += [event["sequence"] for event in page["items"]]
        cursor = page["next_cursor"]
        if cursor is None:
            break
    version = (await gate.get(CLERK, f"/v1/whistles/{whistle_id}")).json()["version"]
    assert sequences == list(range(1, version + 1))


async def test_catalogues_are_for_every_key(gate: Gate):
    """Organisations, limits, calendar and words; the calendar with its years."""
    sizes = {}
    for name in ("organisations", "limits", "calendar", "vocabulary"):
        answer = await gate.get("department@power", f"/v1/catalogues/{name}")
        sizes[name] = len(answer.json()["items"])
    assert all(size > 20 for size in sizes.values()), sizes
    calendar = (await gate.get("department@power", "/v1/calendar", year=2026)).json()
    assert {"date": "2026-10-10", "workday": True} in [
        {"date": day["date"], "workday": day["workday"]} for day in calendar["items"]
    ]
    assert calendar["official_until"] >= "2026-12-31"
    told = problem_of(await gate.get("department@power", "/v1/catalogues/nothing"), 404, "not-found")
    assert "'organisations'" in told["detail"]


async def test_what_is_asked_for_awaits_whoever_decides_it(gate: Gate):
    """It has no clock: a pause has no time left to tell, an extension that of the limit it would move."""
    whistle_id = await gate.register()
    await gate.do(CLERK, whistle_id, "review", **review("forestry", "police"))
    await gate.do(LEADER, whistle_id, "blow")
    await gate.do(PLATFORM, whistle_id, "accept", lead="forestry", cooperating=["police"])
    asked = {"responder": "forestry", "phase": "ARRIVAL", "until": "2030-01-01T00:00:00Z", "reason": "路远"}
    await gate.do("department@forestry", whistle_id, "request-extension", **asked)
    await gate.do("department@forestry", whistle_id, "request-suspension", reason="停气")

    async def told(name: str) -> list[tuple[str, bool]]:
        tasks = (await gate.get(name, "/v1/tasks", limit=200)).json()["items"]
        own = [task for task in tasks if task["whistle_id"] == whistle_id and task["request"]]
        return [(task["request"], task["left_s"] is None) for task in own]

    assert await told(LEADER) == [("EXTENSION", False)]
    assert await told(PLATFORM) == [("SUSPENSION", True)]
    await gate.do(LEADER, whistle_id, "decide-extension", responder="forestry", granted=False)
    assert await told(LEADER) == []


async def test_allowed_names_the_commands_open_to_the_caller(gate: Gate, whistle_id: str):
    """As they stand in paths."""
    assert "reject-arrival" not in (await gate.get(CLERK, f"/v1/whistles/{whistle_id}/allowed")).json()["items"]
    assert {"sign", "arrive", "report-progress"} <= set(
        (await gate.get(WATER, f"/v1/whistles/{whistle_id}/allowed")).json()["items"]
    )


async def test_the_log_names_requests_and_nobody(gate: Gate):
    """One line of JSON for each request, under the id that the answer carried; no personal data, no query."""
    whistle_id = await gate.emergency("water", "police")
    await gate.get(CLERK, "/v1/whistles", q=SECRET)
    await gate.get(CLERK, f"/v1/whistles/{whistle_id}", unknown=SECRET)
    answer = await gate.get(CLERK, f"/v1/whistles/{whistle_id}/matter")
    log, request_id = gate.stack.log_folder / "gateway.log", answer.headers["x-request-id"]

    async def is_written() -> bool:
        """The line is written once the answer has been sent."""
        return request_id in log.read_text("utf-8")

    await until(is_written)
    lines = log.read_text("utf-8").splitlines()
    line = next(json.loads(line) for line in lines if request_id in line)
    assert (line["event"], line["route"]) == ("request", "/v1/whistles/{whistle_id}/matter")
    assert (line["status"], line["caller"]) == (200, CLERK)
    assert not [line for line in lines if SECRET in line or "13800000000" in line]
