"""Notices on a real PostgreSQL to peers that misbehave: soon, once, and nobody held up by another's channel."""

import asyncio
import sys
from datetime import datetime, timedelta
from ipaddress import ip_network
from pathlib import Path
from typing import Any

import pytest

from domain.working_time import BEIJING
from starter.signing import fresh_secret
from storage.notice_deliveries import DeliveryState
from storage.notice_trail import backlog, notice_figures, notice_trail
from storage.pool import Pool
from tests.conftest import Database
from tests.integration.desk import Desk
from tests.integration.notices.duty_office import channels, deliveries, delivering, on_duty, settled
from tests.integration.notices.peers import CUT, HANG, Answer, Got, Mailbox, Peer
from tests.life import TUESDAY_MORNING
from tests.patience import until
from tests.unit.notices.test_table import EMERGENCY

OK = Answer(body={"errcode": 0})
ALWAYS = "daily,00:00,00:00"
LOOPBACK = (ip_network("127.0.0.0/8"),)


def said(got: Got) -> str:
    """What a robot was given to show."""
    return str(got.json["text"]["content"])


def robot(peer: Peer, **section: Any) -> dict[str, Any]:
    """A section for WeCom robots at a peer."""
    return {"kind": "wecom-robot", "base": peer.base, **section}


async def emergency(pool: Pool, external_id: str = "E1", **fields: Any) -> Desk:
    """An emergency that was just whistled to water and police."""
    desk = await Desk.registered(pool, external_id=external_id, **fields)
    await desk.do("clerk@jinhaihu", "review", **EMERGENCY)
    return desk


async def test_an_emergency_reaches_whoever_is_on_duty_by_every_channel_with_place_and_link(pool: Pool, tmp_path: Path):
    """Once in each, and the trail tells it."""
    async with Peer(OK).listening() as peer, Mailbox().listening() as mailbox:
        await on_duty(
            pool,
            "water,li-ming,李明,robots,KEY-1,",
            "water,li-ming,李明,mail,li@example.org,",
            "water,zhao-lei,赵磊,robots,KEY-2,",
            roster=(f"water,{ALWAYS},li-ming,,zhao-lei",),
        )
        mail = {
            "kind": "mail",
            "host": "127.0.0.1",
            "port": mailbox.port,
            "sender": "w@example.org",
            "security": "none",
        }
        file = channels(tmp_path, robots=robot(peer), mail=mail)
        async with delivering(pool, file, link="https://s.example/{whistle_id}"):
            desk = await emergency(pool)
            await settled(pool, desk.whistle_id, "mail")
            (one,) = await settled(pool, desk.whistle_id, "robots")
    assert (one.recipient, one.state, one.attempts, one.in_doubt) == (
        "water/li-ming",
        DeliveryState.DELIVERED,
        1,
        False,
    )
    assert [got.query["key"] for got in peer.got] == ["KEY-1"]
    assert "【集结哨】" in said(peer.got[0])
    assert "村口" in said(peer.got[0])
    assert f"https://s.example/{desk.whistle_id}" in said(peer.got[0])
    assert [to for to, _ in mailbox.got] == ["li@example.org"]


async def test_without_a_place_to_assemble_the_address_is_told_unless_the_reporter_asked_for_silence(
    pool: Pool, tmp_path: Path
):
    """The address may be the reporter's own."""
    async with Peer(OK).listening() as peer:
        await on_duty(pool, "water,a,甲,robots,K1,", "police,a,甲,robots,K2,")
        async with delivering(pool, channels(tmp_path, robots=robot(peer))):
            await (await Desk.registered(pool, external_id="1")).assembling("water")
            hushed = {"name": "王女士", "phone": "13800000000", "confidential": True}
            await (await Desk.registered(pool, external_id="2", reporter=hushed)).assembling("police")
            await until(lambda: sum("集结哨" in said(got) for got in peer.got) >= 2)
    calls = [said(got) for got in peer.got if "集结哨" in said(got)]
    assert sorted("海子村东" in call for call in calls) == [False, True]
    assert not any("王女士" in said(got) or "13800000000" in said(got) for got in peer.got)


