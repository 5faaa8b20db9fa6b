"""The real worker on the embedded stack, killed in the middle of a delivery: the next one takes over."""

import shutil
import tempfile
from pathlib import Path

from settings import Settings
from starter.client import WhistleClient
from starter.embedded import StackRecord, embedded_stack
from starter.identity import actor_named
from starter.preparation import WORKER, Preparation
from storage.notice_deliveries import DeliveryState
from storage.pool import open_pool
from tests.integration.notices.duty_office import channels, on_duty, settled
from tests.integration.notices.peers import HANG, Answer, Peer
from tests.integration.notices.test_delivery import OK, robot, said
from tests.life import registration
from tests.unit.notices.test_table import EMERGENCY


async def test_a_worker_killed_in_the_middle_of_a_delivery_is_followed_by_one_that_delivers():
    """Kill -9 while one provider holds its answer: what another has taken is not sent to it again."""
    folder = Path(tempfile.mkdtemp(prefix="whistle-notices-"))
    folder.chmod(0o755)  # noqa: ASYNC240
    settings = Settings.model_construct(data_dir=folder / ".whistle")
    preparation = Preparation(settings)
    async with Peer(HANG).listening() as slow, Peer(OK).listening() as good:

        async def prepare(record: StackRecord) -> None:
            await preparation.prepare(record)
            channels(settings.data_dir, slow=robot(slow, timeout_s=50), good=robot(good))
            async with await open_pool(record.database_dsn, size=1) as pool:
                await on_duty(pool, "water,a,甲,slow,K,", "water,a,甲,good,K,")

        async with embedded_stack(
            settings.data_dir, worker_command=WORKER, migrate=preparation.migrate, prepare=prepare, erase=True
        ) as stack:
            told = {"database_dsn": stack.database_dsn, "temporal_address": stack.temporal_address}
            async with WhistleClient.open(settings.model_copy(update=told), size=4) as client:
                source, clerk = [
                    await actor_named(client.pool, stack.data_dir, n) for n in ("source@12345", "clerk@jinhaihu")
                ]
                found = await client.register(registration(), source)
                await client.do(found.whistle_id, "review", EMERGENCY, clerk, "1")
                await settled(client.pool, found.whistle_id, "good")
                await slow.arrived.wait()
                stack.kill("worker")
                slow.answers = [Answer(body={"errcode": 0})]
                (one,) = await settled(client.pool, found.whistle_id, "slow", within_s=40)
    shutil.rmtree(folder, ignore_errors=True)
    assert (one.state, one.attempts, one.in_doubt) == (DeliveryState.DELIVERED, 2, True)
    assert ["可能重复" in said(got) for got in slow.got] == [False, True]
    assert len(good.got) == 1
