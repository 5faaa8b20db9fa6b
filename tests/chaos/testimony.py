"""What callers were told, and how soon deadlines struck, held against what was found: pure rules as in `invariants`."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, NamedTuple

from domain.clocks import next_strike
from domain.events import ClockStruck
from domain.evolve import evolve
from domain.submission import STRIKE
from tests.chaos.invariants import Found

if TYPE_CHECKING:
    from domain.whistle import Whistle


class Witness(NamedTuple):
    """What callers of the gateway know of one whistle."""

    acknowledged: Mapping[str, int]
    """The version of the view by which each command was acknowledged."""
    refused: frozenset[str]
    """Commands that were refused, and whose outcome is therefore known."""


class Trouble(NamedTuple):
    """A time in which not everything worked."""

    began: datetime
    ended: datetime


class Lateness(NamedTuple):
    """A strike: by how much it was late in all, and by how much without an excuse."""

    strike: str
    late: timedelta
    unexcused: timedelta


def acknowledged_once(found: Found, told: Witness) -> Iterator[str]:
    """Every command that was answered 2xx is in the audit trail exactly once, at or before the version shown."""
    stored = Counter(c.command_id for c in found.commands)
    rows = {c.command_id: c for c in found.commands}
    spoken_of = {r.command_id for r in found.records}
    for command_id, version in told.acknowledged.items():
        if stored[command_id] != 1:
            yield f"{command_id} was answered 2xx and is stored {stored[command_id]} times"
        elif rows[command_id].last > version:
            yield f"{command_id} was acknowledged at version {version} and ends at {rows[command_id].last}"
        elif rows[command_id].first is not None and command_id not in spoken_of:
            yield f"{command_id} was answered 2xx and is not in the trail"


def refused_never_stored(found: Found, told: Witness) -> Iterator[str]:
    """No command that was refused has left a trace."""
    traces = {c.command_id for c in found.commands} | {r.command_id for r in found.records}
    yield from (f"{command_id} was refused and is stored" for command_id in sorted(told.refused & traces))


def no_deadline_is_overtaken(found: Found, _told: Witness) -> Iterator[str]:
    """Whatever was due before a command came has struck before it: none is missing."""
    whistle: Whistle | None = None
    begun: str | None = None
    for record in found.records:
        due = next_strike(whistle) if whistle and not whistle.ended else None
        opens = record.command_id != begun
        if due and opens and due.at <= record.at and not record.command_id.startswith(f"{STRIKE}/"):
            yield f"{record.command_id} of {record.at} came before {due}"
        begun = record.command_id
        whistle = evolve(whistle, record)


RULES = (acknowledged_once, refused_never_stored, no_deadline_is_overtaken)


def contradictions(found: Found, told: Witness) -> list[str]:
    """Give a sentence for each thing that callers know better."""
    return [f"{found.whistle_id}: {breach}" for rule in RULES for breach in rule(found, told)]


def latenesses(found: Found, troubles: Sequence[Trouble], recovery: timedelta) -> Iterator[Lateness]:
    """Measure every strike; time in trouble, and the recovery after each, excuses."""
    excuses = merged([Trouble(t.began, t.ended + recovery) for t in troubles])
    for record in found.records:
        if isinstance(record.event, ClockStruck):
            due = record.event.due_at
            excused = sum((_overlap(excuse, due, record.at) for excuse in excuses), timedelta())
            late = record.at - due
            yield Lateness(f"{found.whistle_id} {record.command_id}", late, late - excused)


def merged(troubles: Sequence[Trouble]) -> list[Trouble]:
    """Join those that overlap."""
    joined: list[Trouble] = []
    for one in sorted(troubles):
        if joined and one.began <= joined[-1].ended:
            joined[-1] = Trouble(joined[-1].began, max(joined[-1].ended, one.ended))
        else:
            joined.append(one)
    return joined


def _overlap(one: Trouble, began: datetime, ended: datetime) -> timedelta:
    return max(timedelta(), min(one.ended, ended) - max(one.began, began))
