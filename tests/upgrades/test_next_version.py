"""Whistles that began on one version live on under the next, while commands keep coming."""

import asyncio
import signal
from collections import Counter

import pytest
from temporalio.api.enums.v1 import EventType

from domain.vocabulary import State
from starter.deployment import Share
from starter.start import workflow_id_of
from tests.chaos.findings import until
from tests.chaos.story import SOURCE, Act, ordinary
from tests.chaos.town import Crowd
from tests.upgrades.conftest import READY_WITHIN, Site

pytestmark = pytest.mark.timeout(300)

WHISTLES, IN_FLIGHT = 20, 5
BEGUN = 4
"""How many acts of its life each whistle has behind it when the upgrade begins."""
WITHIN_S = 120
NEXT = ("tests.upgrades.next_worker", "patched")


async def test_twenty_whistles_begun_on_one_version_finish_on_the_next_under_load(site: Site) -> None:
    """Ramped, current, drained, stopped: nothing is lost, nothing is done twice, and none waits for the old one."""
    crowd, upgraded = site.crowd(), asyncio.Event()
    async with site.worker("1.0") as old:
        await site.deployments.make_current("1.0")
        begun = [await crowd.register() for _ in range(WHISTLES)]
        await asyncio.gather(*(crowd.play_on(one, ordinary()[:BEGUN]) for one in begun))
        assert await versions(site, begun) == Counter({"1.0": WHISTLES})
        gate = asyncio.Semaphore(IN_FLIGHT)
        lives = [asyncio.create_task(live(crowd, one, gate, upgraded)) for one in begun]
        async with site.worker("2.0", *NEXT):
            await site.deployments.ramp("2.0", 40)
            await until(lambda: on_version(site, begun, "2.0", 1), WITHIN_S)
            assert (await versions(site, begun))["1.0"] > 0
            await site.deployments.make_current("2.0")
            await until(lambda: on_version(site, begun, "2.0", WHISTLES), WITHIN_S)
            drained = await site.deployments.until_drained("1.0", READY_WITHIN, lambda _: None)
            assert drained.share is Share.DRAINED
            old.process.send_signal(signal.SIGTERM)
            assert await old.process.wait() == 0
            upgraded.set()
            await asyncio.gather(*lives)
            later = await crowd.play(ordinary())
            assert {(await site.town.client.view(one)).state for one in [*begun, later]} == {State.CLOSED}
            assert await versions(site, [*begun, later]) == Counter({"2.0": WHISTLES + 1})
            assert [await began_with_the_patch(site, one) for one in (begun[0], later)] == [False, True]
            await crowd.assert_nothing_is_lost_or_twice()


async def live(crowd: Crowd, whistle_id: str, gate: asyncio.Semaphore, upgraded: asyncio.Event) -> None:
    """Keep one command after another coming until the upgrade is over, and end the life."""
    number = 0
    while not upgraded.is_set():
        number += 1
        async with gate:
            await crowd.do(whistle_id, Act(SOURCE, "append", {"text": "又来电", "kind": "MORE"}), f"more {number}")
    await crowd.play_on(whistle_id, ordinary()[BEGUN:], BEGUN)


async def versions(site: Site, whistle_ids: list[str]) -> Counter[str]:
    """Count on which version each whistle had its last task."""
    found = Counter[str]()
    for one in whistle_ids:
        told = await site.town.client.temporal.get_workflow_handle(workflow_id_of(one)).describe()
        info = told.raw_description.workflow_execution_info.versioning_info
        found[info.deployment_version.build_id] += 1
    return found


async def on_version(site: Site, whistle_ids: list[str], build_id: str, at_least: int) -> bool:
    """Whether so many whistles have gone over to a version."""
    return (await versions(site, whistle_ids))[build_id] >= at_least


async def began_with_the_patch(site: Site, whistle_id: str) -> bool:
    """Whether the run takes the new way of the next release."""
    history = await site.town.client.temporal.get_workflow_handle(workflow_id_of(whistle_id)).fetch_history()
    return any(event.event_type == EventType.EVENT_TYPE_WORKFLOW_PROPERTIES_MODIFIED for event in history.events)
