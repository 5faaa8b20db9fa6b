"""The lanes of the channels: how much may be under way in each, who rests, and whether it works at all."""

import time
from collections import Counter, deque
from collections.abc import Iterator
from datetime import datetime, timedelta

from activities.channels.opening import Configured, open_channel
from activities.channels.shelf import ChannelShelf
from storage.notice_deliveries import Parcel, Places

COMBINED = 10
"""Ordinary notices that may go to one address in one message, where the channel allows it."""
PROBES = 2
"""Attempts at once in a channel whose last attempt failed."""
EACH = 2
"""Attempts at once to one address where each has a server of its own."""
GIVES_WAY_AFTER_S = 1.0
"""An attempt that takes longer leaves its place to other addresses; as many may so take long as there are places."""
LONGEST_REST_S = 30.0
LONGEST_ASKED = timedelta(hours=1)
"""Of what a provider may ask for: a wrong Retry-After must not silence a channel for days [P]."""
_FIRST_REST_S = 0.5
_FAILURES_BEFORE_A_SHARED_REST = 2
_FAILURES_OF_NO_OUTAGE = {True: 1, False: _FAILURES_BEFORE_A_SHARED_REST}
"""In a row: of an address with a server of its own, of a channel that all share."""
_PUT_OFF_S = 0.2
_RESERVE = 0.2
_MINUTE_S = 60.0


class Lane:
    """What one channel has under way. A lane never waits for another."""

    def __init__(self, configured: Configured) -> None:
        """Begin with nothing under way."""
        self.name, self.section, self.channel = configured
        self._begun: dict[str, list[float]] = {}
        self._rests_until: dict[str, float] = {}
        self._failures: Counter[str] = Counter()
        self._failing_since: dict[str, float] = {}
        self._sent: dict[str, deque[float]] = {}

    @property
    def is_idle(self) -> bool:
        """Whether nothing is under way."""
        return not self._begun

    def failed_for(self, recipient: str) -> timedelta:
        """Tell for how long nothing got through: to this address where each has a server of its own, else to any."""
        since = self._failing_since.get(self._key(recipient))
        return timedelta(seconds=time.monotonic() - since) if since is not None else timedelta()

    def places(self, now: datetime) -> list[Places]:
        """Tell how many deliveries may be claimed; one place is kept for emergencies, and all of them by night."""
        room = self._room()
        if not self.channel.by_address:
            room = 0 if self._rests("") else min(room, self._allowed("", urgent=True))
        ordinary = room - 1 if self.section.at_once > 1 else room
        if self.quiet_until(now):
            ordinary = 0
        each = COMBINED if self.section.combines else 1
        found = (
            Places(channel=self.name, urgent=True, places=room),
            Places(channel=self.name, urgent=False, places=ordinary, each=each),
        )
        return [one for one in found if one.places > 0]

    def quiet_until(self, now: datetime) -> datetime | None:
        """Tell when ordinary notices may go out again; None: now."""
        quiet = self.section.quiet
        return quiet.end_after(now) if quiet and quiet.cover(now) else None

    def resting(self) -> list[str]:
        """Name the `channel recipient`s that nothing is claimed for."""
        if not self.channel.by_address:
            return []
        known = {*self._rests_until, *self._sent, *self._begun}
        return [f"{self.name} {one}" for one in known if self._is_full(one)]

    def wait_s(self, parcel: Parcel) -> float:
        """Give the seconds that this delivery must wait for room or for the rate; 0 lets it go and counts it."""
        key = self._key(parcel.recipient)
        # A claim asks for both kinds at once; what is urgent comes first and may take all the room.
        if self._room() <= 0 or (self.channel.by_address and self._under_way(key) >= EACH):
            return _PUT_OFF_S
        if self._allowed(key, urgent=parcel.urgent) > 0:
            if self.section.per_minute is not None:
                self._sent.setdefault(key, deque()).append(time.monotonic())
            return 0.0
        sent = self._sent.get(key)
        return max(sent[0] + _MINUTE_S - time.monotonic(), 0.5) if sent else 1.0

    def begin(self, recipient: str) -> float:
        """Note that an attempt is under way, and name it for its end."""
        begun = time.monotonic()
        self._begun.setdefault(recipient, []).append(begun)
        return begun

    def end(self, recipient: str, begun: float) -> None:
        """Note that it is over."""
        self._begun[recipient].remove(begun)
        if not self._begun[recipient]:
            del self._begun[recipient]

    def succeed(self, recipient: str) -> bool:
        """Note a success; tell whether its address, or the channel where all share one server, works again.

        Not after a failure or two: where one message alone always fails, the others' success is no recovery.
        """
        key = self._key(recipient)
        self._rests_until.pop(key, None)
        self._failing_since.pop(key, None)
        return self._failures.pop(key, 0) > _FAILURES_OF_NO_OUTAGE[self.channel.by_address]

    def fail(self, recipient: str, asked: timedelta | None) -> None:
        """Note a failure that may pass: its address, or the channel where all share one server, rests for a while.

        A shared channel rests where it was `asked` to, or when failures follow each other.
        """
        key = self._key(recipient)
        self._failing_since.setdefault(key, time.monotonic())
        self._failures[key] += 1
        past = self._failures[key] - (0 if self.channel.by_address else _FAILURES_BEFORE_A_SHARED_REST)
        rest_s = min(_FIRST_REST_S * 2 ** (past - 1), LONGEST_REST_S) if past > 0 else 0.0
        rest_s = max(rest_s, min(asked, LONGEST_ASKED).total_seconds() if asked else 0.0)
        if rest_s:
            self._rests_until[key] = time.monotonic() + rest_s

    def _is_full(self, recipient: str) -> bool:
        busy = self._under_way(recipient) >= EACH or not self._allowed(recipient, urgent=True)
        return busy or self._rests(recipient)

    def _under_way(self, recipient: str) -> int:
        return len(self._begun.get(recipient, ()))

    def _room(self) -> int:
        begun = [at for attempts in self._begun.values() for at in attempts]
        if not self.channel.by_address:
            most = min(self.section.at_once, PROBES) if "" in self._failing_since else self.section.at_once
            return most - len(begun)
        slow = sum(at < time.monotonic() - GIVES_WAY_AFTER_S for at in begun)
        return self.section.at_once - len(begun) + min(slow, self.section.at_once)

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


