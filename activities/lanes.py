"""One channel's lane: how much may be under way in it, who rests, and whether it works at all."""

import time
from collections import Counter, deque
from datetime import datetime, timedelta

from activities.channels.opening import Configured
from storage.notice_deliveries import Parcel, Places

COMBINED = 10
"""Ordinary notices that may go to one address in one message, where the channel allows it."""
PROBES = 2
"""Attempts at once in a channel whose last attempt failed."""
EACH = 2
"""Attempts at once to one address where each has a server of its own: one that hangs leaves room for the others."""
LONGEST_REST_S = 30.0
_FIRST_REST_S = 0.5
_FAILURES_BEFORE_A_SHARED_REST = 2
_PUT_OFF_S = 0.2
_RESERVE = 0.2
_MINUTE_S = 60.0


class Lane:
    """What one channel has under way. A lane never waits for another."""

    def __init__(self, configured: Configured) -> None:
        """Begin with nothing under way."""
        self.name, self.section, self.channel = configured
        self.failing_since: float | None = None
        self._under_way: Counter[str] = Counter()
        self._rests_until: dict[str, float] = {}
        self._failures: Counter[str] = Counter()
        self._sent: dict[str, deque[float]] = {}

    def places(self, now: datetime) -> list[Places]:
        """Tell how many deliveries may be claimed; one place is kept for emergencies, and all of them by night."""
        most = min(self.section.at_once, PROBES) if self.failing_since and not self.channel.by_address else None
        room = (most or self.section.at_once) - self._under_way.total()
        if not self.channel.by_address:
            room = 0 if self._rests("") else min(room, self._allowed("", urgent=True))
        ordinary = room - 1 if self.section.at_once > 1 else room
        if self.section.quiet and self.section.quiet.cover(now):
            ordinary = 0
        ordinary *= COMBINED if self.section.combines else 1
        found = (
            Places(channel=self.name, urgent=True, places=room),
            Places(channel=self.name, urgent=False, places=ordinary),
        )
        return [one for one in found if one.places > 0]

    def resting(self) -> list[str]:
        """Name the `channel recipient`s that nothing is claimed for."""
        if not self.channel.by_address:
            return []
        known = {*self._rests_until, *self._sent, *self._under_way}
        return [f"{self.name} {one}" for one in known if self._is_full(one)]

    def wait_s(self, parcel: Parcel) -> float:
        """Give the seconds that this delivery must wait for room or for the rate; 0 lets it go and counts it."""
        key = self._key(parcel.recipient)
        # A claim asks for both kinds at once; what is urgent comes first and may take all the room.
        is_full = self._under_way.total() >= self.section.at_once
        if is_full or (self.channel.by_address and self._under_way[key] >= EACH):
            return _PUT_OFF_S
        if self._allowed(key, urgent=parcel.urgent) > 0:
            if self.section.per_minute is not None:
                self._sent.setdefault(key, deque()).append(time.monotonic())
            return 0.0
        sent = self._sent.get(key)
        return max(sent[0] + _MINUTE_S - time.monotonic(), 0.5) if sent else 1.0

    def begin(self, recipient: str) -> None:
        """Note that an attempt is under way."""
        self._under_way[recipient] += 1

    def end(self, recipient: str) -> None:
        """Note that it is over."""
        self._under_way[recipient] -= 1
        if not self._under_way[recipient]:
            del self._under_way[recipient]

    def succeed(self, recipient: str) -> bool:
        """Note a success; tell whether its address, or the channel where all share one server, works again."""
        key = self._key(recipient)
        self._rests_until.pop(key, None)
        self.failing_since = None
        return self._failures.pop(key, 0) > 0

    def fail(self, recipient: str, asked: timedelta | None) -> None:
        """Note a failure that may pass: its address, or the channel where all share one server, rests for a while.

        A shared channel rests where it was `asked` to, or when failures follow each other.
        """
        key = self._key(recipient)
        self.failing_since = self.failing_since or time.monotonic()
        self._failures[key] += 1
        past = self._failures[key] - (0 if self.channel.by_address else _FAILURES_BEFORE_A_SHARED_REST)
        rest_s = min(_FIRST_REST_S * 2 ** (past - 1), LONGEST_REST_S) if past > 0 else 0.0
        rest_s = max(rest_s, asked.total_seconds() if asked else 0.0)
        if rest_s:
            self._rests_until[key] = time.monotonic() + rest_s

    def _is_full(self, recipient: str) -> bool:
        busy = self._under_way[recipient] >= EACH or not self._allowed(recipient, urgent=True)
        return busy or self._rests(recipient)

    def _key(self, recipient: str) -> str:
        return recipient if self.channel.by_address else ""

    def _rests(self, key: str) -> bool:
        until = self._rests_until.get(key)
        if until is not None and until <= time.monotonic():
            del self._rests_until[key]
            return False
        return until is not None

    def _allowed(self, key: str, *, urgent: bool) -> int:
        if self.section.per_minute is None:
            return self.section.at_once
        sent, since = self._sent.setdefault(key, deque()), time.monotonic() - _MINUTE_S
        while sent and sent[0] <= since:
            sent.popleft()
        kept = 0 if urgent else int(self.section.per_minute * _RESERVE)
        return max(self.section.per_minute - kept - len(sent), 0)
