"""What every event is."""

from domain.values import Frozen


class Event(Frozen):
    """A fact about one whistle."""


class OfResponderEvent(Event):
    """A fact about one responder's report-in."""

    responder: str
