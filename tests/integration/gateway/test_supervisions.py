"""Supervision over HTTP: each sees what its whistles are supervised for, and prints the documents."""

from urllib.parse import quote

from tests.integration.gateway.gate import CLERK, PLATFORM, SOURCE, WATER, Gate, problem_of

PLANNING, MAFANG = "department@planning", "clerk@mafang"


async def test_open_supervisions_are_listed_for_those_who_see_the_whistle(gate: Gate):
    """By organisation, level and answer; page by page; another township sees nothing of them."""
    whistle_id = await gate.emergency("water", "police")
    await gate.do("supervisor", whistle_id, "supervise", level="SUPERVISE", responder="water", reason="久拖不决")

    async def seen(name: str, **query: object) -> list[dict[str, object]]:
        answer = (await gate.get(name, "/v1/supervisions", limit=200, **query)).json()
        return [item for item in answer["items"] if item["whistle_id"] == whistle_id]

    for name in (WATER, CLERK, SOURCE, PLATFORM, "supervisor"):
        (item,) = await seen(name, level="SUPERVISE")
        assert (item["organisation"], item["phase"], item["answered_at"]) == ("water", None, None)
    assert await seen(MAFANG) == await seen(PLANNING) == []
    assert await seen(WATER, organisation="police", level="SUPERVISE") == []
    await gate.do(WATER, whistle_id, "answer_supervision".replace("_", "-"), reply="已到场")
    assert await seen(PLATFORM, level="SUPERVISE") == []
    first = (await gate.get(PLATFORM, "/v1/supervisions", limit=1)).json()
    assert len(first["items"]) <= 1


async def test_a_document_is_shown_by_its_number_to_those_who_see_the_whistle(gate: Gate):
    """The same also when its supervision is over; to others, and for a number never given, there is none."""
    whistle_id = await gate.emergency("water", "police")
    await gate.do("supervisor", whistle_id, "supervise", level="CIRCULATE", responder="water", reason="久拖不决")
    listed = (await gate.get("supervisor", "/v1/supervisions", level="CIRCULATE", organisation="water")).json()["items"]
    number = next(item["document"] for item in listed if item["whistle_id"] == whistle_id)
    path = f"/v1/supervisions/{quote(number)}"
    found = (await gate.get(WATER, path)).json()
    assert (found["number"], found["title"], found["organisation"]) == (number, "通报批评", "water")
    assert "久拖不决" in found["text"]
    await gate.do("admin", whistle_id, "cancel", reason="演练结束")
    assert (await gate.get(WATER, path)).json() == found
    problem_of(await gate.get(MAFANG, path), 404, "not-found")
    for unknown in ("平督通〔2026〕999999号", "第一号", "平督通〔2026〕99999999999号"):
        problem_of(await gate.get(PLATFORM, f"/v1/supervisions/{quote(unknown)}"), 404, "not-found")


async def test_a_list_refuses_what_is_no_cursor_or_level(gate: Gate):
    """By name."""
    problem_of(await gate.get(PLATFORM, "/v1/supervisions", cursor="x"), 422, "invalid")
    problem_of(await gate.get(PLATFORM, "/v1/supervisions", level="LOUD"), 422, "invalid")
    problem_of(await gate.http.get("/v1/supervisions"), 401, "unauthenticated")
