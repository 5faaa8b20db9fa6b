"""Notices and rosters over HTTP: each organisation keeps its own, and sees what it was told."""

from tests.integration.gateway.gate import CLERK, PLATFORM, POLICE, SOURCE, WATER, Gate
from tests.patience import until

ROSTER = {
    "contacts": [
        {"person": "li-ming", "name": "李明", "channel": "log", "address": "13800001234"},
        {"person": "zhao-lei", "name": "赵磊", "channel": "log", "address": "13800005678"},
    ],
    "shifts": [
        {"days": "daily", "opens": "00:00", "closes": "00:00", "officer": ["li-ming"], "leader": ["zhao-lei"]},
    ],
}


async def put(gate: Gate, name: str, organisation: str, body: object) -> int:
    """Replace a roster as somebody."""
    answer = await gate.http.put(f"/v1/duty/{organisation}", json=body, headers=gate.headers(name))
    return answer.status_code


async def test_a_department_keeps_its_own_roster_and_its_officer_is_told(gate: Gate):
    """By the next notice on; addresses are shown to nobody."""
    assert await put(gate, WATER, "water", ROSTER) == 204
    duty = (await gate.get(WATER, "/v1/duty/water")).json()
    assert [(one["person"], one["level"]) for one in duty["items"]] == [("li-ming", "OFFICER"), ("zhao-lei", "LEADER")]
    assert "1380000" not in str(duty)
    whistle_id = await gate.emergency("water", "police")

    async def told() -> bool:
        found = (await gate.get(WATER, f"/v1/whistles/{whistle_id}/notices")).json()["items"]
        return any(
            d["recipient"] == "water/li-ming" and d["state"] == "DELIVERED" for n in found for d in n["deliveries"]
        )

    await until(told)
    own = (await gate.get(WATER, f"/v1/whistles/{whistle_id}/notices")).json()["items"]
    assert {notice["audience"] for notice in own} == {"water"}
    every = (await gate.get(PLATFORM, f"/v1/whistles/{whistle_id}/notices", limit=2)).json()
    assert len(every["items"]) == 2
    assert every["next_cursor"]
    source = (await gate.get(SOURCE, f"/v1/whistles/{whistle_id}/notices")).json()["items"]
    assert {notice["audience"] for notice in source} == {"source:12345"}
    township = (await gate.get(CLERK, f"/v1/whistles/{whistle_id}/notices")).json()["items"]
    assert {"water", "police", "platform", "jinhaihu"} <= {notice["audience"] for notice in township}
    assert await put(gate, WATER, "water", {"contacts": [], "shifts": []}) == 204
    assert (await gate.get(WATER, "/v1/duty/water")).json()["items"] == []


async def test_how_notices_did_is_told_to_the_district_alone(gate: Gate):
    """From a whistle to the first notice that somebody got, and what failed in each channel."""
    figures = (await gate.get(PLATFORM, "/v1/reports/notices")).json()
    assert {"blown", "heard", "p50_s", "p99_s", "channels"} == set(figures)
    assert (
        await gate.get("supervisor", "/v1/reports/notices", **{"from": "2026-01-01", "to": "2026-01-31"})
    ).json() == {
        "blown": 0,
        "heard": 0,
        "p50_s": None,
        "p99_s": None,
        "channels": [],
    }
    assert (await gate.get(WATER, "/v1/reports/notices")).status_code == 403


async def test_a_roster_is_kept_by_its_own_organisation_and_the_administrators_alone(gate: Gate):
    """And seen by itself and the district."""
    assert await put(gate, POLICE, "water", ROSTER) == 403
    assert await put(gate, SOURCE, "12345", ROSTER) == 403
    assert await put(gate, "admin", "police", ROSTER) == 204
    assert (await gate.get(WATER, "/v1/duty/police")).status_code == 403
    assert (await gate.get("supervisor", "/v1/duty/police")).status_code == 200
    assert await put(gate, "admin", "police", {"contacts": [], "shifts": []}) == 204
    assert await put(gate, "admin", "no-such", ROSTER) == 404


async def test_a_faulty_roster_changes_nothing(gate: Gate):
    """Two addresses in one channel, days that are none, fields that are unknown."""
    twice = ROSTER["contacts"][0]
    assert await put(gate, WATER, "water", {"contacts": [twice, twice], "shifts": []}) == 422
    odd = ROSTER["shifts"][0] | {"days": "sometimes"}
    assert await put(gate, WATER, "water", ROSTER | {"shifts": [odd]}) == 422
    assert await put(gate, WATER, "water", ROSTER | {"chief": "x"}) == 422
    assert (await gate.get(WATER, "/v1/duty/water")).json()["items"] == []
