"""What a channel is: it sends a message once, and says by two errors what became of one that it could not send."""

from datetime import datetime, timedelta
from typing import ClassVar, Protocol

from domain.values import Frozen


class Message(Frozen):
    """One message to one address; `key` is the same at every attempt."""

    key: str
    address: str
    recipient: str
    subject: str
    text: str
    short: str
    urgent: bool
    at: datetime


class TransientError(Exception):
    """It may work later. `doubtful`: the message may have arrived all the same."""

    def __init__(self, reason: str, *, doubtful: bool = False, retry_after: timedelta | None = None) -> None:
        """Keep a word for the log, never an address or a secret, and what the receiver asked for."""
        super().__init__(reason)
        self.reason = reason
        self.doubtful = doubtful
        self.retry_after = retry_after


MENDED_AFTER = timedelta(minutes=1)
"""How soon a channel that was refused its own credentials asks again: a provider may lock who asks often [P]."""


class MisconfiguredError(TransientError):
    """The channel's own credentials or settings are refused: everything goes out once `channels.toml` is mended."""

    def __init__(self, reason: str) -> None:
        """Keep a word for the log, never a secret."""
        super().__init__(reason, retry_after=MENDED_AFTER)


class PermanentError(Exception):
    """It will never work: the address or the message is refused."""

    def __init__(self, reason: str) -> None:
        """Keep a word for the log, never an address or a secret."""
        super().__init__(reason)
        self.reason = reason


class Channel(Protocol):
    """A way to tell people. Retries are none of its business."""

    keyed: ClassVar[bool]
    """Whether the receiving side can tell a repetition by the message's key."""
    by_address: ClassVar[bool]
    """Whether each address has a rate limit, a server and an outage of its own, as group robots have."""
    text_bytes: ClassVar[int | None]
    """How much text one message holds; None: more than anybody writes."""

    async def send(self, message: Message) -> None:
        """Send it, once; raises TransientError or PermanentError."""

    async def close(self) -> None:
        """Close its connections."""


def clipped(text: str, most_bytes: int) -> str:
    """Cut a text to that many bytes of UTF-8, on a character."""
    encoded = text.encode()
    if len(encoded) <= most_bytes:
        return text
    return encoded[: most_bytes - 3].decode(errors="ignore") + "…"
