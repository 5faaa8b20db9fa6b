"""Trouble while notices are delivered: texts without end, a file that is mended, a round that ends, Temporal away."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import timedelta
from pathlib import Path

import pytest
import structlog
from temporalio.service import RPCError, RPCStatusCode

from activities import dispatching, lanes, noting, watched_file
from storage.notice_deliveries import DeliveryState, try_anew
from storage.pool import Pool
from storage.registrations import Unstarted
from tests.integration.desk import Desk
from tests.integration.notices.duty_office import channels, deliveries, delivering, on_duty, settled
from tests.integration.notices.peers import HANG, Answer, Peer
from tests.integration.notices.test_delivery import ALWAYS, OK, emergency, robot, said
from tests.patience import until
from tests.unit.notices.test_table import EMERGENCY

LINK = "https://s.example/{whistle_id}"


async def ordinary(pool: Pool, number: int, title: str) -> Desk:
    """A whistle whose township is asked to review it, without haste."""
    address = {"address": "海子村东" * 100}
    return await Desk.registered(pool, external_id=f"O{number}", title=title, place=address)


async def test_notices_that_share_a_message_are_all_in_it_and_texts_without_end_cut_off_no_link(
    pool: Pool, tmp_path: Path
):
    """A WeCom robot takes 2048 bytes: what finds no room goes into the next message."""
    desks = [await ordinary(pool, number, f"第{number}件" + "盗采砂石" * 45) for number in range(7)]
    await on_duty(pool, "jinhaihu,a,甲,robots,K,")
    async with Peer(OK).listening() as peer, delivering(pool, channels(tmp_path, robots=robot(peer)), link=LINK):
        for desk in desks:
            (one,) = await settled(pool, desk.whistle_id, "robots")
            assert (one.state, one.attempts) == (DeliveryState.DELIVERED, 1)
    texts = [said(got) for got in peer.got]
    assert 1 < len(texts) < len(desks)
    assert max(len(text.encode()) for text in texts) <= 2048
    together = "\n".join(texts) + "\n"
    assert [together.count(f"/{desk.whistle_id}\n") for desk in desks] == [1] * len(desks)


async def test_a_channel_that_is_mended_delivers_what_waited_without_a_restart(
    pool: Pool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    """A path that a provider does not know is no notice's fault; the other channels never noticed."""
    monkeypatch.setattr(watched_file, "LOOKS_EVERY_S", 0.05)
    async with Peer(Answer(404)).listening() as wrong, Peer(OK).listening() as right, Peer(OK).listening() as other:
        await on_duty(pool, "water,a,甲,robots,K,", "water,a,甲,other,K,")
        file = channels(tmp_path, robots=robot(wrong), other=robot(other))
        async with delivering(pool, file):
            desk = await emergency(pool)
            await settled(pool, desk.whistle_id, "other")
            await until(lambda: bool(wrong.got))
            channels(tmp_path, robots=robot(right), other=robot(other))
            (one,) = await settled(pool, desk.whistle_id, "robots")
    assert (one.state, [f.error for f in one.failures]) == (DeliveryState.DELIVERED, ["HTTP 404"])
    assert (len(right.got), len(other.got)) == (1, 1)


