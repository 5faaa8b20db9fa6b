"""What the routes of one gateway share, and the dependencies by which they ask for it."""

import asyncio
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Annotated, TypeVar

from fastapi import Depends, Request
from starlette.routing import Route

from observability.measures import GatewayMeasures
from observability.runtime import MeasuredRuntime
from observability.tracing import UNTRACED, Tracing
from settings import Settings
from starter.client import WhistleClient
from starter.gateway.feed import Feed
from starter.gateway.limits import Limiter
from starter.metrics.exposition import Exposition

if TYPE_CHECKING:
    from starter.gateway.oidc import Tokens


@dataclass
class Context:
    """One gateway process: its settings, its door, its limits, and whether it is leaving."""

    settings: Settings
    limiter: Limiter
    tokens: "Tokens | None" = None
    routes: tuple[Route, ...] = ()
    measures: GatewayMeasures = field(default_factory=GatewayMeasures)
    tracing: Tracing = UNTRACED
    leaving: asyncio.Event = field(default_factory=asyncio.Event)
    _client: WhistleClient | None = None
    _feed: Feed | None = None
    _exposition: Exposition | None = None

    @property
    def door(self) -> WhistleClient:
        """The client that the lifespan opened."""
        return _started(self._client)

    @property
    def feed(self) -> Feed:
        """The feed that the lifespan follows."""
        return _started(self._feed)

    @property
    def exposition(self) -> Exposition:
        """What Prometheus is told."""
        return _started(self._exposition)

    def open(self, client: WhistleClient, runtime: MeasuredRuntime | None = None) -> None:
        """Begin to serve through this client, whose runtime may be measured."""
        self._client, self._feed = client, Feed(client.pool)
        self._exposition = Exposition(self.measures, runtime, lambda: client.pool)

    def leave(self) -> None:
        """Be ready for nothing more, and end the streams, which would end by themselves only much later."""
        self.leaving.set()
        if self._feed is not None:
            self._feed.end()


T = TypeVar("T")


def _started(found: T | None) -> T:
    if found is None:
        message = "the gateway was not started"
        raise RuntimeError(message)
    return found


def context_of(request: Request) -> Context:
    """Find the context of the application that a request came to."""
    found = request.app.state.context
    if not isinstance(found, Context):
        raise TypeError
    return found


def _door(context: Annotated[Context, Depends(context_of)]) -> WhistleClient:
    return context.door


Here = Annotated[Context, Depends(context_of)]
"""The gateway's context."""
Door = Annotated[WhistleClient, Depends(_door)]
"""The client through which everything goes."""
