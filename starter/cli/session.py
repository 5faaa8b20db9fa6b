"""The work of one call: who acts, and against which stack."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import NamedTuple, TypeVar

from temporalio.client import Client

from domain.errors import TemporarilyUnavailableError, UnauthenticatedError
from settings import Settings, load_settings
from starter.availability import within_reach
from starter.bearers import must_see, sight_of
from starter.cli.call import AsOption, Call, JsonOption
from starter.client import WhistleClient
from starter.connecting import connect
from starter.identity import bearer_named
from storage.keys import Principal

__all__ = ["AsOption", "Call", "JsonOption", "Session", "run", "temporal_alone"]

_NOBODY = "nobody acts: give --as NAME or set WHISTLE_AS, a name of keys.json such as clerk@jinhaihu"
T = TypeVar("T")


class Session(NamedTuple):
    """An open client, with who acts if that was said."""

    client: WhistleClient
    settings: Settings
    said: Principal | None

    @property
    def bearer(self) -> Principal:
        """Who acts; raises UnauthenticatedError where nobody was named."""
        if self.said is None:
            raise UnauthenticatedError(_NOBODY)
        return self.said

    @property
    def sight(self) -> str | None:
        """The organisation whose whistles are shown; None shows all, as to whoever holds the database itself."""
        return sight_of(self.said) if self.said else None

    async def must_see(self, whistle_id: str) -> None:
        """Raise NotFoundError for a whistle that the one named may not see."""
        if self.said is not None:
            await must_see(self.client.pool, self.said, whistle_id)


def run(call: Call, work: Callable[[Session], Awaitable[T]]) -> T:
    """Do work on the stack that the settings name, from start to end."""
    return asyncio.run(_run(call, work))


async def _run(call: Call, work: Callable[[Session], Awaitable[T]]) -> T:
    settings = load_settings()
    async with WhistleClient.open(settings, size=2) as client:
        return await work(Session(client, settings, await _named(client, settings, call)))


async def _named(client: WhistleClient, settings: Settings, call: Call) -> Principal | None:
    name = call.acting_as or settings.acting_as
    if not name:
        return None
    async with within_reach():
        return await bearer_named(client.pool, settings.data_dir, name)


async def temporal_alone(settings: Settings) -> Client:
    """Become a client of Temporal for what needs no database; it connects at its first call."""
    if settings.temporal_address is None:
        raise TemporarilyUnavailableError(f"no stack runs on {settings.data_dir}: whistle up, or set TEMPORAL_ADDRESS")
    return await connect(settings, lazy=True)
