"""其他渠道: what apprise can reach (extra `whistle[apprise]`). Best effort: it reads no answer beyond the HTTP status.

The address is an apprise URL. A robot that answers 200 and refuses in its body counts as delivered here.
"""

from importlib import import_module
from typing import ClassVar

from activities.channels.protocol import Message, PermanentError, TransientError


class AppriseExtra:
    """Any of apprise's services."""

    keyed: ClassVar[bool] = False
    by_address: ClassVar[bool] = True
    text_bytes: ClassVar[int | None] = None

    def __init__(self) -> None:
        """Load the extra; a section that asks for it without it is refused before (`sections`)."""
        self._apprise = import_module("apprise")

    async def send(self, message: Message) -> None:
        """Send it; apprise gives no reason, so that every failure may pass and is in doubt."""
        sender = self._apprise.Apprise()
        if not sender.add(message.address):
            raise PermanentError("address-invalid")
        if not await sender.async_notify(title=message.subject, body=message.text):
            raise TransientError("apprise-failed", doubtful=True)

    async def close(self) -> None:
        """Nothing stays open."""
