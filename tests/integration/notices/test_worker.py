"""The real worker on the embedded stack: twenty responders cost no history, and one that is killed is followed."""

import shutil
import tempfile
from collections import Counter
from collections.abc import AsyncIterator, Awaitable
from pathlib import Path
from typing import NamedTuple, TypeVar

import pytest
from temporalio.api.enums.v1 import EventType

from domain.errors import TemporarilyUnavailableError
from settings import Settings
from starter.client import WhistleClient
from starter.embedded import EmbeddedStack, StackRecord, embedded_stack
from starter.identity import actor_named
from starter.preparation import WORKER, Preparation
from starter.start import workflow_id_of
from storage.notice_deliveries import DeliveryState
from storage.pool import open_pool
from tests.integration.notices.duty_office import channels, deliveries, on_duty, settled
from tests.integration.notices.peers import HANG, Answer, Peer
from tests.integration.notices.test_delivery import OK, robot, said
from tests.life import registration, rules
from tests.patience import until
from tests.unit.notices.test_table import EMERGENCY
from workflows.outbox import OUTBOX

TWENTY = [one.code for one in rules().organisations.items if one.type == "BUREAU"][:20]
THREE = ("good", "better", "best")
T = TypeVar("T")
WORK = ("ACTIVITY", "MARKER", "SIGNAL", "START_CHILD", "WORKFLOW_EXECUTION_UPDATE", "WORKFLOW_EXECUTION_SIGNALED")


class Town(NamedTuple):
    """A stack whose offices are reached through providers on loopback."""

    stack: EmbeddedStack
    client: WhistleClient
    slow: Peer
    good: Peer

    async def whistle(self, name: str, *responders: str) -> str:
        """Register an emergency and whistle it to these."""
        source, clerk = [
            await actor_named(self.client.pool, self.stack.data_dir, n) for n in ("source@12345", "clerk@jinhaihu")
        ]
        matter, body = registration(external_id=name), EMERGENCY | {"proposed_responders": list(responders)}
        found = await until(lambda: answered(self.client.register(matter, source)))
        await until(lambda: answered(self.client.do(found.whistle_id, "review", body, clerk, name)))
        return found.whistle_id

    async def work(self, workflow_id: str) -> Counter[str]:
        """Count what a workflow had done, by type; how it fell into workflow tasks is a matter of timing."""
        history = await self.client.temporal.get_workflow_handle(workflow_id).fetch_history()
        types = (EventType.Name(event.event_type).removeprefix("EVENT_TYPE_") for event in history.events)
        return Counter(name for name in types if name.startswith(WORK))


async def answered(sent: Awaitable[T]) -> T | None:
    """Give an answer, or None where the same is to be sent again: a worker may just have been killed."""
    try:
        return await sent
    except TemporarilyUnavailableError:
        return None


@pytest.fixture(scope="module")
async def town() -> AsyncIterator[Town]:
    """One stack for this file."""
    folder = Path(tempfile.mkdtemp(prefix="whistle-notices-"))
    folder.chmod(0o755)  # noqa: ASYNC240
    settings = Settings.model_construct(data_dir=folder / ".whistle")
    preparation = Preparation(settings)
    async with Peer(HANG).listening() as slow, Peer(OK).listening() as good:

        async def prepare(record: StackRecord) -> None:
            await preparation.prepare(record)
            channels(
                settings.data_dir,
                slow=robot(slow, timeout_s=50),
                **{name: robot(good, at_once=20, timeout_s=30) for name in THREE},
            )
            async with await open_pool(record.database_dsn, size=1) as pool:
                everywhere = (f"{code},a,甲,{name},{code}-{name}," for code in TWENTY for name in THREE)
                await on_duty(pool, "police,a,甲,slow,K,", "police,a,甲,good,K,", *everywhere)

        async with embedded_stack(
            settings.data_dir, worker_command=WORKER, migrate=preparation.migrate, prepare=prepare, erase=True
        ) as stack:
            told = {"database_dsn": stack.database_dsn, "temporal_address": stack.temporal_address}
            async with WhistleClient.open(settings.model_copy(update=told), size=4) as client:
                yield Town(stack, client, slow, good)
    shutil.rmtree(folder, ignore_errors=True)


async def test_twenty_responders_by_three_channels_cost_no_more_history_than_one(town: Town):
    """Neither the whistle's nor the outbox's."""
    one = await town.whistle("one", TWENTY[0])
    await settled(town.client.pool, one, "best", within_s=60)
    whistle_of_one, outbox = await town.work(workflow_id_of(one)), await town.work(OUTBOX)
    assert whistle_of_one["MARKER_RECORDED"] == 2
    twenty = await town.whistle("twenty", *TWENTY)
    for name in THREE:
        found = await settled(town.client.pool, twenty, name, 20, within_s=60)
        assert {d.recipient for d in found} == {f"{code}/a" for code in TWENTY}
        assert {(d.state, d.attempts) for d in found} == {(DeliveryState.DELIVERED, 1)}
    assert await town.work(workflow_id_of(twenty)) == whistle_of_one
    assert await town.work(OUTBOX) == outbox


async def test_a_worker_killed_in_the_middle_of_a_delivery_is_followed_by_one_that_delivers(town: Town):
    """Kill -9 while one provider holds its answer: what another has taken is not sent to it again."""
    taken = len(town.good.got)
    whistle_id = await town.whistle("killed", "police")
    await settled(town.client.pool, whistle_id, "good", within_s=60)
    await town.slow.arrived.wait()
    town.stack.kill("worker")
    town.slow.answers = [Answer(body={"errcode": 0})]
    (one,) = await settled(town.client.pool, whistle_id, "slow", within_s=60)
    assert (one.state, one.attempts, one.in_doubt) == (DeliveryState.DELIVERED, 2, True)
    assert ["可能重复" in said(got) for got in town.slow.got] == [False, True]
    assert len(town.good.got) == taken + 1
    assert len(await deliveries(town.client.pool, whistle_id, "good")) == 1
