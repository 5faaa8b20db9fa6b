"""Driving whistles over HTTP: once each, however often it is asked for."""

import asyncio
import uuid
from typing import Any

import pytest

from domain.commands import COMMANDS
from starter.gateway import examples
from tests.integration.gateway.gate import (
    CLERK,
    LEADER,
    PLATFORM,
    POLICE,
    SOURCE,
    WATER,
    Gate,
    matter,
    problem_of,
    review,
)

SUPERVISOR, ARBITER = "supervisor", "arbiter"


async def test_a_registration_is_created_once_and_known_ever_after(gate: Gate):
    """201 with its address, 200 for the same again, 409 for other content under the same id."""
    told = matter()
    first = await gate.post(SOURCE, "/v1/whistles", told)
    again = await gate.post(SOURCE, "/v1/whistles", told)
    assert (first.status_code, again.status_code) == (201, 200)
    assert first.json() == again.json()
    assert first.headers["location"] == f"/v1/whistles/12345:{told['external_id']}"
    problem_of(await gate.post(SOURCE, "/v1/whistles", told | {"title": "别的"}), 409, "idempotency-conflict")


async def test_fifty_identical_registrations_at_once_make_one_whistle(gate: Gate):
    """One is created, forty-nine know it, and all tell the same serial number."""
    told = matter()
    answers = await asyncio.gather(*(gate.post(SOURCE, "/v1/whistles", told) for _ in range(50)))
    assert sorted(a.status_code for a in answers) == [200] * 49 + [201]
    assert len({a.json()["serial"] for a in answers}) == 1
    found = await gate.pool.fetchval("select count(*) from whistle where external_id = $1", told["external_id"])
    assert found == 1


async def test_fifty_identical_commands_at_once_leave_one_event(gate: Gate):
    """All of them get the whistle as it stands after it."""
    whistle_id = await gate.register()
    path, body = f"/v1/whistles/{whistle_id}/append", {"text": "仍在", "kind": "MORE"}
    answers = await asyncio.gather(*(gate.post(CLERK, path, body, key="same") for _ in range(50)))
    assert {a.status_code for a in answers} == {200}
    assert {a.json()["version"] for a in answers} == {2}


async def test_a_key_with_other_content_conflicts_and_with_the_same_gets_its_answer(gate: Gate):
    """Also when the whistle has gone on since."""
    whistle_id, key = await gate.register(), "k" * 255
    path = f"/v1/whistles/{whistle_id}/append"
    first = await gate.post(CLERK, path, {"text": "一", "kind": "MORE"}, key=key)
    problem_of(await gate.post(CLERK, path, {"text": "二", "kind": "MORE"}, key=key), 409, "idempotency-conflict")
    await gate.do(CLERK, whistle_id, "append", text="三", kind="MORE")
    again = await gate.post(CLERK, path, {"text": "一", "kind": "MORE"}, key=key)
    assert (first.json()["version"], again.status_code, again.json()["version"]) == (2, 200, 3)


async def test_without_a_key_each_request_is_a_command_of_its_own(gate: Gate):
    """Two calls, two events."""
    whistle_id = await gate.register()
    versions = [
        (await gate.do(CLERK, whistle_id, "append", text="又来电", kind="REPEATED_CALL"))["version"] for _ in "ab"
    ]
    assert versions == [2, 3]


@pytest.mark.parametrize("key", ["", "k" * 256, "caf\u00e9"])
async def test_a_key_out_of_bounds_is_refused(gate: Gate, key: str):
    """1 to 255 printable characters of ASCII."""
    whistle_id = await gate.register()
    headers = gate.headers(CLERK) | {"Idempotency-Key": key.encode("latin-1").decode("latin-1")}
    raw = [(name.encode(), value.encode("latin-1")) for name, value in headers.items()]
    answer = await gate.http.post(f"/v1/whistles/{whistle_id}/append", json={"text": "一", "kind": "MORE"}, headers=raw)
    problem_of(answer, 422, "invalid")


async def test_refusals_are_the_domain_s_own_and_change_nothing(gate: Gate):
    """Not this role's, not this organisation's, not from here, not with these fields."""
    whistle_id = await gate.emergency("water", "police")
    before = (await gate.get(PLATFORM, f"/v1/whistles/{whistle_id}")).json()
    at = f"/v1/whistles/{whistle_id}"
    problem_of(await gate.post(CLERK, f"{at}/accept", {"lead": "water"}), 403, "role-not-allowed")
    problem_of(await gate.post(WATER, f"{at}/sign", {"responder": "police"}), 403, "not-your-organisation")
    problem_of(await gate.post(CLERK, f"{at}/check", {"passed": True, "outcome": "RESOLVED"}), 409, "move-not-allowed")
    told = problem_of(await gate.post(CLERK, f"{at}/check", {"passed": "perhaps"}), 422, "invalid")
    assert [fault["field"] for fault in told["errors"]] == ["passed"]
    assert (await gate.get(PLATFORM, at)).json() == before


