"""What the workflow and the store say to each other: one command in, commits and an answer out."""

from itertools import product
from typing import Any

from pydantic import AwareDatetime, Field, SerializerFunctionWrapHandler, model_serializer

from domain.records import Commit
from domain.submission import STRIKE
from domain.values import Frozen
from domain.vocabulary import Phase, Point, State
from domain.whistle import Whistle

ADOPT = "adopt"
"""Not a command: asks only for what is stored after the known sequence."""
RECORD = "record_command"


def activity_of(name: str, argument: dict[str, Any]) -> str:
    """Name the activity that asks the store: of a local one, Temporal's timeline shows the name alone."""
    if name == STRIKE:
        return f"strike_{argument['phase']}_{argument['point']}".lower()
    return ADOPT if name == ADOPT else RECORD


def every_activity() -> tuple[str, ...]:
    """List every name that `activity_of` gives."""
    strikes = (activity_of(STRIKE, {"phase": p.value, "point": q.value}) for p, q in product(Phase, Point))
    return (RECORD, ADOPT, *strikes)


class RecordInput(Frozen):
    """A command for the store; `at` is when the engine received it, `argument` the update's."""

    whistle_id: str
    known_sequence: int
    name: str
    argument: dict[str, Any] = {}
    at: AwareDatetime


class Answer(Frozen):
    """What the sender of a command is told: its last event's sequence, and the state after it."""

    sequence: int
    state: State
    version: int


class RecordOutput(Frozen):
    """The commits after the known sequence; without an answer they were another's: send the command again."""

    commits: tuple[Commit, ...] = ()
    answer: Answer | None = None
    more: bool = Field(default=False, description="Rows stand after these too: ask again from there.")


class WhistleInput(Frozen):
    """The workflow's input; the registration itself lies in the store."""

    whistle_id: str
    title: str
    carried: Whistle | None = Field(default=None, description="The value handed over by continue-as-new.")

    @model_serializer(mode="wrap")
    def _without_what_is_absent(self, handler: SerializerFunctionWrapHandler) -> dict[str, Any]:
        return {name: value for name, value in handler(self).items() if value is not None}
