"""Every command of the table as an update with a validator: one mechanism, so that none can be forgotten."""

import inspect
from typing import Any, Protocol, TypeVar

from temporalio import workflow

from domain.commands import COMMANDS, Command
from domain.ledger import Answer


class Commanded(Protocol):
    """A workflow that takes commands."""

    def validate(self, name: str, argument: object) -> None:
        """Refuse a command before it costs any history."""

    async def perform(self, name: str, argument: dict[str, Any]) -> Answer:
        """Store a command that was not refused."""


CommandedT = TypeVar("CommandedT", bound=type[Commanded])


def commands_as_updates(cls: CommandedT) -> CommandedT:
    """Give the class one update per command, under the command's wire name; to be applied before `workflow.defn`."""
    for name, update in _UPDATES.items():
        setattr(cls, f"update_{name}", update)
    return cls


def _update(name: str, command: type[Command]) -> object:
    # `self` stays without annotation: the SDK takes an annotated one for an argument.
    async def handle(self, argument: Any) -> Answer:  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN401
        answer: Answer = await self.perform(name, argument)
        return answer

    def validate(self, argument: Any) -> None:  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN401
        self.validate(name, argument)

    summary = inspect.cleandoc(command.__doc__ or "").splitlines()[0]
    update = workflow.update(name=name, description=f"{command.label}: {summary}")(handle)
    update.validator(validate)
    # The SDK compares both signatures whenever the sandbox reloads the workflow, which is once for each run.
    vars(handle)["__signature__"] = vars(validate)["__signature__"] = inspect.signature(validate)
    return update


_UPDATES = {name: _update(name, command) for name, command in COMMANDS.items()}
