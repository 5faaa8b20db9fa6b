"""`whistle deploy` and `whistle replay --live`: what they refuse, and what they notice before whistles do."""

import asyncio
from datetime import timedelta

import pytest

from domain.errors import MoveNotAllowedError, NotFoundError, TemporarilyUnavailableError
from starter.deployment import Deployment, Share
from starter.readiness import until_ready
from starter.replay import open_ones
from starter.rollout import RollOut, check
from storage.pool import open_pool
from tests.chaos.findings import until
from tests.chaos.story import SOURCE, Act, ordinary
from tests.chaos.town import Crowd
from tests.upgrades.conftest import READY_WITHIN, Site

pytestmark = pytest.mark.timeout(300)

CLI = "tests.upgrades.next_command_line"
SOON = timedelta(seconds=2)


async def test_a_version_gets_work_only_when_its_workers_can_do_it(site: Site) -> None:
    """Unknown, without workers, on a database that lacks migrations: refused by name, and nothing has moved."""
    before = await shares(site)
    with pytest.raises(MoveNotAllowedError, match=r"no worker of version 9\.9 asked for work on whistle within 2 s"):
        await check(site.deployments, "9.9", SOON)
    with pytest.raises(NotFoundError, match=r"whistle has no version 9\.9"):
        await site.deployments.make_current("9.9")
    async with site.worker_here("3.0"):
        await check(site.deployments, "3.0", READY_WITHIN)
    with pytest.raises(MoveNotAllowedError, match=r"no worker of version 3\.0 answered within 2 s"):
        await check(site.deployments, "3.0", SOON)
    empty = site.town.stack.database_owner_dsn.rsplit("/", 1)[0] + "/postgres"
    async with await open_pool(empty, size=2) as unmigrated, site.worker_here("3.1", pool=unmigrated):
        with pytest.raises(MoveNotAllowedError, match=r"version 3\.1 is not ready: run whistle migrate"):
            await check(site.deployments, "3.1", READY_WITHIN)
    assert await shares(site) == before


async def test_the_command_line_moves_the_shares_and_shows_them(site: Site) -> None:
    """With exit codes for what is refused and what is wrong usage; what was ramped can be taken back."""
    async with site.worker_here("4.0"), site.worker_here("4.1"):
        await site.deployments.make_current("4.0")
        await site.crowd().register()
        await until(lambda: counts(site, "4.0", at_least=1))
        ramped = (await site.whistle("deploy", "ramp", "4.1", "25")).json
        assert (ramped["current"], ramped["ramping"], ramped["percentage"]) == ("4.0", "4.1", 25)
        shown = (await site.whistle("deploy", "show")).json
        found = {one["build_id"]: one for one in shown["versions"]}
        assert [found[build]["share"] for build in ("4.0", "4.1")] == ["CURRENT", "RAMPING"]
        assert found["4.0"]["open"] >= 1
        assert len(found["4.0"]["workers"]) == 1
        needed = await site.whistle("deploy", "drain", "4.0")
        assert (needed.code, needed.problem) == (1, "version 4.0 is CURRENT: its workers are needed")
        assert (await site.whistle("deploy", "ramp", "4.1", "101")).code == 2
        await site.deployments.ramp("4.1", 0)
        assert await shares(site) == ("4.0", None)


async def test_the_way_back_to_workers_without_a_version_is_open(site: Site) -> None:
    """Where there are some; whistles that had a version live on with them."""
    async with site.worker_here("5.0"):
        await site.deployments.make_current("5.0")
        with pytest.raises(MoveNotAllowedError, match="no worker without a version asks for work on whistle"):
            await site.deployments.make_current(None)
        one = await site.crowd().register()
        async with site.town.another_worker():
            await until(lambda: plain_worker_asks(site), 120)
            await site.deployments.make_current(None)
            assert (await site.deployments.describe()).current is None
            await site.crowd().play_on(one, ordinary()[:3])
        await site.deployments.make_current("5.0")
        await site.crowd().play_on(one, ordinary()[3:5], 3)


async def test_a_version_is_not_drained_while_a_pinned_workflow_needs_it(site: Site) -> None:
    """What is pinned to it ends on it; only then may its workers stop."""
    async with site.worker_here("6.0"):
        await site.deployments.make_current("6.0")
    asking = asyncio.create_task(until_ready(site.deployments.client, site.deployments.name, "6.0", READY_WITHIN))
    await until(lambda: counts(site, "6.0", pinned=1))
    async with site.worker_here("6.1"):
        await site.deployments.make_current("6.1")
        told = list[tuple[str, int | None]]()
        with pytest.raises(TemporarilyUnavailableError, match=r"version 6\.0 is not drained after 2 s; ask again"):
            await site.deployments.until_drained("6.0", SOON, lambda v: told.append((v.share, v.pinned)))
        assert told[-1] == (Share.DRAINING, 1)
        async with site.worker_here("6.0"):
            assert (await asking).build_id == "6.0"
            drained = await site.whistle("deploy", "drain", "6.0", "--within", "60")
        assert (drained.code, drained.json["share"], drained.json["pinned"]) == (0, "DRAINED", 0), drained.err


