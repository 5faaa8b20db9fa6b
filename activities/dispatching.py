"""Delivering notices: a lane for each channel, so that one that hangs or is down holds up no other."""

import asyncio
import random
import time
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import NamedTuple

import asyncpg
import structlog

from activities.channels.protocol import PermanentError, TransientError
from activities.composing import Composer
from activities.lanes import COMBINED, Lane
from domain.duty import Duty, Recipient
from domain.notice_templates import CHANNEL_DOWN, DELIVERY_FAILED
from domain.rules import Rules
from observability.measures import WORKER
from storage.catalogues import rules
from storage.duty import duty
from storage.notice_deliveries import DeliveryState, Ending, Parcel, claim, give_up_unknown, hasten, release, settle
from storage.notices import alert
from storage.pool import Pool

LEASE = timedelta(minutes=3)
"""Longer than any attempt takes; who is gone is noticed at the next round's start."""
GIVES_UP_AFTER = timedelta(hours=24)
DOWN_AFTER = timedelta(minutes=2)
FIRST_RETRY_S = 1.0
LONGEST_RETRY_S = {True: 30.0, False: 120.0}
"""Of urgent and of ordinary notices."""
LONGEST_PAUSE_S = 1.0
SHORTEST_PAUSE_S = 0.02
LEAVES_WITHIN_S = 5.0
NOTES_WITHIN_S = 10.0
_NOTES_AGAIN_AFTER_S = 0.25
_LEEWAY_S = 2.0
_ALERTS = (DELIVERY_FAILED, CHANNEL_DOWN)
OUTCOMES = {
    DeliveryState.PENDING: "retried",
    DeliveryState.DELIVERED: "delivered",
    DeliveryState.DROPPED: "dropped",
    DeliveryState.FAILED: "failed",
}
_CHANCE = random.SystemRandom()

log = structlog.get_logger("notices")


class _Known(NamedTuple):
    duty: Duty
    rules: Rules


