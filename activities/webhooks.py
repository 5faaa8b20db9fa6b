"""Telling subscribers what was committed: signed, at least once, and one slow or dead receiver holds up no other."""

import asyncio
import random
from collections import Counter
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from http import HTTPStatus
from math import floor

import asyncpg
import structlog
from standardwebhooks import Webhook
from temporalio import activity

from activities.failures import as_outage
from activities.receivers import TIMEOUT, Receivers, Reply
from activities.waiting import until_set
from domain.delivery import DeliveryRound
from domain.webhooks import Sent, retry_in
from observability.measures import WORKER
from storage import hooks, webhook_deliveries
from storage.outbox import listening
from storage.pool import Pool
from storage.webhook_deliveries import CHANNEL, Consignment, Ending, claim, finish, release
from storage.webhooks import any_active, tell_subscribers

EACH = 16
"""Attempts at once to one subscriber; to one whose last attempt failed, `EACH_AFTER_FAILURE`."""
EACH_AFTER_FAILURE = 2
MOST = 400
LEASE = TIMEOUT * 2
LONGEST_PAUSE = timedelta(milliseconds=500)
"""Between two looks at what is due; a commit ends it."""
SHORTEST_PAUSE = timedelta(milliseconds=20)
"""While commits stream in: what comes meanwhile is told together."""
LISTENS_ANEW_AFTER = timedelta(minutes=1)
PRUNES_EVERY = timedelta(minutes=5)
BATCH = 200
_NOTED_AT_ONCE = 4
_LEAVES_WITHIN = timedelta(seconds=5)
_CHANCE = random.SystemRandom()

log = structlog.get_logger("webhooks")


class WebhookActivities:
    """The subscribers of this worker's pool."""

    def __init__(self, pool: Pool, receivers: Receivers) -> None:
        """Use this pool, and speak through these receivers."""
        self._pool = pool
        self._receivers = receivers

    @activity.defn(name="deliver_webhooks")
    async def deliver_webhooks(self, delivery: DeliveryRound) -> Sent:
        """Deliver until the round is over or the worker shuts down; at least once each."""
        try:
            async with _open_round(self._pool, self._receivers) as open_round:
                return await open_round.run(delivery.length)
        except (asyncpg.PostgresError, asyncpg.InterfaceError) as error:
            raise as_outage(error) from None