async def test_one_channel_hangs_another_is_down_and_the_third_delivers_at_once(pool: Pool, tmp_path: Path):
    """After recovery everything arrives; what may have been shown before says so, all else comes once."""
    slow, dead, good = Peer(HANG), Peer(OK), Peer(OK)
    async with slow.listening(), dead.listening(), good.listening():
        await dead.down()
        names = ("slow", "dead", "good")
        await on_duty(pool, *(f"{code},a,甲,{name},K-{code}," for code in ("water", "police") for name in names))
        file = channels(tmp_path, slow=robot(slow), dead=robot(dead), good=robot(good))
        async with delivering(pool, file):
            desk = await emergency(pool)
            async with asyncio.timeout(1.5):
                await settled(pool, desk.whistle_id, "good", 2)
            await until(lambda: len(slow.got) >= 2)
            slow.answers = [OK]
            await dead.up()
            for name in names:
                found = await settled(pool, desk.whistle_id, name, 2)
                assert {d.state for d in found} == {DeliveryState.DELIVERED}
    assert len(dead.got) == len(good.got) == 2
    assert all(d.in_doubt for d in await deliveries(pool, desk.whistle_id, "slow"))
    assert not any(d.in_doubt for d in await deliveries(pool, desk.whistle_id, "dead"))
    assert ["可能重复" in said(got) for got in slow.got] == [False, False, True, True]


async def test_a_provider_that_asks_for_patience_gets_it(pool: Pool, tmp_path: Path):
    """429 with Retry-After."""
    async with Peer(Answer(429, headers={"retry-after": "3"}), OK).listening() as peer:
        await on_duty(pool, "water,a,甲,robots,K,")
        async with delivering(pool, channels(tmp_path, robots=robot(peer))):
            desk = await emergency(pool)
            (one,) = await settled(pool, desk.whistle_id, "robots")
    assert peer.got[1].at - peer.got[0].at >= 3
    assert [(f.error, f.doubtful) for f in one.failures] == [("HTTP 429", False)]
    assert not one.in_doubt


async def test_a_refusal_in_a_200_fails_for_good_and_the_administrators_are_told(pool: Pool, tmp_path: Path):
    """Once an hour for the same recipient, by their own channel."""
    async with Peer(Answer(body={"errcode": 93000})).listening() as peer, Peer(OK).listening() as office:
        await on_duty(pool, "water,a,甲,robots,WRONG,", "admin,root,管理员,office,OPS,")
        async with delivering(pool, channels(tmp_path, robots=robot(peer), office=robot(office))):
            desk = await emergency(pool)
            await emergency(pool, "E2")
            (one,) = await settled(pool, desk.whistle_id, "robots")
            await until(lambda: bool(office.got))
            await settled(pool, "12345:E2", "robots")
    assert (one.state, one.last_error, one.attempts) == (DeliveryState.FAILED, "code 93000", 1)
    assert len(office.got) == 1
    assert "water/a" in said(office.got[0])


async def test_an_unanswered_call_climbs_from_officer_to_backup_to_leader_until_the_report_in_moves(
    pool: Pool, tmp_path: Path
):
    """Signing stops it for one responder, not for the other; five minutes each, of which the test makes none."""

    async def heard(key: str) -> None:
        await pool.execute("update outbox set climbs_at = now() where climbs_at is not null")
        await until(lambda: any(got.query["key"] == key for got in peer.got))

    async with Peer(OK).listening() as peer:
        people = [f"{code},{person},甲,robots,{code}-{person}," for code in ("water", "police") for person in "abc"]
        await on_duty(pool, *people, roster=(f"water,{ALWAYS},a,b,c", f"police,{ALWAYS},a,b,c"))
        async with delivering(pool, channels(tmp_path, robots=robot(peer))):
            desk = await emergency(pool)
            await until(lambda: len(peer.got) >= 2)
            waits = await pool.fetchval("select min(climbs_at) - now() from outbox where audience = 'water'")
            await desk.do("department@water", "sign", responder="water")
            await heard("police-b")
            await heard("police-c")
    assert timedelta(minutes=4) < waits <= timedelta(minutes=5)
    keys = [got.query["key"] for got in peer.got]
    assert sorted(keys) == ["police-a", "police-b", "police-c", "water-a"]
    assert keys.index("police-a") < keys.index("police-b") < keys.index("police-c")
    assert said(peer.got[-1]).startswith("【公安分局值班员未应答,转报带班领导】")


