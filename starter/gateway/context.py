"""What the routes of one gateway share, and the dependencies by which they ask for it."""

import asyncio
from dataclasses import dataclass, field
from typing import Annotated

from fastapi import Depends, Request

from settings import Settings
from starter.client import WhistleClient
from starter.gateway.limits import Limiter
from starter.gateway.oidc import Tokens


@dataclass
class Context:
    """One gateway process: its settings, its door, its limits, and whether it is leaving."""

    settings: Settings
    limiter: Limiter
    tokens: Tokens | None = None
    client: WhistleClient | None = None
    leaving: asyncio.Event = field(default_factory=asyncio.Event)

    @property
    def door(self) -> WhistleClient:
        """The client that the lifespan opened."""
        if self.client is None:
            message = "the gateway was not started"
            raise RuntimeError(message)
        return self.client


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
