"""其他渠道: what apprise can reach (extra `whistle[apprise]`). Best effort: it reads no answer beyond the HTTP status.

The address is an apprise URL. A robot that answers 200 and refuses in its body counts as delivered here.

Whoever keeps a roster writes addresses, and apprise connects to whatever one says: within our own network too. So
nothing is reached but the services that the administrator lists, and of one that is listed with a server, that server.
"""

import asyncio
from collections.abc import Sequence
from importlib import import_module
from typing import Any, ClassVar

from activities.channels.protocol import Message, PermanentError, TransientError


class AppriseExtra:
    """Any of apprise's services."""

    keyed: ClassVar[bool] = False
    by_address: ClassVar[bool] = True
    text_bytes: ClassVar[int | None] = None

    def __init__(self, services: Sequence[str]) -> None:
        """Reach these services alone: `wxpusher://`, or `gotifys://push.example.org` at that server."""
        self._services = frozenset(services)

    async def send(self, message: Message) -> None:
        """Send it; apprise gives no reason, so that every failure may pass and is in doubt."""
        # In a thread: the first time it loads a hundred services.
        sender = await asyncio.to_thread(_sender_to, message.address, self._services)
        if not await sender.async_notify(title=message.subject, body=message.text):
            raise TransientError("apprise-failed", doubtful=True)

    async def close(self) -> None:
        """Nothing stays open."""


def _sender_to(address: str, services: frozenset[str]) -> Any:  # noqa: ANN401 - of a library that need not be there
    # A section that asks for it where it is not installed is refused before (`sections`).
    library = import_module("apprise")
    # One service: `Apprise.add` would take several that stand in one address, with commas between.
    service = library.Apprise.instantiate(address)
    if service is None:
        raise PermanentError("address-invalid")
    if not _is_listed(address, service, services):
        raise PermanentError("address-refused")
    sender = library.Apprise()
    sender.add(service)
    return sender


def _is_listed(address: str, service: Any, services: frozenset[str]) -> bool:  # noqa: ANN401 - as above
    scheme = f"{address.partition('://')[0].lower()}://"
    server = f"{scheme}{str(service.host or '').lower()}" + (f":{service.port}" if service.port else "")
    # Some services take another server out of the query.
    return scheme in services or (server in services and "?" not in address)