async def test_by_night_ordinary_notices_wait_and_those_whose_cause_ends_meanwhile_are_dropped(
    pool: Pool, tmp_path: Path
):
    """Emergencies do not wait; the trail says until when, and what was dropped; nobody is alarmed by it."""
    async with Peer(OK).listening() as peer:
        await on_duty(pool, "water,a,甲,robots,K,")
        now, hour = datetime.now(BEIJING), timedelta(hours=1)
        file = channels(tmp_path, robots=robot(peer, quiet=f"{now - hour:%H:%M}-{now + hour:%H:%M}"))
        async with delivering(pool, file):
            calm = await (await Desk.registered(pool, external_id="calm")).assembling("water")
            loud = await emergency(pool, "loud")
            await settled(pool, loud.whistle_id, "robots")
            await until(lambda: _next_at(pool, calm.whistle_id, now + hour))
            waiting = await deliveries(pool, calm.whistle_id, "robots")
        assert {(d.state, d.attempts) for d in waiting} == {(DeliveryState.PENDING, 0)}
        assert len(peer.got) == 1
        assert await backlog(pool, timedelta(0)) == []
        await calm.do("department@water", "sign", responder="water")
        async with delivering(pool, channels(tmp_path, robots=robot(peer))):
            found = await settled(pool, calm.whistle_id, "robots", len(waiting))
    assert {d.state for d in found} == {DeliveryState.DROPPED}
    assert {d.last_error for d in found} == {"cause-ended"}


async def _next_at(pool: Pool, whistle_id: str, end: datetime) -> bool:
    found = [d.next_attempt_at for d in await deliveries(pool, whistle_id, "robots")]
    return bool(found) and all(at and abs(at - end) <= timedelta(minutes=1) for at in found)


async def test_emergencies_overtake_and_ordinary_notices_to_one_robot_share_a_message(pool: Pool, tmp_path: Path):
    """What has waited goes out together."""
    await on_duty(pool, "supervisor,a,甲,robots,K,", "platform,a,甲,robots,K2,")
    desks = [await (await Desk.registered(pool, external_id=f"D{n}")).closed() for n in range(2)]
    await emergency(pool, "E9")
    async with Peer(OK).listening() as peer, delivering(pool, channels(tmp_path, robots=robot(peer, at_once=1))):
        for desk in desks:
            await settled(pool, desk.whistle_id, "robots")
        await until(lambda: len(peer.got) >= 2)
    assert "吹应急哨" in said(peer.got[0])
    shared = [said(got) for got in peer.got if got.query["key"] == "K"]
    assert len(shared) == 1
    assert shared[0].count("进入评价监督") == 2


async def test_a_channel_that_nobody_configured_keeps_its_notices(pool: Pool, tmp_path: Path):
    """They go out when somebody does; a faulty file changes nothing either."""
    await on_duty(pool, "water,a,甲,robots,K,")
    faulty = tmp_path / "faulty.toml"
    faulty.write_text("[robots]\nkind = 'nonsense'", "utf-8")
    async with Peer(OK).listening() as peer:
        async with delivering(pool, faulty):
            desk = await emergency(pool)
            await settled(pool, desk.whistle_id, "log")
        assert [d.state for d in await deliveries(pool, desk.whistle_id, "robots")] == [DeliveryState.PENDING]
        async with delivering(pool, channels(tmp_path, robots=robot(peer))):
            (one,) = await settled(pool, desk.whistle_id, "robots")
    assert one.state is DeliveryState.DELIVERED


