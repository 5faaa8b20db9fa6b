"""Supervision on paper: every document has a number without gaps, and a text that says who must do what."""

import asyncio
from datetime import timedelta
from itertools import count

from domain.supervision_documents import DocumentNumber
from domain.vocabulary import Phase, SupervisionLevel
from starter.listing import Names
from storage.catalogues import rules
from storage.pool import Pool
from storage.supervisions import (
    OpenSupervision,
    SupervisionFilter,
    document_numbered,
    number_documents,
    open_supervisions,
)
from tests.integration.desk import Desk

_numbers = count(1)


async def late(pool: Pool) -> Desk:
    """A whistle whose arrival limit has struck for each of its two departments."""
    desk = await Desk.registered(pool, external_id=f"late-{next(_numbers)}")
    await desk.assembling("water", "police")
    while not [s for s in (await desk.whistle()).open_supervisions if s.level is SupervisionLevel.URGE]:
        desk.now += timedelta(hours=1)
        await desk.strike()
    return desk


async def listed(pool: Pool, **which: object) -> list[OpenSupervision]:
    """The whole list."""
    return list((await open_supervisions(pool, SupervisionFilter.model_validate(which))).items)


async def names(pool: Pool) -> Names:
    """The directory."""
    return (await rules(pool, "default")).organisations.name_of


async def test_each_document_of_a_level_and_year_has_the_next_number(pool: Pool) -> None:
    """Numbered by several at once, they are 1, 2, 3 and stay so; a reminder has none."""
    for _ in range(3):
        await late(pool)
    await asyncio.gather(*(number_documents(pool) for _ in range(4)))
    before = await pool.fetch("select whistle_id, sequence, number from supervision_document order by number")
    assert [row["number"] for row in before] == list(range(1, len(before) + 1))
    await late(pool)
    urged = await listed(pool, level="URGE")
    assert {one.document for one in urged} >= {"平督催〔2026〕1号", "平督催〔2026〕3号", "平督催〔2026〕4号"}
    assert all(one.document is None for one in await listed(pool, level="REMIND"))
    after = await pool.fetch("select whistle_id, sequence, number from supervision_document order by number")
    assert after[: len(before)] == before


async def test_an_urging_says_whom_it_is_for_and_which_limit_has_passed(pool: Pool) -> None:
    """催办单: raised by the timer, signed by the system, and the same whenever it is printed."""
    desk = await late(pool)
    (first, *_) = await listed(pool, level="URGE")
    found = await document_numbered(pool, DocumentNumber(SupervisionLevel.URGE, 2026, 1), await names(pool))
    assert found is not None
    assert (found.number, found.title, found.organisation) == (first.document, "催办单", first.organisation)
    lines = found.text.splitlines()
    assert lines[:2] == ["催办单", "平督催〔2026〕1号"]
    assert "时限已过,至今未" in found.text
    assert (await desk.whistle()).serial in found.text
    assert "街乡吹哨系统" in found.text
    assert await document_numbered(pool, DocumentNumber(SupervisionLevel.URGE, 2026, 99), await names(pool)) is None


async def test_a_supervisors_documents_have_their_own_numbers_reasons_and_signature(pool: Pool) -> None:
    """督办单、通报批评 and 提请问责函 each count by themselves; the last only asks, and not the one it is about."""
    desk = await Desk.registered(pool)
    await desk.assembling("water", "police")
    for level in ("SUPERVISE", "CIRCULATE", "ACCOUNT"):
        await desk.do("supervisor", "supervise", level=level, responder="water", reason="久拖不决")
    documents = {one.level: one.document for one in await listed(pool) if one.document}
    assert documents.items() <= {
        (SupervisionLevel.SUPERVISE, "平督督〔2026〕1号"),
        (SupervisionLevel.CIRCULATE, "平督通〔2026〕1号"),
        (SupervisionLevel.ACCOUNT, "平督问〔2026〕1号"),
    }
    found = await document_numbered(pool, DocumentNumber(SupervisionLevel.ACCOUNT, 2026, 1), await names(pool))
    assert found is not None
    serial = (await desk.whistle()).serial
    assert found.text.splitlines()[:-1] == [
        "提请问责函",
        "平督问〔2026〕1号",
        "",
        "有权机关:",
        f"  区水务局:金海湖镇「盗采砂石」(哨单 {serial})办理中存在问题。",
        "  事由:久拖不决",
        "  此前文书:平督督〔2026〕1号、平督通〔2026〕1号",
        "  现提请有权机关研究问责。是否问责、如何问责,由有权机关依规依纪决定。",
        "",
        "区督查部门",
    ]
    assert found.organisation == "water"


async def test_the_list_holds_what_is_open_and_lets_go_of_what_has_ended(pool: Pool) -> None:
    """By organisation, by level and unanswered; an answer is noted, an arrival ends its cause."""
    desk = await late(pool)
    await desk.do("supervisor", "supervise", level="SUPERVISE", responder="police")
    mine = await listed(pool, organisation="police")
    assert SupervisionLevel.SUPERVISE in {one.level for one in mine}
    await desk.do("department@police", "answer_supervision", reply="已安排")
    assert SupervisionLevel.SUPERVISE not in {one.level for one in await listed(pool, organisation="police")}
    causes = {Phase.SIGN, Phase.ARRIVE, Phase.ARRIVE_SECOND}
    (urged, *_) = [one.organisation for one in await listed(pool, level="URGE") if one.phase in causes]
    officers = [{"name": "李明", "certificate_no": "京平 001"}]
    await desk.do(f"department@{urged}", "arrive", responder=urged, officers=officers)
    assert not [one for one in await listed(pool, organisation=urged) if one.phase in causes]


async def test_the_list_comes_in_pages_the_oldest_first(pool: Pool) -> None:
    """Every supervision stands on exactly one page."""
    for _ in range(4):
        await late(pool)
    whole = await listed(pool)
    found: list[OpenSupervision] = []
    cursor = None
    while True:
        page = await open_supervisions(pool, SupervisionFilter(), cursor, 3)
        found += page.items
        cursor = page.next_cursor
        if cursor is None:
            break
    assert found == whole
    assert [one.raised_at for one in whole] == sorted(one.raised_at for one in whole)
