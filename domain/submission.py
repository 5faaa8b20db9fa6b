"""A command as it arrives: who sends it, under which id, and what of it travels by reference.

The argument of a Temporal update is one object: the command's own fields plus `actor`,
`command_id` and, where the private fields were stored first, `private_ref`.
"""

import hashlib
import json
from datetime import datetime
from functools import cache
from typing import Any, Self

from pydantic import ValidationError, create_model

from domain.clocks import Strike
from domain.commands import COMMANDS, Command, command_fields
from domain.errors import FieldError, InvalidError
from domain.values import Actor, CommandId, Frozen, private_fields
from domain.vocabulary import Phase, Point

STRIKE = "strike"


class Submission(Frozen):
    """A parsed command with its sender; `private_ref` says its private fields lie in the store."""

    name: str
    actor: Actor
    command_id: CommandId
    command: Command
    private_ref: str | None = None


class _Envelope(Frozen):
    actor: Actor
    command_id: CommandId
    private_ref: str | None = None


class StrikeClock(Frozen):
    """What a timer asks of the store when a clock's next point is due; a command like any other."""

    phase: Phase
    point: Point
    due_at: datetime
    responder: str | None = None
    round: int = 1

    @classmethod
    def of(cls, strike: Strike, round_: int) -> Self:
        """Ask for this strike of a whistle's round."""
        return cls(phase=strike.phase, point=strike.point, due_at=strike.at, responder=strike.responder, round=round_)

    @property
    def command_id(self) -> str:
        """The id under which this strike happens once: clock, responder, level, round and due time."""
        parts = (STRIKE, self.phase, self.responder or "-", self.point, str(self.round), self.due_at.isoformat())
        return "/".join(parts)


def parse(name: str, argument: object) -> Submission:
    """Read an update argument; raises InvalidError with every field that is wrong."""
    model = COMMANDS.get(name)
    if model is None:
        raise InvalidError.of("", f"there is no command {name}")
    if not isinstance(argument, dict):
        raise InvalidError.of("", "the argument must be one object")
    envelope, errors = _envelope(argument)
    shape = without_private(model) if argument.get("private_ref") else model
    try:
        command = shape.model_validate(command_fields(argument))
    except ValidationError as error:
        raise InvalidError([*errors, *InvalidError.from_validation(error).errors]) from None
    if envelope is None:
        raise InvalidError(errors)
    return Submission(name=name, command=command, **dict(envelope))


def _envelope(argument: dict[str, Any]) -> tuple[_Envelope | None, list[FieldError]]:
    given = {k: v for k, v in argument.items() if k in _Envelope.model_fields}
    try:
        return _Envelope.model_validate(given), []
    except ValidationError as error:
        return None, InvalidError.from_validation(error).errors


@cache
def without_private(model: type[Command]) -> type[Command]:
    """Derive the model of a command whose private fields travel by reference, hence are absent."""
    absent: dict[str, Any] = dict.fromkeys(private_fields(model), (None, None))
    return create_model(model.__name__, __base__=model, **absent)


def split(command: Command) -> tuple[dict[str, Any], dict[str, Any]]:
    """Part a command's fields into those that may travel and those that stay in the store."""
    fields = command.model_dump(mode="json", exclude_unset=True)
    hidden = private_fields(type(command))
    open_part = {k: v for k, v in fields.items() if k not in hidden}
    return open_part, {k: v for k, v in fields.items() if k in hidden and v not in (None, [])}


def content_hash(name: str, fields: dict[str, Any]) -> str:
    """Identify the whole content of a command or registration, private fields included."""
    canonical = json.dumps([name, fields], sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return hashlib.sha256(canonical.encode()).hexdigest()


def command_hash(name: str, command: Command) -> str:
    """Identify a whole command, however its optional fields were written."""
    return content_hash(name, command.model_dump(mode="json", exclude_none=True, exclude_defaults=True))
