"""Death exactly between the ledger's commit and the workflow task's completion: the store knows, Temporal does not."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from typing import Any

import pytest

from domain.errors import MoveNotAllowedError, TemporarilyUnavailableError
from domain.ledger import Answer
from domain.submission import STRIKE
from starter.delivery import Delivery, Parcel
from tests.chaos.dying_worker import set_trap
from tests.chaos.findings import until_settled
from tests.chaos.story import CLERK, LATE, emergency, ordinary, review
from tests.chaos.town import Crowd, Town

pytestmark = pytest.mark.timeout(120)

ACTS, URGENT_ACTS = ordinary(), emergency()
REVIEW = next(i for i, act in enumerate(ACTS) if act.command == "review")
ACCEPT = next(i for i, act in enumerate(ACTS) if act.command == "accept")
ARRIVE_LATE = next(i for i, act in enumerate(URGENT_ACTS) if act.once_late)


@asynccontextmanager
async def death(
    town: Town, also: tuple[str, ...], *victims: dict[str, Any]
) -> AsyncIterator[asyncio.subprocess.Process]:
    """Run the block, which leads to some requests, with a worker that dies when the last of them is committed.

    Parts named in `also` die with it; afterwards everything is up again.
    """
    former = {part: town.stack.pid(part) for part in also}
    await town.stack.take_down("worker")
    try:
        async with town.another_worker("tests.chaos.dying_worker") as doomed:
            await doomed.until_it_says("worker_started")
            set_trap(town.stack.data_dir, victims, [pid for pid in former.values() if pid])
            yield doomed.process
            await asyncio.wait_for(doomed.process.wait(), 60)
        for part, pid in former.items():
            await town.until_replaced(part, pid)
    finally:
        await town.stack.bring_up("worker")


@pytest.mark.parametrize("also", [(), ("temporal",)], ids=["the worker", "worker and server"])
async def test_what_was_stored_and_forgotten_is_neither_lost_nor_done_twice(
    crowd: Crowd, also: tuple[str, ...]
) -> None:
    """Of two commands one is sent again and one never; a limit strikes; all three reach their workflows, once."""
    retried, silent, struck = [await crowd.register() for _ in range(3)]
    await crowd.play_on(retried, ACTS[:REVIEW])
    await crowd.play_on(silent, ACTS[:ACCEPT])
    victims = (
        {"whistle_id": retried, "name": "review"},
        {"whistle_id": silent, "name": "accept"},
        {"whistle_id": struck, "name": STRIKE, "phase": "ARRIVE", "point": "LIMIT", "responder": LATE},
    )
    async with death(crowd.town, also, *victims) as process:
        await crowd.play_on(struck, URGENT_ACTS[:ARRIVE_LATE])
        await crowd.until_late(struck)
        clients = [
            asyncio.create_task(crowd.try_once(retried, ACTS[REVIEW], str(REVIEW))),
            asyncio.create_task(crowd.try_once(silent, ACTS[ACCEPT], str(ACCEPT))),
        ]
        await process.wait()
        for client in clients:
            client.cancel()
            with suppress(asyncio.CancelledError, TemporarilyUnavailableError):
                await client
    stored = await crowd.version_of(retried)
    assert (await crowd.do(retried, ACTS[REVIEW], str(REVIEW))).version == stored
    await crowd.play_on(retried, ACTS[REVIEW + 1 :], REVIEW + 1)
    await crowd.play_on(struck, URGENT_ACTS[ARRIVE_LATE:], ARRIVE_LATE)
    await crowd.assert_nothing_is_lost_or_twice(worker_died=True)


class LateRefusal(Delivery):
    """Meets a workflow that lags as it refuses, and has caught up by the time that it is looked at."""

    refused = False

    async def _execute(self, parcel: Parcel, argument: dict[str, Any]) -> Answer:
        if not self.refused:
            self.refused = True
            raise MoveNotAllowedError("review is not allowed in NOWHERE")
        return await super()._execute(parcel, argument)


async def test_a_refusal_that_was_out_of_date_when_it_came_is_not_believed(crowd: Crowd) -> None:
    """A workflow that caught up between its refusal and the look at it is asked again."""
    town = crowd.town
    whistle_id = await crowd.register()
    await until_settled(town.client, [whistle_id])
    ordinary_way = town.client._delivery
    town.client._delivery = LateRefusal(ordinary_way._opening)
    try:
        await crowd.do(whistle_id, review(), "k")
    finally:
        town.client._delivery = ordinary_way
    assert f"{CLERK}:k" in crowd.answers[whistle_id]
    await crowd.assert_nothing_is_lost_or_twice()
