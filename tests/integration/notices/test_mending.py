"""Mending: trying a channel, and taking up what failed for good; what was told stays on record."""

import asyncio
from pathlib import Path

import asyncpg
import pytest

from domain.notice_templates import FIELDS
from storage.notice_deliveries import DeliveryState
from storage.pool import Pool
from tests.integration.notices.duty_office import channels, deliveries, delivering, on_duty, settled
from tests.integration.notices.peers import Answer, Peer
from tests.integration.notices.test_cli import Shell, shell
from tests.integration.notices.test_delivery import OK, emergency, robot, said

__all__ = ["shell"]
WRONG_KEY = Answer(body={"errcode": 93000})


async def test_what_failed_for_good_is_sent_once_more_by_hand_and_only_that(pool: Pool, shell: Shell, tmp_path: Path):
    """After the address was mended; with the same key, so that a repetition can be told."""
    async with Peer(WRONG_KEY, OK).listening() as peer, Peer(OK).listening() as other:
        await on_duty(pool, "water,a,甲,robots,K,", "water,a,甲,other,K,")
        async with delivering(pool, channels(tmp_path, robots=robot(peer), other=robot(other))):
            desk = await emergency(pool)
            (failed,) = await settled(pool, desk.whistle_id, "robots")
            await settled(pool, desk.whistle_id, "other")
            assert (await shell("notices", "retry", "12345:none"))["items"] == []
            taken = await shell("notices", "retry", desk.whistle_id, "--channel", "robots")
            (one,) = await settled(pool, desk.whistle_id, "robots")
            assert (await shell("notices", "retry"))["items"] == []
    assert failed.state is DeliveryState.FAILED
    assert taken["items"] == [{"whistle_id": desk.whistle_id, "recipient": "water/a", "channel": "robots"}]
    assert (one.state, one.attempts, one.in_doubt) == (DeliveryState.DELIVERED, 2, False)
    assert [f.error for f in one.failures] == ["code 93000"]
    assert (len(peer.got), len(other.got)) == (2, 1)


async def test_what_has_nothing_more_to_say_is_not_sent_once_more(pool: Pool, shell: Shell, tmp_path: Path):
    """Signed meanwhile: it is dropped."""
    async with Peer(WRONG_KEY, OK).listening() as peer:
        await on_duty(pool, "water,a,甲,robots,K,")
        async with delivering(pool, channels(tmp_path, robots=robot(peer))):
            desk = await emergency(pool)
            await settled(pool, desk.whistle_id, "robots")
            await desk.do("department@water", "sign", responder="water")
            await shell("notices", "retry")
            (one,) = await settled(pool, desk.whistle_id, "robots")
    assert (one.state, len(peer.got)) == (DeliveryState.DROPPED, 1)


@pytest.mark.parametrize(
    "change",
    [
        "update notice_delivery set settled_at = now() - interval '1 day'",
        "update notice_delivery set state = 'PENDING', due_at = now(), settled_at = null",
        "update notice_delivery set recipient = 'police/b'",
        "delete from notice_delivery",
        "truncate notice_delivery cascade",
        "update notice_failure set error = 'none'",
        "delete from notice_failure",
    ],
)
async def test_what_was_told_and_what_failed_stays_on_record(pool: Pool, owner_pool: Pool, tmp_path: Path, change: str):
    """Also for the owner of the tables."""
    async with Peer(Answer(503), OK).listening() as peer:
        await on_duty(pool, "water,a,甲,robots,K,")
        async with delivering(pool, channels(tmp_path, robots=robot(peer))):
            desk = await emergency(pool)
            await settled(pool, desk.whistle_id, "robots")
    before = await deliveries(pool, desk.whistle_id, "robots")
    for hands in (pool, owner_pool):
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await hands.execute(change)
    assert await deliveries(pool, desk.whistle_id, "robots") == before


async def test_a_channel_is_tried_by_hand_with_a_sample_that_says_so(pool: Pool, shell: Shell, tmp_path: Path):
    """To an address, or to somebody of the roster; nothing of it is recorded."""
    await on_duty(pool, "water,room,值班室,robots,KEY-1,")
    async with Peer(OK).listening() as peer:
        channels(tmp_path, robots=robot(peer))
        sent = await shell("notices", "try", "robots", "--address", "KEY-9")
        await shell("notices", "try", "robots", "--to", "water/room")
    assert (sent["channel"], sent["sent"]) == ("robots", True)
    assert [got.query["key"] for got in peer.got] == ["KEY-9", "KEY-1"]
    assert said(peer.got[0]).startswith("【试发,请勿处置 · a trial】\n【集结哨】")
    assert FIELDS["deadline"] in said(peer.got[0])
    assert "mentioned_list" not in peer.got[0].json["text"]
    assert await pool.fetchval("select count(*) from notice_delivery") == 0


async def test_a_trial_says_what_is_wrong(pool: Pool, shell: Shell, tmp_path: Path):
    """With the channel, its file, the address or the roster."""
    await on_duty(pool, "water,room,值班室,robots,KEY-1,")
    async with Peer(WRONG_KEY, Answer(404), Answer(429)).listening() as peer:
        channels(tmp_path, robots=robot(peer), faulty={"kind": "wecom-robt"})
        wrong = ("notices", "try", "robots", "--address", "K")
        assert "refused for good: code 93000" in str(await shell(*wrong, code=1))
        assert "not taken: HTTP 404" in str(await shell(*wrong, code=3))
        assert "not taken: HTTP 429" in str(await shell(*wrong, code=3))
    assert "not taken: connection-failed" in str(await shell(*wrong, code=3))
    assert "has log, robots" in str(await shell("notices", "try", "sms", "--address", "1", code=1))
    assert "[faulty]" in str(await shell("notices", "try", "faulty", "--address", "1", code=1))
    assert "no address of water/none" in str(await shell("notices", "try", "robots", "--to", "water/none", code=1))
    assert "either --address" in str(await shell("notices", "try", "robots", code=1))
    await asyncio.to_thread((tmp_path / "channels.toml").write_text, "[robots")
    assert "channels.toml" in str(await shell(*wrong, code=1))