async def test_an_attempt_whose_answer_was_lost_is_in_doubt_only_where_the_channel_has_no_key(
    pool: Pool, tmp_path: Path
):
    """A webhook and its webhook-id; a robot and its doubt."""
    async with Peer(CUT, OK).listening() as robots, Peer(CUT, Answer(204)).listening() as hooks:
        await on_duty(pool, "water,a,甲,robots,K,", f"water,a,甲,hooks,{hooks.base}/in,")
        file = channels(tmp_path, robots=robot(robots), hooks={"kind": "webhook", "secret": fresh_secret()})
        async with delivering(pool, file, listed=LOOPBACK):
            desk = await emergency(pool)
            (unkeyed,) = await settled(pool, desk.whistle_id, "robots")
            (keyed,) = await settled(pool, desk.whistle_id, "hooks")
    assert (unkeyed.in_doubt, keyed.in_doubt) == (True, False)
    assert [f.doubtful for f in (*unkeyed.failures, *keyed.failures)] == [True, True]
    assert len({got.headers["webhook-id"] for got in hooks.got}) == 1
    assert hooks.got[0].body == hooks.got[1].body


@pytest.mark.parametrize("kind", ["robots", "hooks"])
async def test_a_worker_killed_between_sending_and_noting_sends_again_and_says_so(
    pool: Pool, database: Database, tmp_path: Path, kind: str
):
    """Kill -9 while the provider holds its answer: nothing is lost, and the doubt stands where there is no key."""
    async with Peer(HANG).listening() as peer:
        address = "K" if kind == "robots" else f"{peer.base}/in"
        await on_duty(pool, f"water,a,甲,{kind},{address},")
        hooks = {"kind": "webhook", "secret": fresh_secret(), "timeout_s": 30}
        file = channels(tmp_path, **({"robots": robot(peer, timeout_s=30)} if kind == "robots" else {"hooks": hooks}))
        desk = await emergency(pool)
        command = [sys.executable, "-m", "tests.integration.notices.deliverer", database.dsn, str(file)]
        process = await asyncio.create_subprocess_exec(*command)
        async with asyncio.timeout(20):
            await peer.arrived.wait()
        process.kill()
        await process.wait()
        peer.answers = [OK if kind == "robots" else Answer(204)]
        async with delivering(pool, file, listed=LOOPBACK):
            (one,) = await settled(pool, desk.whistle_id, kind)
    assert (one.state, one.attempts, one.in_doubt) == (DeliveryState.DELIVERED, 2, kind == "robots")
    assert [(f.error, f.doubtful) for f in one.failures] == [("interrupted", True)]
    if kind == "hooks":
        assert len({got.headers["webhook-id"] for got in peer.got}) == 1
    else:
        assert ["可能重复" in said(got) for got in peer.got] == [False, True]


async def test_figures_tell_how_soon_somebody_heard_and_what_failed(pool: Pool, tmp_path: Path):
    """By channel; a line in the log is heard by nobody."""
    async with Peer(Answer(503), OK).listening() as peer:
        await on_duty(pool, "water,a,甲,robots,K,")
        async with delivering(pool, channels(tmp_path, robots=robot(peer))):
            desk = await emergency(pool)
            await settled(pool, desk.whistle_id, "robots")
            await settled(pool, desk.whistle_id, "log")
    now = await pool.fetchval("select now()")
    figures = await notice_figures(pool, TUESDAY_MORNING, now)
    assert (figures.blown, figures.heard) == (1, 1)
    assert figures.p50_s is not None
    by_name = {one.channel: one for one in figures.channels}
    assert (by_name["robots"].delivered, by_name["robots"].failed_attempts) == (1, 1)
    assert by_name["log"].delivered >= 1
    trail = await notice_trail(pool, desk.whistle_id)
    assert [notice.kind for notice in trail if notice.audience == "police"] == ["ASSEMBLE"]
