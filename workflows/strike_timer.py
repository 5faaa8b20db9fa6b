"""The one timer of a whistle, armed for the earliest clock (design.md 4)."""

import asyncio
from collections.abc import Callable
from datetime import datetime, timedelta

from temporalio import workflow

from domain.clocks import Strike

_ROUNDED_UP = timedelta(milliseconds=1)


class StrikeTimer:
    """Wakes its whistle at the next strike or before it, never after.

    A strike that moves later or goes away leaves the timer as it is: ringing early costs less than replacing it.
    """

    def __init__(self) -> None:
        """Begin unarmed."""
        self._sleep: asyncio.Task[None] | None = None
        self._rings_at: datetime | None = None

    @property
    def rang(self) -> bool:
        """Whether it rang since it was armed."""
        return self._sleep is not None and self._sleep.done()

    def arm(self, strike: Strike | None, summarise: Callable[[Strike], str]) -> None:
        """See to it that the timer rings by the time of this strike, which lies in the future."""
        if self.rang:
            self._sleep = None
        if strike is None or (self._sleep and self._rings_at and self._rings_at <= strike.at):
            return
        if self._sleep:
            self._sleep.cancel()
        delay = strike.at - workflow.now() + _ROUNDED_UP
        self._rings_at = strike.at
        self._sleep = asyncio.create_task(workflow.sleep(delay, summary=summarise(strike)))
