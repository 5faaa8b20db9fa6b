"""Events as they are stored and as they travel: records, and the commit one command leaves."""

from typing import Any

from pydantic import AwareDatetime

from domain.events import EVENTS, Event
from domain.values import Actor, Frozen, compact


class Record(Frozen):
    """One event as stored: its place in the trail, when, by whom, and under which command."""

    sequence: int
    at: AwareDatetime
    actor: Actor
    command_id: str
    event: Event

    @property
    def type(self) -> str:
        """The event's name on the wire."""
        return type(self.event).__name__


class Commit(Frozen):
    """All that one command added to the trail, in the small form that Temporal histories keep.

    `sequence` is that of the first event; `events` pairs each type with its data.
    """

    sequence: int
    at: AwareDatetime
    actor: Actor
    command_id: str
    events: tuple[tuple[str, dict[str, Any]], ...]

    @classmethod
    def of(cls, records: tuple[Record, ...]) -> "Commit":
        """Pack records that one command left; there is at least one."""
        first = records[0]
        events = tuple((r.type, compact(r.event)) for r in records)
        return cls(sequence=first.sequence, at=first.at, actor=first.actor, command_id=first.command_id, events=events)

    @property
    def records(self) -> tuple[Record, ...]:
        """Unpack the records."""
        return tuple(
            Record(
                sequence=self.sequence + i,
                at=self.at,
                actor=self.actor,
                command_id=self.command_id,
                event=event_of(kind, data),
            )
            for i, (kind, data) in enumerate(self.events)
        )


def event_of(kind: str, data: dict[str, Any]) -> Event:
    """Rebuild an event from its stored type and data; raises KeyError for a type never known."""
    return EVENTS[kind].model_validate(data)