async def test_a_robot_that_is_down_while_others_work_is_reported_by_its_recipient(
    pool: Pool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    """One department's group is no less deaf because the next one's hears."""
    monkeypatch.setattr(dispatching, "DOWN_AFTER", timedelta(seconds=1))
    async with (
        Peer(behaves=lambda got: Answer(503) if got.query["key"] == "DEAF" else OK).listening() as peer,
        Peer(OK).listening() as office,
    ):
        await on_duty(pool, "water,a,甲,robots,DEAF,", "police,a,甲,robots,K,", "admin,root,管理员,office,OPS,")
        file = channels(tmp_path, robots=robot(peer), office=robot(office))
        async with delivering(pool, file):
            await emergency(pool)
            await until(lambda: bool(office.got))
    assert said(office.got[0]).startswith("【渠道中断】通知渠道 robots(water/a)持续失败:HTTP 503")
    assert len(office.got) == 1


async def test_what_is_being_noted_when_a_round_ends_is_noted(
    pool: Pool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    """Otherwise the next round would send it again."""
    settle, noting_now, go_on = noting.settle, asyncio.Event(), asyncio.Event()

    async def slowly(*arguments: object) -> None:
        noting_now.set()
        await go_on.wait()
        await settle(*arguments)

    monkeypatch.setattr(noting, "settle", slowly)
    async with Peer(OK).listening() as peer:
        await on_duty(pool, "water,a,甲,robots,K,")
        async with delivering(pool, channels(tmp_path, robots=robot(peer))):
            desk = await emergency(pool)
            await noting_now.wait()
            asyncio.get_running_loop().call_later(0.5, go_on.set)
        (one,) = await deliveries(pool, desk.whistle_id, "robots")
    assert (one.state, one.attempts, one.in_doubt) == (DeliveryState.DELIVERED, 1, False)


async def away(_left: Unstarted) -> None:
    """Temporal refuses."""
    raise RPCError("away", RPCStatusCode.UNAVAILABLE, b"")


async def never(_left: Unstarted) -> None:
    """Temporal does not answer."""
    await asyncio.Event().wait()


@pytest.mark.parametrize("start", [away, never])
async def test_workflows_that_cannot_be_started_keep_no_notice_waiting(
    pool: Pool, tmp_path: Path, start: Callable[[Unstarted], Awaitable[None]]
):
    """Registrations are left unstarted exactly when Temporal is away."""
    began = asyncio.Event()

    async def attempt(left: Unstarted) -> None:
        began.set()
        await start(left)

    async with Peer(OK).listening() as peer:
        await on_duty(pool, "water,a,甲,robots,K,")
        async with delivering(pool, channels(tmp_path, robots=robot(peer)), start=attempt):
            await Desk.registered(pool, external_id="left")
            await began.wait()
            desk = await emergency(pool)
            (one,) = await settled(pool, desk.whistle_id, "robots")
    assert (one.state, one.in_doubt) == (DeliveryState.DELIVERED, False)


async def test_a_wait_that_a_provider_asks_for_silences_nobody_for_days(
    pool: Pool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    """A proxy's Retry-After of a day is asked again within the hour."""
    monkeypatch.setattr(lanes, "LONGEST_ASKED", timedelta(seconds=1))
    monkeypatch.setattr(dispatching, "LONGEST_ASKED", timedelta(seconds=1))
    async with Peer(Answer(429, headers={"retry-after": "86400"}), OK).listening() as peer:
        await on_duty(pool, "water,a,甲,robots,K,")
        async with delivering(pool, channels(tmp_path, robots=robot(peer))):
            desk = await emergency(pool)
            (one,) = await settled(pool, desk.whistle_id, "robots")
    assert one.attempts == 2


async def test_whoever_is_reached_by_no_channel_has_a_line_in_the_log_at_every_step_of_the_climb(pool: Pool):
    """Codes alone, and never the words."""
    await on_duty(pool, "water,a,甲,robots,K,true", "water,b,乙,log,x,", roster=(f"water,{ALWAYS},a,b,",))
    with structlog.testing.capture_logs() as lines:
        async with delivering(pool):
            desk = await emergency(pool)
            await until(lambda: _climbs_at_once(pool))
            await until(lambda: any(line.get("recipient") == "water/b" for line in lines))
    (line,) = [line for line in lines if line.get("recipient") == "water/b"]
    assert (line["event"], line["kind"], line["whistle_id"]) == ("notice", "ASSEMBLE", desk.whistle_id)
    assert "盗采" not in str(lines)


async def test_addresses_that_hang_leave_room_for_those_of_the_same_channel(pool: Pool, tmp_path: Path):
    """However many of them: what takes long gives its place up."""
    deaf = [f"deaf-{n}" for n in range(4)]
    people = [*(f"water,{one},甲,robots,{one}," for one in deaf), "police,a,甲,robots,GOOD,"]
    behaves = lambda got: HANG if got.query["key"] in deaf else OK  # noqa: E731
    async with Peer(behaves=behaves).listening() as peer:
        await on_duty(pool, *people)
        async with delivering(pool, channels(tmp_path, robots=robot(peer, at_once=3, timeout_s=60))):
            desk = await emergency(pool)
            await until(lambda: len([got for got in peer.got if got.query["key"] in deaf]) >= 3)
            again = await Desk.registered(pool, external_id="again")
            await again.do("clerk@jinhaihu", "review", **EMERGENCY | {"proposed_responders": ["police"]})
            for whistle_id in (desk.whistle_id, again.whistle_id):
                await until(lambda whistle_id=whistle_id: _was_told(pool, whistle_id, "police/a"))
            peer.released.set()


async def test_a_channel_that_nobody_configures_for_a_day_is_told_to_the_administrators(pool: Pool, tmp_path: Path):
    """What waited for it has failed for good."""
    async with Peer(OK).listening() as office:
        await on_duty(pool, "water,a,甲,robots,K,", "admin,root,管理员,office,OPS,")
        file = channels(tmp_path, office=robot(office))
        async with delivering(pool, file):
            desk = await emergency(pool)
            await settled(pool, desk.whistle_id, "log")
        yesterday = "update notice_delivery set created_at = now() - interval '25 hours' where due_at is not null"
        await pool.execute(yesterday)
        async with delivering(pool, file):
            (one,) = await settled(pool, desk.whistle_id, "robots")
            await until(lambda: bool(office.got))
    assert (one.state, one.last_error) == (DeliveryState.FAILED, "channel-not-configured")
    assert said(office.got[0]).startswith("【通知失败】robots 发给 water/a 的通知无法送达")


async def test_a_channel_that_is_down_for_a_day_fails_for_good_and_may_be_tried_anew_for_another(
    pool: Pool, tmp_path: Path
):
    """Until then everything is tried; the administrators hear of it."""
    async with Peer(Answer(503)).listening() as peer, Peer(OK).listening() as office:
        await on_duty(pool, "water,a,甲,robots,K,", "admin,root,管理员,office,OPS,")
        file = channels(tmp_path, robots=robot(peer), office=robot(office))
        desk = await emergency(pool)
        async with delivering(pool, file):
            await until(lambda: bool(peer.got))
        yesterday = "update notice_delivery set created_at = now() - interval '25 hours' where due_at is not null"
        await pool.execute(yesterday)
        async with delivering(pool, file):
            (one,) = await settled(pool, desk.whistle_id, "robots")
            await until(lambda: bool(office.got))
            tries = len(peer.got)
            await try_anew(pool, timedelta(days=2))
            await until(lambda: len(peer.got) > tries)
            await until(lambda: _waits_again(pool, desk.whistle_id))
    assert (one.state, one.last_error) == (DeliveryState.FAILED, "given-up: HTTP 503")


@pytest.mark.parametrize(("profile", "longest"), [("default", timedelta(minutes=5)), ("demo", timedelta(seconds=60))])
async def test_how_soon_an_unanswered_call_climbs_is_a_row_of_the_limits(pool: Pool, profile: str, longest: timedelta):
    """NOTICE_UNANSWERED, by kind and profile."""
    await on_duty(pool, "water,a,甲,log,x,", roster=(f"water,{ALWAYS},a,,",))
    async with delivering(pool, profile=profile):
        await emergency(pool)
        await until(lambda: pool.fetchval("select true from outbox where climbs_at is not null limit 1"))
        waits = await pool.fetchval("select min(climbs_at) - now() from outbox where audience = 'water'")
    assert longest - timedelta(seconds=30) < waits <= longest


async def _waits_again(pool: Pool, whistle_id: str) -> bool:
    (one,) = await deliveries(pool, whistle_id, "robots")
    return one.state is DeliveryState.PENDING and one.attempts >= 3 and one.next_attempt_at is not None


async def _climbs_at_once(pool: Pool) -> bool:
    due = "update outbox set climbs_at = now() where climbs_at is not null and audience = 'water' returning true"
    return bool(await pool.fetchval(due))


async def _was_told(pool: Pool, whistle_id: str, recipient: str) -> bool:
    found = await deliveries(pool, whistle_id, "robots")
    return any(d.recipient == recipient and d.state is DeliveryState.DELIVERED for d in found)
