"""What the routes of one codec server share."""

import asyncio
from dataclasses import dataclass, field
from typing import Annotated

from fastapi import Depends, Request
from starlette.routing import Route

from observability.measures import GatewayMeasures
from settings import Settings
from starter.encryption.codec import EncryptingCodec
from starter.gateway.limits import Limiter
from starter.gateway.oidc import Tokens
from storage.pool import Pool


@dataclass
class CodecContext:
    """One codec server: its settings, its keys, and whether it is leaving."""

    settings: Settings
    codec: EncryptingCodec
    limiter: Limiter
    tokens: Tokens | None = None
    routes: tuple[Route, ...] = ()
    measures: GatewayMeasures = field(default_factory=GatewayMeasures)
    leaving: asyncio.Event = field(default_factory=asyncio.Event)
    _pool: Pool | None = None

    @property
    def pool(self) -> Pool:
        """The connections that the lifespan opened."""
        if self._pool is None:
            message = "the codec server was not started"
            raise RuntimeError(message)
        return self._pool

    def open(self, pool: Pool) -> None:
        """Begin to serve with these connections."""
        self._pool = pool

    def leave(self) -> None:
        """Be ready for nothing more."""
        self.leaving.set()


def _context(request: Request) -> CodecContext:
    found = request.app.state.context
    if not isinstance(found, CodecContext):
        raise TypeError
    return found


Here = Annotated[CodecContext, Depends(_context)]
"""The codec server's context."""
