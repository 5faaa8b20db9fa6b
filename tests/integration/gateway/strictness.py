"""A gateway with little patience, and the OIDC issuer that it believes."""

import asyncio
import json
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, NamedTuple

import jwt
from cryptography.hazmat.primitives.asymmetric import rsa

from tests.integration.gateway.gate import Gate, another_gateway

AUDIENCE = "whistle"


class Issuer:
    """An OIDC issuer on loopback: it signs, and serves the keys to check by."""

    def __init__(self) -> None:
        self.keys = {"one": rsa.generate_private_key(65537, 2048)}
        self.url = ""
        self.asked = 0

    def token(self, *, kid: str = "one", key: Any = None, algorithm: str = "RS256", **claims: Any) -> str:
        """Sign a token for the clerk of 金海湖, with other claims where they are given."""
        own = {
            "iss": self.url,
            "aud": AUDIENCE,
            "sub": "zhang.san",
            "exp": time.time() + 300,
            "whistle_role": "TOWNSHIP_CLERK",
            "whistle_organisation": "jinhaihu",
        }
        kept = {name: value for name, value in (own | claims).items() if value is not None}
        return jwt.encode(kept, key or self.keys["one"], algorithm=algorithm, headers={"kid": kid})

    async def answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Serve the public keys."""
        self.asked += 1
        await reader.readuntil(b"\r\n\r\n")
        keys = [
            json.loads(jwt.algorithms.RSAAlgorithm.to_jwk(key.public_key()))
            | {"kid": kid, "use": "sig", "alg": "RS256"}
            for kid, key in self.keys.items()
        ]
        body = json.dumps({"keys": keys}).encode()
        head = f"HTTP/1.1 200 OK\r\nContent-Length: {len(body)}\r\nConnection: close\r\n\r\n"
        writer.write(head.encode() + body)
        writer.close()


@asynccontextmanager
async def issuing() -> AsyncIterator[Issuer]:
    """Run an issuer."""
    issuer = Issuer()
    async with await asyncio.start_server(issuer.answer, "127.0.0.1", 0) as server:
        issuer.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
        yield issuer


class Strict(NamedTuple):
    """A gateway that allows each caller 30 requests a second, reads for a second, and believes an issuer."""

    gate: Gate
    issuer: Issuer


@asynccontextmanager
async def being_strict(gate: Gate) -> AsyncIterator[Strict]:
    """Run the two."""
    async with issuing() as issuer:
        settings = {
            "WHISTLE_OIDC_ISSUER": issuer.url,
            "WHISTLE_OIDC_AUDIENCE": AUDIENCE,
            "WHISTLE_OIDC_JWKS_URL": f"{issuer.url}/jwks.json",
            "WHISTLE_RATE_LIMIT": "30",
            "WHISTLE_READ_WITHIN_S": "1",
        }
        async with another_gateway(gate, **settings) as (other, _process):
            yield Strict(other, issuer)
