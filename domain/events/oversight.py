"""Clocks, supervision and the five whistles (时限、督办、哨声)."""

from pydantic import AwareDatetime, Field

from domain.events.base import Event, OfResponderEvent
from domain.vocabulary import Phase, Point, SignalType, SupervisionLevel


class ClockStruck(Event):
    phase: Phase
    point: Point
    due_at: AwareDatetime
    responder: str | None = None


class OverdueMarked(OfResponderEvent):
    pass


class NoShowMarked(OfResponderEvent):
    pass


class SupervisionRaised(Event):
    number: int
    level: SupervisionLevel
    organisation: str
    phase: Phase | None = Field(default=None, description="The clock that raised it; None when raised by hand.")
    clock_started_at: AwareDatetime | None = None
    responder: str | None = None
    reason: str | None = None


class CirculationProposed(Event):
    """Five work days late without a word: 通报批评 is proposed to the supervisor [B6]."""

    organisation: str
    phase: Phase
    responder: str | None = None


class SupervisionAnswered(Event):
    number: int
    organisation: str


class SignalSounded(Event):
    signal: SignalType
    audience: tuple[str, ...]


class WhistleCancelled(Event):
    reason: str