class Lanes:
    """A lane for each channel in force; one whose section changed gives way to a new one and ends what it has begun."""

    def __init__(self, shelf: ChannelShelf) -> None:
        """Have none yet: `follow` opens them."""
        self._shelf = shelf
        self._lanes: dict[str, Lane] = {}
        self._leaving: list[Lane] = []

    def __iter__(self) -> Iterator[Lane]:
        """Go through them."""
        return iter(self._lanes.values())

    def __getitem__(self, name: str) -> Lane:
        """Give the lane of a channel."""
        return self._lanes[name]

    def quiet_until(self, now: datetime) -> dict[str, datetime]:
        """Tell which channels have quiet hours now, and when these end."""
        return {lane.name: until for lane in self if (until := lane.quiet_until(now))}

    @property
    def names(self) -> list[str]:
        """The channels in force."""
        return list(self._lanes)

    async def follow(self) -> list[str]:
        """Open the lanes of what is in force now, and tell which of them are new or other than before."""
        sections = self._shelf.current()
        fresh = [n for n, section in sections.items() if n not in self._lanes or self._lanes[n].section != section]
        for name in [*fresh, *(self._lanes.keys() - sections.keys())]:
            if name in self._lanes:
                self._leaving.append(self._lanes.pop(name))
        for name in fresh:
            channel = open_channel(sections[name], self._shelf.listed)
            self._lanes[name] = Lane(Configured(name, sections[name], channel))
        await self._let_go([lane for lane in self._leaving if lane.is_idle])
        return fresh

    async def close(self) -> None:
        """Close the connections of all."""
        await self._let_go([*self._leaving, *self._lanes.values()])
        self._lanes.clear()

    async def _let_go(self, lanes: list[Lane]) -> None:
        for lane in lanes:
            await lane.channel.close()
        self._leaving = [lane for lane in self._leaving if lane not in lanes]
