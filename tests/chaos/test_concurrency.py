"""Fifty commands at once on one whistle of twenty responders."""

import asyncio
from collections import Counter

import pytest

from domain.errors import MoveNotAllowedError, NotYourOrganisationError
from domain.ledger import Answer
from tests.chaos.story import CLERK, LEADER, OFFICERS, SOURCE, Act, accept, review
from tests.chaos.town import Crowd

RESPONDERS, IDENTICAL, APPENDED, REFUSED = 20, 10, 10, 5


@pytest.mark.timeout(120)
async def test_fifty_commands_at_once_leave_audit_and_workflow_equal_and_nothing_twice(crowd: Crowd) -> None:
    """Twenty report in, ten say the same under one id, ten say something of their own, and ten are refused."""
    departments = [d.code for d in (await crowd.town.client.organisations()).departments()][:RESPONDERS]
    whistle_id = await crowd.register()
    await crowd.play_on(
        whistle_id,
        [review(responders=tuple(departments)), Act(LEADER, "blow", {}), accept(tuple(departments))],
    )
    arrivals = [
        (Act(f"department@{d}", "arrive", {"responder": d, "officers": OFFICERS}), "arrives") for d in departments
    ]
    same = [(Act(SOURCE, "append", {"text": "又来电", "kind": "REPEATED_CALL"}), "same")] * IDENTICAL
    others = [(Act(CLERK, "append", {"text": f"续 {i}", "kind": "MORE"}), f"more {i}") for i in range(APPENDED)]
    late = [(Act(LEADER, "blow", {}), f"late {i}") for i in range(REFUSED)]
    strangers = [
        (Act(f"department@{departments[i]}", "sign", {"responder": departments[i + 1]}), f"not mine {i}")
        for i in range(REFUSED)
    ]
    sent = [*arrivals, *same, *others, *late, *strangers]
    assert len(sent) == 50
    outcomes = await asyncio.gather(*(crowd.do(whistle_id, act, key) for act, key in sent), return_exceptions=True)
    assert Counter(map(type, outcomes)) == {Answer: 40, MoveNotAllowedError: REFUSED, NotYourOrganisationError: REFUSED}
    assert len({o.sequence for o in outcomes if isinstance(o, Answer)}) == 40 - IDENTICAL + 1
    seen = await crowd.town.client.view(whistle_id)
    assert seen.repeated_calls == 1
    assert all(r.arrived_at for r in seen.report_ins)
    await crowd.assert_nothing_is_lost_or_twice()
