"""日志: where a notice goes whom nobody has said how to deliver; a line of codes, never the words."""

from typing import ClassVar

import structlog

from activities.channels.protocol import Message

log = structlog.get_logger("notices")


class Log:
    """The log of the worker."""

    keyed: ClassVar[bool] = False
    by_address: ClassVar[bool] = False
    text_bytes: ClassVar[int | None] = None

    async def send(self, message: Message) -> None:
        """Write a line: the text is made for its audience, and logs hold codes and references alone."""
        log.info("notice", notice=message.key, recipient=message.recipient, urgent=message.urgent)

    async def close(self) -> None:
        """Nothing is open."""
