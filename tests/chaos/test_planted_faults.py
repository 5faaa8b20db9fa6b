"""Death exactly between the ledger's commit and the completion of the workflow task: the store knows, Temporal does not."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from typing import Any

import pytest

from domain.errors import MoveNotAllowedError, TemporarilyUnavailableError
from domain.ledger import Answer
from domain.submission import STRIKE
from starter.delivery import Delivery, Parcel
from tests.chaos.dying_worker import is_set, set_trap
from tests.chaos.findings import until
from tests.chaos.story import LATE, SOURCE, Act, emergency, ordinary
from tests.chaos.town import Crowd, Town

pytestmark = pytest.mark.timeout(120)

ALONE, WITH_THE_SERVER = (), ("temporal",)
WHO_DIES = pytest.mark.parametrize("also", [ALONE, WITH_THE_SERVER], ids=["worker", "worker and server"])
REVIEWED, BLOWN = 2, 3
"""How many acts of the ordinary life come before the one that is lost."""


@asynccontextmanager
async def doomed_worker(town: Town) -> AsyncIterator[asyncio.subprocess.Process]:
    """Have all work done by a worker that may step into a trap; afterwards by the ordinary one again."""
    await town.stack.take_down("worker")
    try:
        async with town.another_worker("tests.chaos.dying_worker") as doomed:
            await doomed.until_it_says("worker_started")
            yield doomed.process
    finally:
        await town.stack.bring_up("worker")


@asynccontextmanager
async def death_at(town: Town, also: tuple[str, ...], **victim: Any) -> AsyncIterator[asyncio.subprocess.Process]:
    """Run the block, which leads to a request, with a worker that dies after its commit; wait for its death."""
    former = {part: town.stack.pid(part) for part in also}
    async with doomed_worker(town) as process:
        set_trap(town.stack.data_dir, victim, *(pid for pid in former.values() if pid))
        yield process
        await asyncio.wait_for(process.wait(), 60)
        assert not is_set(town.stack.data_dir)
    for part, pid in former.items():
        await town.until_replaced(part, pid)


async def lose(crowd: Crowd, whistle_id: str, number: int, also: tuple[str, ...]) -> Act:
    """Have an act of the ordinary life stored and forgotten, with the client that sent it gone as well."""
    act = ordinary()[number]
    async with death_at(crowd.town, also, name=act.command, command_id=f"{act.who}:{number}") as process:
        await crowd.play_on(whistle_id, ordinary()[:number])
        sending = asyncio.create_task(crowd.try_once(whistle_id, act, str(number)))
        await process.wait()
        sending.cancel()
        with suppress(asyncio.CancelledError, TemporarilyUnavailableError):
            await sending
    return act


@WHO_DIES
async def test_a_command_that_was_stored_and_forgotten_gives_its_first_answer_to_the_retry(
    crowd: Crowd, also: tuple[str, ...]
) -> None:
    """The client that sends it again is told what was stored, and the life goes on from there."""
    whistle_id = await crowd.register()
    act = await lose(crowd, whistle_id, REVIEWED, also)
    stored = await crowd.version_of(whistle_id)
    assert (await crowd.do(whistle_id, act, str(REVIEWED))).version == stored
    await crowd.play_on(whistle_id, ordinary()[BLOWN:], BLOWN)
    await crowd.assert_nothing_is_lost_or_twice()


@WHO_DIES
async def test_a_command_that_was_stored_and_forgotten_and_never_sent_again_reaches_its_workflow(
    crowd: Crowd, also: tuple[str, ...]
) -> None:
    """No client, no timer and no other command comes to wake the workflow, and it learns of the row all the same."""
    whistle_id = await crowd.register()
    await lose(crowd, whistle_id, BLOWN, also)
    await crowd.assert_nothing_is_lost_or_twice()


@WHO_DIES
async def test_a_strike_that_was_stored_and_forgotten_strikes_once(crowd: Crowd, also: tuple[str, ...]) -> None:
    """A limit that struck as everything died has struck, once, and the clocks after it go on."""
    acts = emergency()
    late = next(i for i, act in enumerate(acts) if act.once_late)
    async with death_at(crowd.town, also, name=STRIKE, phase="ARRIVE", point="LIMIT", responder=LATE):
        whistle_id = await crowd.register()
        await crowd.play_on(whistle_id, acts[:late])
    await crowd.play_on(whistle_id, acts[late:], late)
    await crowd.assert_nothing_is_lost_or_twice()
