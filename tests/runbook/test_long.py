"""Recipes at a size that takes minutes: WHISTLE_CHAOS=long runs them."""

import os
from datetime import UTC, datetime

import pytest

from starter.agreement import compare
from storage.whistles import value_of
from tests.chaos.conftest import LONG
from tests.chaos.story import CLERK, Act
from tests.integration.desk import Desk
from tests.runbook.stage import Stage

pytestmark = [
    pytest.mark.timeout(900),
    pytest.mark.skipif(os.environ.get(LONG) != "long", reason=f"takes minutes: {LONG}=long runs it"),
]
COMMANDS = 9_000


async def test_a_whistle_of_nine_thousand_commands_is_rebuilt(stage: Stage):
    """Its trail is more than one payload may hold."""
    whistle_id = await stage.register()
    await stage.client.temporal.get_workflow_handle(f"whistle:{whistle_id}").terminate("lost")
    desk = Desk(stage.client.pool, whistle_id)
    desk.known, desk.now = await stage.version(whistle_id), datetime.now(UTC)
    for i in range(COMMANDS):
        await desk.do(CLERK, "append", command_id=f"c{i}", text="又来电", kind="REPEATED_CALL")
    ran = await stage.run('whistle rebuild "$ID"', ID=whistle_id)
    assert ran.code == 0, ran.out
    last = Act(CLERK, "append", {"text": "再来电", "kind": "MORE"})
    assert (await stage.do(whistle_id, last, "last")).version > COMMANDS
    value = await value_of(stage.client.pool, whistle_id)
    assert value is not None
    assert (await compare(stage.client.pool, stage.client.temporal, value)).difference is None
    assert (await stage.run('whistle verify "$ID" --temporal', ID=whistle_id)).code == 0
