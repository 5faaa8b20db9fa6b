"""Addressing and delivering what the store put into the outbox; starting and waking what a crash left behind."""

import asyncio
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import NamedTuple

import asyncpg
import structlog
from temporalio import activity

from activities.addressing import Addressing
from activities.channels.shelf import ChannelShelf
from activities.composing import Composer
from activities.dispatching import Dispatch
from activities.failures import as_outage
from activities.lag_watch import LagWatch
from activities.lanes import Lanes
from activities.late_starts import LateStarts, Start
from activities.templates import TemplateShelf
from activities.waiting import until_set
from domain.addresses import Network
from domain.delivery import Delivered, DeliveryRound
from storage.outbox import claim, listening
from storage.pool import Pool

BATCH = 100
LEASE = timedelta(seconds=15)
"""How long a claimed notice waits if its deliverer dies; longer than a batch takes to log and to mark."""
LONGEST_PAUSE = timedelta(seconds=2)
"""Between two looks at what is due again; a new notice ends it."""
GATHERING = timedelta(milliseconds=100)
"""Under traffic, what comes within it is addressed together: each look costs the same for one notice and for ten."""
LISTENS_ANEW_AFTER = timedelta(minutes=1)
"""A connection that was lost in silence hears nothing."""

NewWatch = Callable[[], LagWatch]

log = structlog.get_logger("outbox")


class NoticeSettings(NamedTuple):
    """Where notices find their rules, channels and words."""

    profile: str = "default"
    channels_file: Path | None = None
    data_dir: Path | None = None
    link: str | None = None
    listed: tuple[Network, ...] = ()


class OutboxActivities:
    """The outbox of this worker's pool; `start` starts a whistle's workflow and notes that it did."""

    def __init__(
        self,
        pool: Pool,
        start: Start,
        notices: NoticeSettings = NoticeSettings(),  # noqa: B008
        watch: NewWatch | None = None,
    ) -> None:
        """Use this pool and this way to start; each round begins a watch of its own, if there is one to begin."""
        self._pool = pool
        self._start = start
        self._watch = watch
        self._notices = notices
        self._addressing = Addressing(pool, notices.profile)
        self._composer = Composer(TemplateShelf(notices.data_dir), notices.link)
        self._shelf = ChannelShelf(notices.channels_file, notices.listed)

    @activity.defn(name="deliver_outbox")
    async def deliver_outbox(self, delivery: DeliveryRound) -> Delivered:
        """Deliver notices as they come, until the round is over or the worker shuts down; at least once each."""
        until = asyncio.get_running_loop().time() + delivery.length.total_seconds()
        lanes = Lanes(self._shelf)
        dispatch = Dispatch(self._pool, self._notices.profile, lanes, self._composer)
        late = LateStarts(self._pool, self._start)
        try:
            await self._run(dispatch, late, until)
        except (asyncpg.PostgresError, asyncpg.InterfaceError) as error:
            raise as_outage(error) from None
        finally:
            await lanes.close()
        return Delivered(notices=dispatch.delivered, started=late.started)

    async def _run(self, dispatch: Dispatch, late: LateStarts, until: float) -> None:
        delivering = asyncio.create_task(dispatch.run())
        hearing = asyncio.create_task(self._listen(dispatch, until))
        beside = [late.keep(), *([self._look_for_lags(self._watch())] if self._watch else [])]
        tasks = [delivering, hearing, *map(asyncio.create_task, beside)]
        try:
            await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
            dispatch.stop()
            while hearing.done() and not delivering.done():
                activity.heartbeat()
                await asyncio.wait({delivering}, timeout=1)
        finally:
            for task in tasks:
                task.cancel()
            ended = await asyncio.gather(*tasks, return_exceptions=True)
        for error in ended:
            if isinstance(error, Exception):
                raise error

    async def _look_for_lags(self, watch: LagWatch) -> None:
        while True:
            await watch.look()
            await asyncio.sleep(1)

    async def _listen(self, dispatch: Dispatch, until: float) -> None:
        clock = asyncio.get_running_loop().time
        while clock() < until and not activity.is_worker_shutdown():
            listen_until = min(until, clock() + LISTENS_ANEW_AFTER.total_seconds())
            async with listening(self._pool) as heard:
                while clock() < listen_until and not activity.is_worker_shutdown():
                    heard.clear()
                    looked_at = clock()
                    await self._address_what_is_due(dispatch)
                    await until_set(heard, LONGEST_PAUSE)
                    await asyncio.sleep(looked_at + GATHERING.total_seconds() - clock())

    async def _address_what_is_due(self, dispatch: Dispatch) -> None:
        if await self._addressing.climb():
            dispatch.wake()
        while True:
            activity.heartbeat()
            items = await claim(self._pool, limit=BATCH, lease=LEASE)
            if items and await self._addressing.give(items):
                dispatch.wake()
            if len(items) < BATCH:
                return