class Dispatch:
    """One round: the lanes, what is under way in them, and what is still to be noted."""

    def __init__(self, pool: Pool, profile: str, lanes: Sequence[Lane], composer: Composer) -> None:
        """Deliver through these lanes."""
        self._pool = pool
        self._profile = profile
        self._lanes = {lane.name: lane for lane in lanes}
        self._composer = composer
        self._woken = asyncio.Event()
        self._stopped = asyncio.Event()
        self._ended = asyncio.Event()
        self._under_way: set[asyncio.Task[None]] = set()
        self._endings: list[Ending] = []
        self._known: _Known | None = None
        self._alerting = asyncio.Lock()
        self.delivered = 0

    def wake(self) -> None:
        """Look at once: there is something to deliver."""
        self._woken.set()

    def stop(self) -> None:
        """Claim nothing more, and end when what is under way has ended, within seconds."""
        self._stopped.set()
        self._woken.set()

    async def run(self) -> None:
        """Deliver until stopped; first what somebody who is gone had claimed."""
        keyed = [lane.name for lane in self._lanes.values() if lane.channel.keyed]
        if lost := await release(self._pool, keyed):
            log.warning("notice_deliveries_interrupted", count=lost)
        noting = asyncio.create_task(self._note_endings())
        noting.add_done_callback(lambda _: self.stop())
        try:
            await self._deliver()
            if self._under_way:
                await asyncio.wait(self._under_way, timeout=LEAVES_WITHIN_S)
        finally:
            await self._leave(noting)

    async def _deliver(self) -> None:
        clock = asyncio.get_running_loop().time
        while not self._stopped.is_set():
            self._woken.clear()
            begun = clock()
            await self._step()
            try:
                async with asyncio.timeout(LONGEST_PAUSE_S):
                    await self._woken.wait()
            except TimeoutError:
                await self._give_up_unknown()
            await asyncio.sleep(max(0.0, begun + SHORTEST_PAUSE_S - clock()))

    async def _leave(self, noting: asyncio.Task[None]) -> None:
        for task in self._under_way:
            task.cancel()
        await asyncio.gather(*self._under_way, return_exceptions=True)
        failed = noting.done() and not noting.cancelled() and noting.exception()
        noting.cancel()
        await asyncio.gather(noting, return_exceptions=True)
        if failed:
            raise failed
        await self._note()

    async def _step(self) -> None:
        now = datetime.now(UTC)
        places = [one for lane in self._lanes.values() for one in lane.places(now)]
        resting = [one for lane in self._lanes.values() for one in lane.resting()]
        parcels = await claim(self._pool, places, resting, LEASE) if places else []
        if not parcels:
            return
        self._known = _Known(await duty(self._pool), await rules(self._pool, self._profile))
        for group in self._grouped(parcels):
            lane = self._lanes[group[0].channel]
            if wait_s := lane.wait_s(group[0]):
                self._note_each(group, DeliveryState.PENDING, retry_in_s=wait_s, tried=False)
            else:
                self._begin(lane, group)

    def _grouped(self, parcels: Sequence[Parcel]) -> list[list[Parcel]]:
        groups: list[list[Parcel]] = []
        open_groups: dict[str, list[Parcel]] = {}
        for parcel in parcels:
            combines = self._lanes[parcel.channel].section.combines and not parcel.urgent
            group = open_groups.get(parcel.lane_and_recipient) if combines else None
            if group is None or len(group) >= COMBINED:
                group = []
                groups.append(group)
            group.append(parcel)
            if combines:
                open_groups[parcel.lane_and_recipient] = group
        return groups

    def _begin(self, lane: Lane, group: Sequence[Parcel]) -> None:
        recipient = group[0].recipient
        lane.begin(recipient)
        task = asyncio.create_task(self._attempt(lane, group))
        self._under_way.add(task)

        def end(ended: asyncio.Task[None]) -> None:
            lane.end(recipient)
            self._under_way.discard(task)
            self._woken.set()
            if not ended.cancelled() and (error := ended.exception()):
                log.warning("delivery_not_followed_up", channel=lane.name, reason=type(error).__name__)

        task.add_done_callback(end)

    async def _attempt(self, lane: Lane, group: Sequence[Parcel]) -> None:
        wanted = [parcel for parcel in group if not self._is_dropped(parcel)]
        if not wanted:
            return
        try:
            await self._send(lane, wanted)
        except PermanentError as error:
            await self._fail_for_good(wanted, error.reason)
        except TransientError as error:
            await self._fail_for_now(lane, wanted, error)
        except Exception as error:
            log.exception("channel_broken", channel=lane.name)
            await self._fail_for_now(lane, wanted, TransientError(type(error).__name__, doubtful=True))
        else:
            self.delivered += len(wanted)
            self._note_each(wanted, DeliveryState.DELIVERED)
            if lane.succeed(wanted[0].recipient):
                log.info("channel_recovered", channel=lane.name, recipient=wanted[0].recipient)
                await hasten(self._pool, lane.name, wanted[0].recipient if lane.channel.by_address else None)

    async def _send(self, lane: Lane, group: Sequence[Parcel]) -> None:
        known, recipient = self._known, Recipient.read(group[0].recipient)
        if known is None:
            raise TransientError("nothing-known")
        address = known.duty.address_of(recipient, lane.name)
        if address is None and lane.name != "log":
            raise PermanentError("no-address")
        names = known.rules.organisations.name_of
        message = self._composer.compose(group, address or "", names, keyed=lane.channel.keyed)
        try:
            async with asyncio.timeout(lane.section.timeout_s + _LEEWAY_S):
                await lane.channel.send(message)
        except TimeoutError:
            raise TransientError("timeout", doubtful=True) from None

    def _is_dropped(self, parcel: Parcel) -> bool:
        if not (parcel.cause and parcel.whistle and parcel.cause.has_ended(parcel.whistle)):
            return False
        log.info("notice_dropped", why=parcel.cause.ends, **_codes(parcel))
        self._note_each([parcel], DeliveryState.DROPPED, error="cause-ended")
        return True

    async def _fail_for_now(self, lane: Lane, group: Sequence[Parcel], error: TransientError) -> None:
        lane.fail(group[0].recipient, error.retry_after)
        now = datetime.now(UTC)
        for parcel in group:
            if now - parcel.created_at > GIVES_UP_AFTER:
                await self._fail_for_good([parcel], f"given-up: {error.reason}")
                continue
            retry_in_s = _retry_in_s(parcel, error)
            log.warning(
                "notice_failed", reason=error.reason, doubtful=error.doubtful, retry_in_s=retry_in_s, **_codes(parcel)
            )
            in_doubt = error.doubtful and not lane.channel.keyed
            self._note_each(
                [parcel],
                DeliveryState.PENDING,
                error=error.reason,
                doubtful=error.doubtful,
                in_doubt=in_doubt,
                retry_in_s=retry_in_s,
            )
        await self._tell_of_outage(lane, group[0], error.reason)

    async def _fail_for_good(self, group: Sequence[Parcel], reason: str) -> None:
        self._note_each(group, DeliveryState.FAILED, error=reason)
        for parcel in group:
            log.error("notice_failed_for_good", reason=reason, **_codes(parcel))
        first = group[0]
        if first.template not in _ALERTS:
            fields = {"channel": first.channel, "recipient": first.recipient, "error": reason}
            text = f"{first.channel} 发给 {first.recipient} 的通知无法送达:{reason}"
            async with self._alerting:
                await alert(self._pool, first.id, DELIVERY_FAILED, text, fields)

    async def _tell_of_outage(self, lane: Lane, parcel: Parcel, reason: str) -> None:
        since = lane.failing_since
        if since is None or time.monotonic() - since < DOWN_AFTER.total_seconds():
            return
        fields = {"channel": lane.name, "error": reason}
        async with self._alerting:
            told = await alert(self._pool, parcel.id, CHANNEL_DOWN, f"通知渠道 {lane.name} 持续失败:{reason}", fields)
        if told:
            log.error("channel_down", channel=lane.name, reason=reason)

    async def _give_up_unknown(self) -> None:
        for one in await give_up_unknown(self._pool, list(self._lanes), GIVES_UP_AFTER):
            log.error("notice_failed_for_good", reason="channel-not-configured", **one)

    def _note_each(self, group: Sequence[Parcel], state: DeliveryState, **how: object) -> None:
        if how.get("tried", True):
            WORKER.notices.labels(group[0].channel, OUTCOMES[state]).inc(len(group))
        own = {"state": state, **how}
        self._endings += [Ending.model_validate({"id": p.id, "attempt": p.attempts, **own}) for p in group]
        self._ended.set()

    async def _note_endings(self) -> None:
        # What ends while one note is written goes into the next: under load many share a round trip.
        while True:
            await self._ended.wait()
            self._ended.clear()
            await self._note()

    async def _note(self) -> None:
        endings, self._endings = self._endings, []
        until = time.monotonic() + NOTES_WITHIN_S
        while endings:
            try:
                await settle(self._pool, endings)
                endings = []
            except (asyncpg.PostgresError, asyncpg.InterfaceError, OSError):
                # What is not noted is sent again: that is worth some patience with the database.
                if time.monotonic() > until:
                    raise
                await asyncio.sleep(_NOTES_AGAIN_AFTER_S)


def _retry_in_s(parcel: Parcel, error: TransientError) -> float:
    pause = min(FIRST_RETRY_S * 2.0 ** (min(parcel.attempts, 10) - 1), LONGEST_RETRY_S[parcel.urgent])
    asked = error.retry_after.total_seconds() if error.retry_after else 0.0
    return max(pause * (1 + 0.1 * _CHANCE.random()), min(asked, GIVES_UP_AFTER.total_seconds()))


def _codes(parcel: Parcel) -> dict[str, object]:
    return {
        "delivery_id": parcel.id,
        "whistle_id": parcel.whistle_id,
        "sequence": parcel.sequence,
        "channel": parcel.channel,
        "recipient": parcel.recipient,
        "attempt": parcel.attempts,
    }
