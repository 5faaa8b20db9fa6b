"""Delivering notices: a lane for each channel, so that one that hangs or is down holds up no other."""

import asyncio
import random
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

import structlog

from activities.alarms import Alarms
from activities.channels.opening import LOG
from activities.channels.protocol import Message, PermanentError, TransientError
from activities.composing import Composer
from activities.lanes import COMBINED, LONGEST_ASKED, Lane, Lanes
from activities.noting import Notes
from domain.duty import Recipient
from domain.notice_templates import CHANNEL_DOWN, DELIVERY_FAILED
from storage.duty import InForce, in_force
from storage.notice_deliveries import (
    NOT_CONFIGURED,
    DeliveryState,
    Parcel,
    claim,
    give_up_unknown,
    hasten,
    release,
    wait_for_morning,
)
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
_LEEWAY_S = 2.0
_ALERTS = (DELIVERY_FAILED, CHANNEL_DOWN)
_CHANCE = random.SystemRandom()

log = structlog.get_logger("notices")


class Dispatch:
    """One round: the lanes, what is under way in them, and what is still to be noted."""

    def __init__(self, pool: Pool, profile: str, lanes: Lanes, composer: Composer) -> None:
        """Deliver through these lanes."""
        self._pool = pool
        self._profile = profile
        self._lanes = lanes
        self._composer = composer
        self._notes = Notes(pool)
        self._alarms = Alarms(pool)
        self._woken = asyncio.Event()
        self._stopped = asyncio.Event()
        self._under_way: set[asyncio.Task[None]] = set()
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
        await self._follow_channels()
        keyed = [lane.name for lane in self._lanes if lane.channel.keyed]
        if lost := await release(self._pool, keyed):
            log.warning("notice_deliveries_interrupted", count=lost)
        noting = asyncio.create_task(self._notes.keep())
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
                await self._say_what_waits()
            await asyncio.sleep(max(0.0, begun + SHORTEST_PAUSE_S - clock()))

    async def _leave(self, noting: asyncio.Task[None]) -> None:
        for task in self._under_way:
            task.cancel()
        await asyncio.gather(*self._under_way, return_exceptions=True)
        self._notes.close()
        await noting

    async def _follow_channels(self) -> None:
        # Whatever its notices waited for, a channel that is new or was mended may not ask for it.
        for name in await self._lanes.follow():
            await hasten(self._pool, name, None)

    async def _step(self) -> None:
        await self._follow_channels()
        now = datetime.now(UTC)
        places = [one for lane in self._lanes for one in lane.places(now)]
        resting = [one for lane in self._lanes for one in lane.resting()]
        parcels = await claim(self._pool, places, resting, LEASE) if places else []
        if not parcels:
            return
        try:
            known = await in_force(self._pool, self._profile)
        except Exception:
            self._notes.put_off(parcels, 0.0)
            raise
        for group in self._grouped([parcel for parcel in parcels if not self._is_dropped(parcel)]):
            lane = self._lanes[group[0].channel]
            if wait_s := lane.wait_s(group[0]):
                self._notes.put_off(group, wait_s)
            else:
                self._begin(lane, group, known)

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

    def _begin(self, lane: Lane, group: Sequence[Parcel], known: InForce) -> None:
        recipient = group[0].recipient
        begun = lane.begin(recipient)
        task = asyncio.create_task(self._attempt(lane, group, known))
        self._under_way.add(task)

        def end(ended: asyncio.Task[None]) -> None:
            lane.end(recipient, begun)
            self._under_way.discard(task)
            self._woken.set()
            if not ended.cancelled() and (error := ended.exception()):
                log.warning("delivery_not_followed_up", channel=lane.name, reason=type(error).__name__)

        task.add_done_callback(end)

    async def _attempt(self, lane: Lane, group: Sequence[Parcel], known: InForce) -> None:
        sent = group
        try:
            message, sent = self._composed(lane, group, known)
            self._notes.put_off(group[len(sent) :], 0.0)
            await self._send(lane, message)
        except PermanentError as error:
            await self._fail_for_good(sent, error.reason)
        except TransientError as error:
            await self._fail_for_now(lane, sent, error)
        except Exception as error:
            log.exception("channel_broken", channel=lane.name)
            await self._fail_for_now(lane, sent, TransientError(type(error).__name__, doubtful=True))
        else:
            self.delivered += len(sent)
            self._notes.add(sent, DeliveryState.DELIVERED)
            if lane.succeed(sent[0].recipient):
                log.info("channel_recovered", channel=lane.name, recipient=sent[0].recipient)
                await hasten(self._pool, lane.name, sent[0].recipient if lane.channel.by_address else None)

    def _composed(self, lane: Lane, group: Sequence[Parcel], known: InForce) -> tuple[Message, Sequence[Parcel]]:
        """Write one message, and tell which deliveries found room in it."""
        address = known.duty.address_of(Recipient.read(group[0].recipient), lane.name)
        if address is None and lane.name != LOG:
            raise PermanentError("no-address")
        return self._composer.compose(lane.channel, group, address or "", known.rules.organisations.name_of)

    async def _send(self, lane: Lane, message: Message) -> None:
        try:
            async with asyncio.timeout(lane.section.timeout_s + _LEEWAY_S):
                await lane.channel.send(message)
        except TimeoutError:
            raise TransientError("timeout", doubtful=True) from None

    def _is_dropped(self, parcel: Parcel) -> bool:
        if not (parcel.cause and parcel.whistle and parcel.cause.has_ended(parcel.whistle)):
            return False
        log.info("notice_dropped", why=parcel.cause.ends, **_codes(parcel))
        self._notes.add([parcel], DeliveryState.DROPPED, error="cause-ended")
        return True

    async def _fail_for_now(self, lane: Lane, group: Sequence[Parcel], error: TransientError) -> None:
        lane.fail(group[0].recipient, error.retry_after)
        now = datetime.now(UTC)
        for parcel in group:
            if now - parcel.tried_since > GIVES_UP_AFTER:
                await self._fail_for_good([parcel], f"given-up: {error.reason}")
                continue
            retry_in_s = _retry_in_s(parcel, error)
            log.warning(
                "notice_failed", reason=error.reason, doubtful=error.doubtful, retry_in_s=retry_in_s, **_codes(parcel)
            )
            in_doubt = error.doubtful and not lane.channel.keyed
            self._notes.add(
                [parcel],
                DeliveryState.PENDING,
                error=error.reason,
                doubtful=error.doubtful,
                in_doubt=in_doubt,
                retry_in_s=retry_in_s,
            )
        await self._tell_of_outage(lane, group[0], error.reason)

    async def _fail_for_good(self, group: Sequence[Parcel], reason: str) -> None:
        self._notes.add(group, DeliveryState.FAILED, error=reason)
        for parcel in group:
            log.error("notice_failed_for_good", reason=reason, **_codes(parcel))
        first = group[0]
        if first.template not in _ALERTS:
            await self._tell_of_failure(first.id, first.channel, first.recipient, reason)

    async def _tell_of_failure(self, delivery_id: int, channel: str, recipient: str, reason: str) -> None:
        text = f"{channel} 发给 {recipient} 的通知无法送达:{reason}"
        await self._alarms.sound(DELIVERY_FAILED, text, delivery_id, channel=channel, error=reason, recipient=recipient)

    async def _tell_of_outage(self, lane: Lane, parcel: Parcel, reason: str) -> None:
        if lane.failed_for(parcel.recipient) < DOWN_AFTER:
            return
        whose = parcel.recipient if lane.channel.by_address else None
        text = f"通知渠道 {lane.name} 持续失败:{reason}"
        if await self._alarms.sound(CHANNEL_DOWN, text, parcel.id, channel=lane.name, error=reason, recipient=whose):
            log.error("channel_down", channel=lane.name, reason=reason, recipient=whose)

    async def _say_what_waits(self) -> None:
        if quiet := self._lanes.quiet_until(datetime.now(UTC)):
            await wait_for_morning(self._pool, quiet)
        for one in await give_up_unknown(self._pool, self._lanes.names, GIVES_UP_AFTER):
            log.error("notice_failed_for_good", reason=NOT_CONFIGURED, **one)
            await self._tell_of_failure(one["id"], one["channel"], one["recipient"], NOT_CONFIGURED)


def _retry_in_s(parcel: Parcel, error: TransientError) -> float:
    pause = min(FIRST_RETRY_S * 2.0 ** (min(parcel.attempts, 10) - 1), LONGEST_RETRY_S[parcel.urgent])
    asked = min(error.retry_after, LONGEST_ASKED).total_seconds() if error.retry_after else 0.0
    return max(pause * (1 + 0.1 * _CHANCE.random()), asked)


def _codes(parcel: Parcel) -> dict[str, object]:
    return {
        "delivery_id": parcel.id,
        "whistle_id": parcel.whistle_id,
        "sequence": parcel.sequence,
        "channel": parcel.channel,
        "recipient": parcel.recipient,
        "attempt": parcel.attempts,
    }
