"""What subscribers are sent, and when it is tried again (Standard Webhooks: operational considerations)."""

from datetime import datetime, timedelta
from typing import Any

from domain.events import EVENTS
from domain.values import Frozen
from domain.vocabulary import Role, State

EVERYTHING = "*"
MESSAGE_TYPE = "whistle.event"
RETRIES = (
    timedelta(seconds=5),
    timedelta(minutes=5),
    timedelta(minutes=30),
    timedelta(hours=2),
    timedelta(hours=5),
    timedelta(hours=10),
    timedelta(hours=14),
    timedelta(hours=20),
    timedelta(hours=24),
)
"""The pauses after each failed attempt; the first attempt is made at once, and the tenth is the last."""
JITTER = 0.1
LONGEST_PAUSE = timedelta(hours=24)
_MAY_SAY_WHEN = (429, 503)


class Sent(Frozen):
    """What one round did: attempts that were answered 2xx, and others."""

    delivered: int = 0
    failed: int = 0

    def __add__(self, other: "Sent") -> "Sent":
        """Count both."""
        return Sent(delivered=self.delivered + other.delivered, failed=self.failed + other.failed)


class Part(Frozen):
    """Who acted, as subscribers are told: never by name."""

    role: Role
    organisation: str | None = None


class Told(Frozen):
    """One event as subscribers are told of it, without private fields.

    `state` and `version` are those after the command that the event belongs to; `merged` lists the subscriber's own
    whistles that follow this one.
    """

    whistle_id: str
    serial: str
    sequence: int
    type: str
    at: datetime
    actor: Part
    summary: str
    state: State
    version: int
    data: dict[str, Any]
    merged: tuple[str, ...] = ()


class Message(Frozen):
    """The body of an outbound webhook."""

    type: str = MESSAGE_TYPE
    timestamp: datetime
    data: Told

    @classmethod
    def of(cls, told: Told) -> "Message":
        """Wrap one event."""
        return cls(timestamp=told.at, data=told)


def retry_in(tries: int, chance: float, asked: timedelta | None = None, status: int | None = None) -> timedelta | None:
    """Give the pause after that many failed tries, None when the last one was made.

    `chance` (0 to 1) spreads it by up to a tenth; a Retry-After with a 429 or 503 makes it longer, at most 24 h.
    """
    if tries > len(RETRIES):
        return None
    pause = RETRIES[tries - 1] * (1 + JITTER * chance)
    if asked is None or status not in _MAY_SAY_WHEN:
        return pause
    return max(pause, min(asked, LONGEST_PAUSE))


def unknown_events(events: tuple[str, ...]) -> list[str]:
    """Name what is no event type; `*` alone stands for all of them."""
    return [] if events == (EVERYTHING,) else [name for name in events if name not in EVENTS]
