"""How many requests a second a caller may make: of each key its own, whoever sends it; of no key, of each address.

Counted in this process alone: with several gateways behind one address, each allows the whole limit.
"""

import math
import time

from limits import RateLimitItemPerSecond
from limits.aio.storage import MemoryStorage
from limits.aio.strategies import SlidingWindowCounterRateLimiter

from starter.gateway.problems import TooManyRequestsError


class Limiter:
    """Counts requests by caller."""

    def __init__(self, per_second: int) -> None:
        """Allow each caller this many requests a second."""
        self._item = RateLimitItemPerSecond(per_second)
        self._strategy = SlidingWindowCounterRateLimiter(MemoryStorage())

    async def hit(self, caller: str) -> None:
        """Count one request; raises TooManyRequestsError over the limit."""
        if await self._strategy.hit(self._item, caller):
            return
        window = await self._strategy.get_window_stats(self._item, caller)
        raise TooManyRequestsError(max(1, math.ceil(window.reset_time - time.time())))
