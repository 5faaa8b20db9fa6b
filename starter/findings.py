"""What an examination of the system finds, part by part, and what it advises."""

from collections.abc import Awaitable, Callable
from enum import StrEnum

from domain.values import Frozen
from settings import Settings
from starter.client import WhistleClient


class Health(StrEnum):
    """How a part is."""

    WELL = "well"
    WARNING = "warning"
    BROKEN = "broken"


class Finding(Frozen):
    """What was found on one part, and what to do about it."""

    part: str
    health: Health
    detail: str
    advice: str | None = None


Verdict = tuple[Health, str, str | None]
Examination = Callable[[WhistleClient, Settings], Awaitable[Verdict]]
