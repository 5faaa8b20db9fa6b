"""Which function folds which event into what the figures see."""

from collections.abc import Callable
from datetime import datetime
from typing import Any

from domain import events as e
from domain.figures.history import History
from domain.limits import Deadline
from domain.records import Record

Handler = Callable[[History, Any, Record], None]
HANDLERS: dict[type[e.Event], Handler] = {}


def on(kind: type[e.Event]) -> Callable[[Handler], Handler]:
    """Register the function that folds a kind of event."""

    def register(handler: Handler) -> Handler:
        HANDLERS[kind] = handler
        return handler

    return register


def due(deadline: Deadline | None) -> datetime | None:
    """Give a deadline's limit."""
    return deadline.due_at if deadline else None
