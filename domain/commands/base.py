"""What every command may carry."""

import re
from typing import Annotated, ClassVar

from pydantic import Field

from domain.values import PRIVATE, Evidence, Frozen, Slug, Text
from domain.vocabulary import Outcome

Exhibits = Annotated[tuple[Evidence, ...], PRIVATE, Field(max_length=50)]

CHECK_OUTCOMES = (
    Outcome.RESOLVED,
    Outcome.PARTLY,
    Outcome.NOT_FEASIBLE,
    Outcome.UNFOUNDED,
    Outcome.TRANSFERRED,
    Outcome.CASE_FILED,
)


def require(condition: object, message: str) -> None:
    """Refuse a command whose fields do not fit each other."""
    if not condition:
        raise ValueError(message)


def require_distinct(responders: tuple[str, ...]) -> None:
    """Refuse a list that names a responder twice."""
    require(len(set(responders)) == len(responders), "a responder is named twice")


class Command(Frozen):
    """What every command may carry."""

    label: ClassVar[str]
    note: Annotated[Text | None, PRIVATE] = None

    @classmethod
    def wire_name(cls) -> str:
        """Name the command as updates do: `ReportHandling` is `report_handling`."""
        return re.sub(r"(?<!^)(?=[A-Z])", "_", cls.__name__).lower()


class OfResponder(Command):
    """A command about one responder's report-in."""

    responder: Slug