async def test_an_incompatible_release_is_noticed_by_replay_before_it_is_deployed(site: Site) -> None:
    """Over the open whistles of the server, of which the patched release replays every one; the exit code tells."""
    async with site.worker_here("7.0"):
        await site.deployments.make_current("7.0")
        crowd = site.crowd()
        for _ in range(3):
            await crowd.play_on(await crowd.register(), ordinary()[:5])
        mine = f"{open_ones('whistle')} AND TemporalWorkerDeploymentVersion = 'whistle:7.0'"
        await until(lambda: listed(site, mine, 3))
        good = await site.whistle("replay", "--live", module=(CLI, "patched"))
        assert (good.code, good.json["items"]) == (0, []), good.out
        bad = await site.whistle("replay", "--live", "--at-once", "2", "--query", mine, module=(CLI, "incompatible"))
        failed = {item["workflow_id"].removeprefix("whistle:"): item["error"] for item in bad.json["items"]}
        assert (bad.code, failed.keys()) == (1, set(crowd.whistle_ids)), bad.err
        assert all("NondeterminismError" in error for error in failed.values())
        one = await site.whistle("replay", "--live", "--limit", "1", "--query", mine, module=(CLI, "incompatible"))
        assert (len(one.json["items"]), one.json["replayed"]) == (1, 0)
        told = {"module": (CLI, "incompatible"), "WHISTLE_BUILD_ID": "7.1"}
        assert "do not replay, the first whistle:" in (await site.whistle("deploy", "rollout", "7.1", **told)).problem
        foreign = await site.whistle("deploy", "rollout", "7.2", WHISTLE_BUILD_ID="7.1")
        assert foreign.problem.startswith("this command line is version 7.1")


async def test_a_rollout_takes_a_version_back_when_whistles_stop_on_it(site: Site) -> None:
    """Also one that nobody replayed: the whistles go on where they were, and nothing is lost."""
    async with (
        site.worker_here("8.0"),
        site.worker_here("8.1", "incompatible"),
        site.worker_here("8.2", "patched"),
    ):
        await site.deployments.make_current("8.0")
        crowd, over = site.crowd(), asyncio.Event()
        begun = [await crowd.register() for _ in range(6)]
        await asyncio.gather(*(crowd.play_on(one, ordinary()[:4]) for one in begun))
        asking = asyncio.create_task(keep_asking(crowd, begun, over))
        with pytest.raises(MoveNotAllowedError, match=r"taken back: workflows stopped on 8\.1, whistle:"):
            await RollOut(site.deployments, "8.1", lambda _: None).run(
                steps=[60], watched_for=timedelta(seconds=90), ready_within=READY_WITHIN
            )
        over.set()
        await asking
        assert (await site.deployments.describe()).current == "8.0"
        said = list[str]()
        done = await RollOut(site.deployments, "8.2", said.append).run(
            steps=[50], watched_for=timedelta(seconds=1), ready_within=READY_WITHIN
        )
        assert (done.current, done.replaced) == ("8.2", "8.0")
        assert said == ["version 8.2 is ready", "50 % of the whistles go to 8.2", "8.2 is current"]
        await asyncio.gather(*(crowd.play_on(one, ordinary()[4:], 4) for one in begun))


async def shares(site: Site) -> tuple[str | None, str | None]:
    """Tell which versions get work."""
    found: Deployment = await site.deployments.describe()
    return found.current, found.ramping


async def counts(site: Site, build_id: str, at_least: int = 0, pinned: int = 0) -> bool:
    """Whether so many open workflows had their last task on a version, and so many of them are pinned to it."""
    found = await site.deployments.counted((await site.deployments.describe()).version(build_id))
    return (found.open or 0) >= at_least and (found.pinned or 0) >= pinned


async def listed(site: Site, query: str, at_least: int) -> bool:
    """Whether visibility shows so many workflows."""
    return (await site.deployments.client.count_workflows(query)).count >= at_least


async def plain_worker_asks(site: Site) -> bool:
    """Whether a worker without a version asks for work."""
    return bool((await site.deployments.describe()).unversioned_workers)


async def keep_asking(crowd: Crowd, whistle_ids: list[str], over: asyncio.Event) -> None:
    """Send every whistle one command after another until it is over."""

    async def one(whistle_id: str) -> None:
        number = 0
        while not over.is_set():
            number += 1
            await crowd.do(whistle_id, Act(SOURCE, "append", {"text": "又来电", "kind": "MORE"}), f"more {number}")

    await asyncio.gather(*map(one, whistle_ids))
