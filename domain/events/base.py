"""What every event is."""

from pydantic import Field

from domain.values import Frozen


class Event(Frozen):
    """A fact about one whistle."""

    names: dict[str, str] = Field(
        default={}, description="What organisations were called when the trail first spoke of them, by code."
    )


class OfResponderEvent(Event):
    """A fact about one responder's report-in."""

    responder: str
