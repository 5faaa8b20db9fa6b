"""Servers on loopback that act as the providers do: they take, refuse, slow down, hang and cut the line."""

import asyncio
import json
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from typing import Any, NamedTuple
from urllib.parse import parse_qs, urlsplit

from aiosmtpd.smtp import SMTP


class Got(NamedTuple):
    """One request as it came."""

    at: float
    method: str
    path: str
    query: dict[str, str]
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> dict[str, Any]:
        """The body read as JSON."""
        return json.loads(self.body)


class Answer(NamedTuple):
    """How to answer: in words, or not at all."""

    status: int = 200
    body: object = None
    headers: dict[str, str] = {}
    hangs: bool = False
    cuts: bool = False
    half: bool = False
    """First half of the answer, and then it hangs or cuts."""


HANG, CUT = Answer(hangs=True), Answer(cuts=True)
HALF_AND_HANG, HALF_AND_CUT = (broken._replace(body={"errcode": 0}, half=True) for broken in (HANG, CUT))
Behaviour = Callable[[Got], Answer]


class Peer:
    """An HTTP server that gives its answers in their order, the last one for ever; `behaves` chooses by request."""

    def __init__(self, *answers: Answer, behaves: Behaviour | None = None) -> None:
        self.got: list[Got] = []
        self.answers = list(answers)
        self.behaves = behaves
        self.released = asyncio.Event()
        self.arrived = asyncio.Event()
        self.port = 0
        self._server: asyncio.Server | None = None
        self._open: set[asyncio.StreamWriter] = set()

    @property
    def base(self) -> str:
        """Where it listens."""
        return f"http://127.0.0.1:{self.port}"

    @asynccontextmanager
    async def listening(self) -> AsyncIterator["Peer"]:
        """Listen for the length of the block."""
        await self.up()
        try:
            yield self
        finally:
            self.released.set()
            await self.down()

    async def up(self) -> None:
        """Listen, at the same port as before."""
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", self.port)
        self.port = self._server.sockets[0].getsockname()[1]

    async def down(self) -> None:
        """Refuse connections."""
        if self._server:
            self._server.close()
            for writer in self._open:
                writer.transport.abort()
            await self._server.wait_closed()
            self._server = None

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._open.add(writer)
        with suppress(OSError, asyncio.IncompleteReadError):
            while (got := await _request(reader)) is not None:
                self.got.append(got)
                self.arrived.set()
                answer = self._answer(got)
                if answer.half:
                    writer.write(_written(answer)[:-8])
                    await writer.drain()
                if answer.hangs:
                    await self.released.wait()
                if answer.hangs or answer.cuts:
                    break
                writer.write(_written(answer))
                await writer.drain()
        self._open.discard(writer)
        writer.transport.abort()

    def _answer(self, got: Got) -> Answer:
        if self.behaves:
            return self.behaves(got)
        return self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]


class Mailbox:
    """An SMTP server; `refuses` gives the reply to RCPT, None takes the mail."""

    def __init__(self, **how: Any) -> None:
        self.got: list[tuple[str, bytes]] = []
        self.refuses: str | None = None
        self.port = 0
        self._how = how

    async def handle_RCPT(self, _server: SMTP, _session: Any, envelope: Any, address: str, _options: Any) -> str:  # noqa: N802
        """Take a recipient or not."""
        if self.refuses:
            return self.refuses
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, _server: SMTP, _session: Any, envelope: Any) -> str:  # noqa: N802
        """Keep a mail."""
        self.got.append((envelope.rcpt_tos[0], envelope.content))
        return "250 taken"

    @asynccontextmanager
    async def listening(self) -> AsyncIterator["Mailbox"]:
        """Listen for the length of the block."""
        loop = asyncio.get_running_loop()
        server = await loop.create_server(lambda: SMTP(self, loop=loop, **self._how), "127.0.0.1", 0)
        self.port = server.sockets[0].getsockname()[1]
        try:
            yield self
        finally:
            server.close()
            await server.wait_closed()


async def _request(reader: asyncio.StreamReader) -> Got | None:
    line = (await reader.readline()).decode()
    if not line.strip():
        return None
    method, target, _ = line.split()
    headers: dict[str, str] = {}
    while (header := (await reader.readline()).decode().strip()) != "":
        name, _, value = header.partition(":")
        headers[name.lower()] = value.strip()
    body = await reader.readexactly(int(headers.get("content-length", 0)))
    parts = urlsplit(target)
    query = {name: values[0] for name, values in parse_qs(parts.query).items()}
    return Got(time.time(), method, parts.path, query, headers, body)


def _written(answer: Answer) -> bytes:
    body = b"" if answer.body is None else json.dumps(answer.body).encode()
    headers = {"content-length": str(len(body)), **answer.headers}
    lines = [f"HTTP/1.1 {answer.status} X", *(f"{name}: {value}" for name, value in headers.items()), "", ""]
    return "\r\n".join(lines).encode() + body
