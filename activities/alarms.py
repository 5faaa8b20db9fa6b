"""Telling the administrators what fails for good and which channel is down: once an hour of each."""

import asyncio
import time

from storage.notices import ALERTS_AGAIN_AFTER, alert
from storage.pool import Pool


class Alarms:
    """The alarms of one round; what it has raised it does not ask the store about again."""

    def __init__(self, pool: Pool) -> None:
        """Have raised none."""
        self._pool = pool
        self._raised: dict[tuple[str, str, str | None], float] = {}
        self._raising = asyncio.Lock()

    async def sound(
        self, template: str, text: str, delivery_id: int, *, channel: str, error: str, recipient: str | None = None
    ) -> bool:
        """Tell of a channel, or of one recipient in it; tells whether anybody was told."""
        key = (template, channel, recipient)
        async with self._raising:
            now = time.monotonic()
            if now - self._raised.get(key, -ALERTS_AGAIN_AFTER.total_seconds()) < ALERTS_AGAIN_AFTER.total_seconds():
                return False
            fields = {"channel": channel, "error": error} | ({"recipient": recipient} if recipient else {})
            told = await alert(self._pool, delivery_id, template, text, fields)
            self._raised[key] = now
            return told
