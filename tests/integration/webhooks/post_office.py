"""The delivering activity on a real PostgreSQL, without Temporal: it runs for the length of a block."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress
from datetime import timedelta
from ipaddress import ip_network
from typing import Any

from temporalio.testing import ActivityEnvironment

from activities.receivers import Receivers, Resolve
from activities.webhooks import WebhookActivities
from domain.delivery import DeliveryRound
from starter.signing import fresh_secret
from storage.pool import Pool
from storage.webhook_deliveries import Delivery, list_deliveries
from storage.webhooks import NewWebhook, Subscribed, subscribe
from tests.patience import until

LOOPBACK = (ip_network("127.0.0.0/8"),)
PATIENCE_S = 15.0


async def subscribed(
    pool: Pool,
    url: str,
    *events: str,
    name: str = "wh_one",
    source_system: str | None = None,
    organisation: str | None = None,
) -> Subscribed:
    """Subscribe to events, by default to all."""
    new = NewWebhook(
        id=name,
        owner="admin",
        source_system=source_system,
        organisation=organisation,
        url=url,
        events=events or ("*",),
        secret=fresh_secret(),
        request_hash="",
    )
    return await subscribe(pool, new)


@asynccontextmanager
async def delivering(
    pool: Pool,
    *,
    listed: Sequence[Any] = LOOPBACK,
    resolve: Resolve | None = None,
    patience: timedelta = timedelta(seconds=2),
) -> AsyncIterator[ActivityEnvironment]:
    """Deliver while the block runs, then shut down as a worker would."""
    environment = ActivityEnvironment()
    activities = WebhookActivities(pool, Receivers(listed, resolve=resolve, timeout=patience))
    running = asyncio.create_task(
        environment.run(activities.deliver_webhooks, DeliveryRound(length=timedelta(minutes=1)))
    )
    try:
        yield environment
    finally:
        environment.worker_shutdown()
        with suppress(asyncio.CancelledError):
            await running


async def the_delivery(pool: Pool, webhook_id: str = "wh_one") -> Delivery:
    """The newest delivery of a subscription."""
    return (await list_deliveries(pool, webhook_id))[0]


async def settled(pool: Pool, webhook_id: str = "wh_one", attempts: int = 1) -> Delivery:
    """Wait until the newest delivery had so many attempts that ended."""

    async def ended() -> bool:
        found = await list_deliveries(pool, webhook_id)
        return bool(found) and sum(a.ended_at is not None for a in found[0].attempts) >= attempts

    await until(ended)
    return await the_delivery(pool, webhook_id)
