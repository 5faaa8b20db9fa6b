"""The watch over workflows that lag: it wakes those alone, and asks Temporal nothing while nothing moves."""

from collections.abc import Sequence
from datetime import UTC, datetime
from uuid import uuid4

import pytest
from temporalio.service import RPCError, RPCStatusCode

from activities import lag_watch
from activities.lag_watch import LagWatch
from domain.registration import Registration
from storage.pool import Pool
from storage.registrations import register
from tests.chaos.story import SOURCE, matter
from tests.life import actor


class FakeTemporal:
    """What workflows show, who was woken, and how often anybody asked."""

    def __init__(self) -> None:
        self.shown: dict[str, int] = {}
        self.asked = 0
        self.woken: list[str] = []
        self.away = False

    async def versions(self, whistle_ids: Sequence[str]) -> dict[str, int]:
        """Tell what these show."""
        self.asked += 1
        if self.away:
            raise RPCError("away", RPCStatusCode.UNAVAILABLE, b"")
        return {i: self.shown[i] for i in whistle_ids if i in self.shown}

    async def wake(self, whistle_id: str) -> None:
        """Note who was woken, whose workflow then catches up."""
        self.woken.append(whistle_id)


@pytest.fixture(autouse=True)
def hasty(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let every look be in time, and certain at the first sight."""
    for name in ("LOOK_EVERY_S", "LOOKS_AGAIN_AFTER_S", "SETTLED_AFTER_S", "CERTAIN_AFTER_S"):
        monkeypatch.setattr(lag_watch, name, 0.0)


@pytest.fixture
def temporal() -> FakeTemporal:
    """A Temporal in which nothing runs yet."""
    return FakeTemporal()


@pytest.fixture
def watch(pool: Pool, temporal: FakeTemporal) -> LagWatch:
    """A watch over the store of this test."""
    return LagWatch(pool, temporal.versions, temporal.wake)


async def stored(pool: Pool) -> str:
    """Store a matter, which leaves one event."""
    registration = Registration.model_validate(matter(external_id=uuid4().hex))
    return (await register(pool, registration, actor(SOURCE), datetime.now(UTC))).whistle_id


async def look(watch: LagWatch, times: int = 3) -> None:
    """Look so often that everything stored by now was compared."""
    for _ in range(times):
        await watch.look()


async def test_whoever_shows_less_than_is_stored_is_woken_and_nobody_else(
    pool: Pool, watch: LagWatch, temporal: FakeTemporal
) -> None:
    """One lags, one is level, one has no workflow yet; each is looked at once."""
    behind, level, _unstarted = [await stored(pool) for _ in range(3)]
    temporal.shown = {behind: 0, level: 1}
    await look(watch)
    assert temporal.woken == [behind]
    await look(watch)
    assert temporal.woken == [behind]


async def test_while_nothing_moves_temporal_is_asked_nothing(
    pool: Pool, watch: LagWatch, temporal: FakeTemporal
) -> None:
    """The end of an index tells that there is nothing new."""
    temporal.shown = {await stored(pool): 1}
    await look(watch)
    asked = temporal.asked
    await look(watch, 20)
    assert temporal.asked == asked


async def test_one_that_shows_its_version_a_little_later_is_left_alone(
    pool: Pool, watch: LagWatch, temporal: FakeTemporal, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Until it is certain that a workflow lags it may only be busy."""
    monkeypatch.setattr(lag_watch, "CERTAIN_AFTER_S", 3600.0)
    busy = await stored(pool)
    temporal.shown = {busy: 0}
    await look(watch)
    assert temporal.asked
    temporal.shown = {busy: 1}
    await look(watch)
    assert temporal.woken == []


async def test_what_was_stored_while_temporal_was_away_is_compared_when_it_is_back(
    pool: Pool, watch: LagWatch, temporal: FakeTemporal
) -> None:
    """A look that fails is made again from where it was."""
    behind = await stored(pool)
    temporal.shown, temporal.away = {behind: 0}, True
    await look(watch)
    assert temporal.woken == []
    temporal.away = False
    await look(watch)
    assert temporal.woken == [behind]


async def test_a_watch_that_begins_anew_sees_what_was_stored_before_it(pool: Pool, temporal: FakeTemporal) -> None:
    """What died with the worker that stored it is found by the next one."""
    behind = await stored(pool)
    temporal.shown = {behind: 0}
    await look(LagWatch(pool, temporal.versions, temporal.wake))
    assert temporal.woken == [behind]
