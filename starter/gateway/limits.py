"""How many requests a second a caller may make: of each key its own, whoever sends it; of no key, of each address.

Counted in this process alone: with several gateways behind one address, each allows the whole limit.
"""

import math
import time
from collections.abc import Callable
from typing import NamedTuple

from starter.gateway.problems import TooManyRequestsError


class _Counted(NamedTuple):
    second: int
    before: int
    now: int


class Limiter:
    """Counts requests by caller, over a window of one second that slides.

    What was counted in the second before weighs by the share of it that the window still covers.
    """

    def __init__(self, per_second: int, clock: Callable[[], float] = time.monotonic) -> None:
        """Allow each caller this many requests a second."""
        self._per_second = per_second
        self._clock = clock
        self._counted: dict[str, _Counted] = {}
        self._second = 0

    def hit(self, caller: str) -> None:
        """Count one request; raises TooManyRequestsError over the limit, and then counts none."""
        at = self._clock()
        second = math.floor(at)
        if second != self._second:
            self._forget(second)
        before, now = self._of(caller, second)
        if before * (1 - (at - second)) + now + 1 > self._per_second:
            raise TooManyRequestsError(1)
        self._counted[caller] = _Counted(second, before, now + 1)

    def _of(self, caller: str, second: int) -> tuple[int, int]:
        found = self._counted.get(caller, _Counted(second, 0, 0))
        return (found.before, found.now) if found.second == second else (found.now, 0)

    def _forget(self, second: int) -> None:
        self._second = second
        self._counted = {name: found for name, found in self._counted.items() if found.second >= second - 1}
