"""One call of the command line: who acts, against which stack, and how the answer is wanted."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Annotated, NamedTuple, TypeVar

import typer

from domain.values import Actor
from settings import Settings, load_settings
from starter.availability import within_reach
from starter.client import WhistleClient
from starter.identity import actor_named

AsOption = Annotated[
    str | None,
    typer.Option(
        "--as", metavar="NAME", help="Who acts: a name of keys.json such as clerk@jinhaihu (default WHISTLE_AS)."
    ),
]
JsonOption = Annotated[bool, typer.Option("--json", help="JSON, as also when stdout is no terminal.")]

T = TypeVar("T")


class Call(NamedTuple):
    """What was said beside the command itself, before or after its name."""

    acting_as: str | None = None
    as_json: bool = False

    @classmethod
    def of(cls, context: typer.Context, acting_as: str | None = None, *, as_json: bool = False) -> "Call":
        """Join what was said after the command's name with what was said before it."""
        before = context.obj if isinstance(context.obj, Call) else cls()
        return cls(acting_as or before.acting_as, as_json or before.as_json)


class Session(NamedTuple):
    """An open client, with who acts if that was said."""

    client: WhistleClient
    settings: Settings
    acting_as: str | None

    async def actor(self) -> Actor:
        """Find who acts; raises UnauthenticatedError."""
        async with within_reach():
            return await actor_named(self.client.pool, self.settings.data_dir, self.acting_as)


def run(call: Call, work: Callable[[Session], Awaitable[T]]) -> T:
    """Do work on the stack that the settings name, from start to end."""
    return asyncio.run(_run(call, work))


async def _run(call: Call, work: Callable[[Session], Awaitable[T]]) -> T:
    settings = load_settings()
    async with WhistleClient.open(settings, size=2) as client:
        return await work(Session(client, settings, call.acting_as or settings.acting_as))
