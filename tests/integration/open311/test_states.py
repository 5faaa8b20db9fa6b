"""A whistle's way through all its states, as a resident follows it without a key."""

from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta

import pytest

from domain.vocabulary import State
from tests.integration.desk import Desk
from tests.integration.open311.conftest import Resident
from tests.life import OFFICERS, SCORES

CLERK, LEADER = "clerk@jinhaihu", "leader@jinhaihu"
Walk = Callable[[Desk], Awaitable[object]]


def reviewed(decision: str, **body: str) -> Walk:
    """Decide something other than to whistle."""
    return lambda desk: desk.do(CLERK, "review", decision=decision, reason="已转市级平台办理", **body)


async def proposed(desk: Desk) -> None:
    """Propose to whistle."""
    await desk.do(
        CLERK,
        "review",
        decision="WHISTLE",
        kind="DAILY",
        urgency="NORMAL",
        tier="GENERAL_ENFORCEMENT",
        proposed_responders=["water"],
    )


async def returned(desk: Desk) -> None:
    """Send it back."""
    await desk.blown("water")
    await desk.do("platform", "return_whistle", reason="INCOMPLETE")


async def cancelled(desk: Desk) -> None:
    """Take it back."""
    await desk.blown("water")
    await desk.do(LEADER, "cancel", reason="内部原因不公开")


async def in_action(desk: Desk) -> None:
    """Bring the one responder to the spot."""
    await desk.assembling("water")
    await desk.do("department@water", "arrive", responder="water", officers=OFFICERS)


async def suspended(desk: Desk) -> None:
    """Put it off."""
    await in_action(desk)
    await desk.do("platform", "suspend", reason="内部原因不公开", review_at=(desk.now + timedelta(days=9)).isoformat())


async def awaiting_check(desk: Desk) -> None:
    """Handle it."""
    await in_action(desk)
    await desk.do("department@water", "report_handling", responder="water", result="RESOLVED", summary="已清运")


async def evaluating(desk: Desk) -> None:
    """Find it done."""
    await awaiting_check(desk)
    await desk.do(CLERK, "check", passed=True, outcome="RESOLVED")


async def feedback(desk: Desk) -> None:
    """Judge how it was done."""
    await evaluating(desk)
    await desk.do(LEADER, "evaluate", responders=["water"], scores=SCORES)


async def closed(desk: Desk) -> None:
    """Answer whoever reported it."""
    await feedback(desk)
    await desk.do(CLERK, "feedback", reply="已清运完毕", via="PHONE")


WALKS: dict[State, tuple[Walk, str, str]] = {
    State.PROPOSED: (proposed, "open", "金海湖镇已研判,待审批吹哨"),
    State.BLOWN: (lambda desk: desk.blown("water"), "open", "金海湖镇已吹哨,待区级平台受理"),
    State.ASSEMBLING: (lambda desk: desk.assembling("water"), "open", "已派单,由区水务局牵头到场报到"),
    State.IN_ACTION: (in_action, "open", "区水务局正在牵头处置"),
    State.AWAITING_CHECK: (awaiting_check, "open", "已处置,待核查"),
    State.EVALUATING: (evaluating, "open", "核查通过:已解决,待答复"),
    State.FEEDBACK: (feedback, "open", "核查通过:已解决,待答复"),
    State.CLOSED: (closed, "closed", "已办结:已解决"),
    State.RETURNED: (returned, "open", "区级平台已退回,金海湖镇正在补正"),
    State.SUSPENDED: (suspended, "open", "已挂账缓办,条件具备后恢复办理"),
    State.SELF_HANDLED: (reviewed("SELF_HANDLE"), "open", "金海湖镇自行办理,待答复"),
    State.REJECTED: (reviewed("REJECT", rejection="OUT_OF_SCOPE"), "closed", "不予受理(不属受理范围):已转市级平台办理"),
    State.CANCELLED: (cancelled, "closed", "已撤哨,不再办理"),
}


async def walked(resident: Resident, walk: Walk, **changes: str) -> str:
    """Report a matter and let the offices act on it."""
    posted = await resident.report(**changes)
    desk = Desk(resident.pool, posted)
    desk.now = datetime.now(UTC)
    await walk(desk)
    return posted


@pytest.mark.parametrize("state", WALKS)
async def test_a_resident_follows_a_request_through_its_states(resident: Resident, state: State) -> None:
    """Open or closed, with a sentence, and found by that status."""
    walk, status, notes = WALKS[state]
    posted = await walked(resident, walk)
    stored = await resident.pool.fetchval("select state from whistle where whistle_id = $1", posted)
    assert stored == state
    found = await resident.one(posted)
    assert (found["status"], found["status_notes"]) == (status, notes)
    assert (found["expected_datetime"] is None) is (status == "closed")
    assert posted in await resident.ids(status=status)
    assert posted not in await resident.ids(status="closed" if status == "open" else "open")


async def test_the_lead_is_responsible_and_its_limit_is_to_be_expected(resident: Resident) -> None:
    """In action by the handling limit."""
    posted = await walked(resident, in_action)
    found = await resident.one(posted)
    assert found["agency_responsible"] == "区水务局"
    due = await resident.pool.fetchval("select due_at from clock where whistle_id = $1 and phase = 'HANDLE'", posted)
    assert datetime.fromisoformat(found["expected_datetime"]) == due.replace(microsecond=0)


async def test_a_merged_request_names_the_one_it_follows_where_that_is_open_too(resident: Resident) -> None:
    """And not where it came in by another way."""
    parent, hidden = await resident.report(), await resident.register_elsewhere()
    for target, notes in ((parent, f"与已有诉求重复,已并案办理({parent})"), (hidden, "与已有诉求重复,已并案办理")):
        merged = await resident.one(await walked(resident, reviewed("MERGE", merge_into=target)))
        assert (merged["status"], merged["status_notes"]) == ("closed", notes)


async def test_the_words_of_a_rejection_are_kept_from_strangers_to_a_confidential_request(resident: Resident) -> None:
    """Whoever reported it reads them."""
    walk = reviewed("REJECT", rejection="JUDICIAL")
    posted = await walked(resident, walk, **{"attribute[confidential]": "true"})
    assert (await resident.one(posted))["status_notes"] == "不予受理(已入司法程序)"
    assert (await resident.one(posted, "source@12345"))["status_notes"] == "不予受理(已入司法程序):已转市级平台办理"
