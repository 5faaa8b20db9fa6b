"""Waiting for what others do: other tasks and processes set no event here, so one looks until it holds."""

import asyncio
import inspect
from collections.abc import Awaitable, Callable
from typing import TypeVar

WITHIN_S = 60.0
LOOK_EVERY_S = 0.05
T = TypeVar("T")


async def until(holds: Callable[[], T | Awaitable[T]], within_s: float = WITHIN_S) -> T:
    """Look until something holds and give what it gave; raises TimeoutError."""
    async with asyncio.timeout(within_s):
        while True:
            looked = holds()
            found: T = await looked if inspect.isawaitable(looked) else looked
            if found:
                return found
            await asyncio.sleep(LOOK_EVERY_S)
