"""其他渠道: what apprise can reach (extra `whistle[apprise]`). Best effort: it reads no answer beyond the HTTP status.

The address is an apprise URL. A robot that answers 200 and refuses in its body counts as delivered here.
"""

import asyncio
from importlib import import_module
from typing import Any, ClassVar

from activities.channels.protocol import Message, PermanentError, TransientError


class AppriseExtra:
    """Any of apprise's services."""

    keyed: ClassVar[bool] = False
    by_address: ClassVar[bool] = True
    text_bytes: ClassVar[int | None] = None

    async def send(self, message: Message) -> None:
        """Send it; apprise gives no reason, so that every failure may pass and is in doubt."""
        # In a thread: the first time it loads a hundred services.
        sender = await asyncio.to_thread(_sender_to, message.address)
        if not await sender.async_notify(title=message.subject, body=message.text):
            raise TransientError("apprise-failed", doubtful=True)

    async def close(self) -> None:
        """Nothing stays open."""


def _sender_to(address: str) -> Any:  # noqa: ANN401 - of a library that need not be there
    # A section that asks for it where it is not installed is refused before (`sections`).
    sender = import_module("apprise").Apprise()
    if not sender.add(address):
        raise PermanentError("address-invalid")
    return sender