async def test_a_source_registers_under_its_own_name_only(gate: Gate):
    """And a township under its slug."""
    problem_of(await gate.post(SOURCE, "/v1/whistles", matter(source_system="jinhaihu")), 403, "not-your-organisation")
    assert (await gate.post(CLERK, "/v1/whistles", matter(source_system="jinhaihu"))).status_code == 201


async def test_coordinates_are_stored_in_one_system(gate: Gate):
    """WGS 84 comes out as GCJ-02."""
    whistle_id = await gate.register(place={"address": "某处", "lng": 117.1, "lat": 40.2, "crs": "WGS84"})
    place = (await gate.get(CLERK, f"/v1/whistles/{whistle_id}/matter")).json()["place"]
    assert place["crs"] == "GCJ02"
    assert 0.001 < place["lng"] - 117.1 < 0.01


async def test_a_body_that_may_be_empty_may_be_left_out(gate: Gate):
    """`curl -X POST …/blow` is enough."""
    whistle_id = await gate.register()
    await gate.do(CLERK, whistle_id, "review", **review())
    answer = await gate.http.post(f"/v1/whistles/{whistle_id}/blow", headers=gate.headers(LEADER))
    assert (answer.status_code, answer.json()["state"]) == (200, "BLOWN")


async def test_every_command_has_an_example_that_works(gate: Gate):
    """The 36 examples of the OpenAPI document, each taken by a running stack."""
    played: set[str] = set()
    for name, story in STORIES.items():
        whistle_id = await gate.register(external_id=f"{name}-{uuid.uuid4().hex}")
        for who, command, changes in story:
            played.add(command)
            body = examples_with_dates()[command] | changes
            if command == "merge":
                body["merge_into"] = await gate.register()
            answer = await gate.post(who, f"/v1/whistles/{whistle_id}/{command.replace('_', '-')}", body)
            assert answer.status_code == 200, (name, command, answer.text)
    assert played == set(COMMANDS)


def examples_with_dates() -> dict[str, dict[str, Any]]:
    """The examples as the document shows them."""
    return examples.filled(examples.COMMANDS)


def by(who: str, command: str, **changes: Any) -> tuple[str, str, dict[str, Any]]:
    """One step of a story."""
    return who, command, changes


TO_BLOWN = (by(CLERK, "review"), by(LEADER, "blow"))
TO_ASSEMBLING = (*TO_BLOWN, by(PLATFORM, "accept"))
STORIES = {
    "end": (
        by(SOURCE, "append"),
        *TO_ASSEMBLING,
        by(WATER, "sign"),
        by(WATER, "assign"),
        by(PLATFORM, "supervise"),
        by(WATER, "answer_supervision"),
        by(WATER, "arrive"),
        by(POLICE, "arrive", responder="police"),
        by(CLERK, "confer"),
        by(WATER, "report_progress"),
        by(WATER, "request_extension"),
        by(LEADER, "decide_extension"),
        by(POLICE, "report_handling", responder="police"),
        by(CLERK, "release"),
        by(WATER, "report_handling"),
        by(CLERK, "check"),
        by(LEADER, "evaluate"),
        by(WATER, "appeal"),
        by(PLATFORM, "decide_appeal"),
        by(CLERK, "feedback"),
        by(SOURCE, "callback"),
        by(CLERK, "reopen"),
    ),
    "detours": (
        *TO_BLOWN,
        by(PLATFORM, "return_whistle"),
        by(CLERK, "resubmit"),
        by(LEADER, "blow"),
        by(PLATFORM, "accept"),
        by(WATER, "object"),
        by(ARBITER, "rule"),
        by(WATER, "arrive"),
        by(CLERK, "reject_arrival"),
        by(CLERK, "add_responder"),
        by(WATER, "arrive"),
        by(CLERK, "start_action"),
        by(WATER, "request_suspension"),
        by(PLATFORM, "suspend"),
        by(PLATFORM, "resume"),
        by(LEADER, "cancel"),
    ),
    "declined": (by(CLERK, "review"), by(LEADER, "decline")),
    "merged": (by(CLERK, "merge"),),
    "ratified": (by(CLERK, "review", kind="EMERGENCY", urgency="URGENT"), by(LEADER, "ratify")),
}
