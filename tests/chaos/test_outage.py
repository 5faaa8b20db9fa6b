"""PostgreSQL killed and kept away while commands are under way and a deadline passes."""

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from temporalio.client import WorkflowUpdateStage

from domain.events import ResponderArrived
from domain.ledger import Answer
from domain.values import compact
from domain.vocabulary import State
from starter.start import workflow_id_of
from tests.chaos.story import LATE, OFFICERS, accept, of_each, ordinary, review
from tests.chaos.town import Crowd
from tests.life import actor
from tests.patience import until

CLIENTS = 8
STRIKES_AFTER_RETURN_S = 15
"""The ordinary activity asks again every 10 s at the longest."""


async def straight_to_temporal(crowd: Crowd, whistle_id: str, key: str, name: str, **body: Any) -> Any:
    """Have a command of the water bureau received by its workflow, whatever becomes of the store."""
    sender = actor("department@water")
    command_id = f"{sender.subject}:{key}"
    crowd.sent[whistle_id].add(command_id)
    handle = crowd.town.client.temporal.get_workflow_handle(workflow_id_of(whistle_id))
    return await handle.start_update(
        name,
        {**body, "actor": compact(sender), "command_id": command_id},
        id=command_id,
        result_type=Answer,
        wait_for_stage=WorkflowUpdateStage.ACCEPTED,
    )


@pytest.mark.timeout(300)
@pytest.mark.parametrize("seconds", [12, pytest.param(60, marks=pytest.mark.long)])
async def test_while_postgresql_is_away_everything_waits_and_nothing_is_lost(crowd: Crowd, seconds: int) -> None:
    """What was received in time counts as in time, a limit that passed strikes on return, and every life is closed."""
    town = crowd.town
    urgent = await crowd.register()
    lives = [asyncio.create_task(crowd.play(ordinary())) for _ in range(CLIENTS)]
    await crowd.play_on(urgent, [review("EMERGENCY", "CRITICAL"), accept()])
    limit = {r.responder: r.due_at for r in (await town.client.view(urgent)).report_ins}
    await town.stack.take_down("postgres", timedelta(0))
    went = datetime.now(UTC)
    update = await straight_to_temporal(crowd, urgent, "arrives", "arrive", responder="water", officers=OFFICERS)
    assert datetime.now(UTC) < limit["water"]
    await until(lambda: passed(max(went + timedelta(seconds=seconds), limit[LATE])), seconds + 30)
    await town.stack.bring_up("postgres")
    returned = datetime.now(UTC)

    await asyncio.wait_for(crowd.until_late(urgent), STRIKES_AFTER_RETURN_S)
    crowd.answers[urgent]["department@water:arrives"] = await update.result()
    marks = {r.responder: r.overdue for r in (await town.client.view(urgent)).report_ins}
    assert marks == {"planning": True, "water": False, LATE: True}
    (arrival,) = [e for e in await town.client.events(urgent) if e.type == ResponderArrived.__name__]
    assert went < arrival.at < limit["water"] < returned
    await crowd.play_on(urgent, of_each("arrive", ("planning", LATE), officers=OFFICERS), 100)
    ended = await asyncio.gather(*lives)
    assert {(await town.client.view(i)).state for i in ended} == {State.CLOSED}
    await crowd.assert_nothing_is_lost_or_twice()


async def passed(moment: datetime) -> bool:
    """Tell whether a moment lies in the past."""
    return datetime.now(UTC) > moment
