"""The result of a whistle's workflow."""

from domain.values import Frozen
from domain.vocabulary import Outcome, State


class WhistleEnd(Frozen):
    """How a whistle ended."""

    state: State
    outcome: Outcome | None
    version: int