class Round:
    """One round: what is under way, and to whom."""

    def __init__(self, pool: Pool, receivers: Receivers) -> None:
        """Start with nothing under way."""
        self._pool = pool
        self._receivers = receivers
        self._under_way: dict[asyncio.Task[None], str] = {}
        self._failing: set[str] = set()
        self._noting = asyncio.Semaphore(_NOTED_AT_ONCE)
        self._woken = asyncio.Event()
        self.sent = Sent()

    async def run(self, length: timedelta) -> Sent:
        """Tell and deliver as commits come and attempts fall due."""
        clock = asyncio.get_running_loop().time
        until = clock() + length.total_seconds()
        await release(self._pool)
        while clock() < until and not activity.is_worker_shutdown():
            await webhook_deliveries.prune(self._pool)
            await hooks.prune(self._pool)
            async with listening(self._pool, CHANNEL) as heard:
                self._woken = heard
                await self._run(min(until, clock() + LISTENS_ANEW_AFTER.total_seconds()))
        await self._let_end()
        return self.sent

    async def leave(self) -> None:
        """Drop what is under way: the next round finds it released."""
        for task in self._under_way:
            task.cancel()
        await asyncio.gather(*self._under_way, return_exceptions=True)

    async def _let_end(self) -> None:
        clock = asyncio.get_running_loop().time
        longest = _LEAVES_WITHIN if activity.is_worker_shutdown() else TIMEOUT + _LEAVES_WITHIN
        until = clock() + longest.total_seconds()
        while self._under_way and clock() < until:
            activity.heartbeat()
            await asyncio.wait(self._under_way, timeout=1)

    async def _run(self, until: float) -> None:
        clock = asyncio.get_running_loop().time
        while clock() < until and not activity.is_worker_shutdown():
            activity.heartbeat()
            self._woken.clear()
            begun = clock()
            if not await any_active(self._pool):
                # Commits are no news to anybody then.
                await until_set(asyncio.Event(), LONGEST_PAUSE)
                continue
            if await self._step():
                self._woken.set()
            await until_set(self._woken, LONGEST_PAUSE)
            await asyncio.sleep(max(0.0, begun + SHORTEST_PAUSE.total_seconds() - clock()))

    async def _step(self) -> bool:
        """Tell and send; tell whether there is more at once."""
        told = await tell_subscribers(self._pool, BATCH)
        room = MOST - len(self._under_way)
        claimed = await claim(self._pool, self._free(), each=EACH, most=room, lease=LEASE) if room > 0 else []
        for consignment in claimed:
            task = asyncio.create_task(self._attempt(consignment))
            self._under_way[task] = consignment.webhook_id
            task.add_done_callback(self._ended)
        return told > 0

    def _free(self) -> dict[str, int]:
        held = Counter(self._under_way.values())
        limits = {name: EACH_AFTER_FAILURE if name in self._failing else EACH for name in {*held, *self._failing}}
        return {name: limit - held[name] for name, limit in limits.items()}

    def _ended(self, task: asyncio.Task[None]) -> None:
        del self._under_way[task]
        self._woken.set()
        if not task.cancelled() and (error := task.exception()):
            # Its lease runs out by itself.
            log.warning("attempt_not_noted", reason=type(error).__name__)

    async def _attempt(self, consignment: Consignment) -> None:
        message = consignment.message.model_dump_json().encode()
        headers = signed(consignment.secrets, consignment.message_id, datetime.now(UTC), message)
        reply = await self._receivers.post(consignment.webhook_id, consignment.url, headers, message)
        ending = ending_of(reply, consignment.tries, _CHANCE.random())
        async with self._noting:
            await finish(self._pool, consignment, ending)
        self._count(consignment, ending)

    def _count(self, consignment: Consignment, ending: Ending) -> None:
        if ending.delivered:
            self._failing.discard(consignment.webhook_id)
        else:
            self._failing.add(consignment.webhook_id)
        self.sent += Sent(delivered=int(ending.delivered), failed=int(not ending.delivered))
        WORKER.webhooks.labels("delivered" if ending.delivered else "failed").inc()
        # Never the address: it may hold a receiver's own secret.
        log.info(
            "webhook_delivered" if ending.delivered else "webhook_failed",
            webhook_id=consignment.webhook_id,
            delivery_id=consignment.id,
            attempt=consignment.attempt,
            status=ending.status,
            error=ending.error,
            retry_in_s=ending.retry_in and ending.retry_in.total_seconds(),
        )


def signed(secrets: Sequence[str], message_id: str, at: datetime, body: bytes) -> dict[str, str]:
    """Give the headers of one attempt (Standard Webhooks): the id of the message, the time and signatures of now."""
    return {
        "content-type": "application/json",
        "user-agent": "whistle-webhooks/1",
        "webhook-id": message_id,
        "webhook-timestamp": str(floor(at.timestamp())),
        "webhook-signature": " ".join(Webhook(secret).sign(message_id, at, body.decode()) for secret in secrets),
    }


def ending_of(reply: Reply, tries: int, chance: float) -> Ending:
    """Tell what a reply means: 2xx alone is success, 410 ends the subscription, all else is tried again in time."""
    if reply.status is None:
        return Ending(error=reply.error, retry_in=retry_in(tries, chance))
    if HTTPStatus.OK <= reply.status < HTTPStatus.MULTIPLE_CHOICES:
        return Ending(status=reply.status, delivered=True)
    if reply.status == HTTPStatus.GONE:
        return Ending(status=reply.status, error="gone", disable="410 Gone")
    redirected = HTTPStatus.MULTIPLE_CHOICES <= reply.status < HTTPStatus.BAD_REQUEST
    pause = retry_in(tries, chance, reply.retry_after, reply.status)
    return Ending(status=reply.status, error="redirect-not-followed" if redirected else "refused", retry_in=pause)


@asynccontextmanager
async def _open_round(pool: Pool, receivers: Receivers) -> AsyncIterator[Round]:
    opened = Round(pool, receivers)
    try:
        yield opened
    finally:
        await opened.leave()
        await receivers.close()
