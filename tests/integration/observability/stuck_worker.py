"""The worker, but for one planted fault. Started by tests alone.

The outbox activity never ends: `deaf` heeds no cancellation, `hanging` blocks the event loop, `full` is deaf with one
activity slot. `fatal`: the core cannot poll any more.
"""

import asyncio
import sys
import time
from contextlib import suppress

from temporalio import activity
from temporalio.bridge.worker import Worker as Core

import worker
from activities.outbox import OutboxActivities
from domain.delivery import Delivered, DeliveryRound


class StuckOutbox(OutboxActivities):
    """Takes the round, and never gives it back."""

    @activity.defn(name="deliver_outbox")
    async def deliver_outbox(self, delivery: DeliveryRound) -> Delivered:
        """Say so, and stay."""
        worker.log.info("stuck", length_s=delivery.length.total_seconds())
        if "hanging" in sys.argv:
            time.sleep(1_000_000)  # noqa: ASYNC251 - the fault itself
        while True:
            with suppress(asyncio.CancelledError):
                await asyncio.Event().wait()


async def cannot_poll(_core: Core) -> None:
    """Fail as the core does for good."""
    message = "poll failure: PermissionDenied"
    raise RuntimeError(message)


if __name__ == "__main__":
    worker.OutboxActivities = StuckOutbox
    if "full" in sys.argv:
        worker.ACTIVITIES = 1
    if "fatal" in sys.argv:
        Core.poll_activity_task = cannot_poll
    worker.main()
