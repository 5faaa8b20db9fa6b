"""Waiting in an activity: for what wakes it, no longer than a pause, and never past the worker's shutdown."""

import asyncio
from datetime import timedelta

from temporalio import activity


async def until_set(woken: asyncio.Event, longest: timedelta) -> None:
    """Wait until the event is set, the pause is over, or the worker shuts down."""
    hearing = asyncio.ensure_future(woken.wait())
    shutdown = asyncio.ensure_future(activity.wait_for_worker_shutdown())
    try:
        await asyncio.wait({hearing, shutdown}, timeout=longest.total_seconds(), return_when=asyncio.FIRST_COMPLETED)
    finally:
        hearing.cancel()
        shutdown.cancel()
