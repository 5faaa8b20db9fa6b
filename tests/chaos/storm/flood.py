"""A flood at the gateway: far more requests than it can serve, from many callers, on connections that stay open."""

import asyncio
import json
import time
from collections import Counter
from collections.abc import Sequence
from contextlib import suppress
from itertools import count
from pathlib import Path
from typing import NamedTuple, Self

CONNECTIONS = 3_000
"""How many callers wait for an answer at once; a further one does not come before one of them is told."""
STEADY, STEADY_S = 20, 2.0
GIVES_UP_S = 30.0
LOOKS_EVERY_S = 0.1


class Caller(NamedTuple):
    """Somebody with a key, and the whistle that they add to."""

    name: str
    key: str
    whistle_id: str


class Answered(NamedTuple):
    """How a request ended: 0 where the line broke or nothing came."""

    status: int
    retry_after: str | None
    seconds: float
    command_id: str
    whistle_id: str


class Flood:
    """Sends commands to one gateway, each under a key of its own, and keeps every answer."""

    def __init__(self, port: int, callers: Sequence[Caller]) -> None:
        """Send to this port of 127.0.0.1, by turns as each of these."""
        self._port = port
        self._callers = callers
        self._numbers = count()
        self._idle: list[tuple[asyncio.StreamReader, asyncio.StreamWriter]] = []
        self.answers: list[Answered] = []

    async def steady(self, seconds: float = STEADY_S, at_once: int = STEADY) -> float:
        """Send one after another from a few callers, and give how many a second were done."""
        began, before = time.monotonic(), len(self.answers)

        async def keep_on() -> None:
            while time.monotonic() - began < seconds:
                await self._send()

        await asyncio.gather(*(keep_on() for _ in range(at_once)))
        done = sum(answer.status == 200 for answer in self.answers[before:])
        return done / (time.monotonic() - began)

    async def rise(self, per_second: float, seconds: float) -> None:
        """Send at this rate whatever becomes of it, and wait for the last answer."""
        sending: set[asyncio.Task[None]] = set()
        began = time.monotonic()
        for number in count():
            due = began + number / per_second
            if due > began + seconds:
                break
            if (early := due - time.monotonic()) > 0:
                await asyncio.sleep(early)
            while len(sending) >= CONNECTIONS:
                await asyncio.wait(sending, return_when=asyncio.FIRST_COMPLETED)
            task = asyncio.create_task(self._send())
            sending.add(task)
            task.add_done_callback(sending.discard)
        await asyncio.gather(*sending)

    def close(self) -> None:
        """Hang up."""
        for _, writer in self._idle:
            writer.transport.abort()
        self._idle.clear()

    def statuses(self, since: int = 0) -> Counter[int]:
        """Count the answers by status."""
        return Counter(answer.status for answer in self.answers[since:])

    async def _send(self) -> None:
        number = next(self._numbers)
        caller, key = self._callers[number % len(self._callers)], f"flood-{number}"
        began = time.monotonic()
        status, retry_after = 0, None
        with suppress(OSError, TimeoutError, asyncio.IncompleteReadError):
            async with asyncio.timeout(GIVES_UP_S):
                status, retry_after = await self._exchange(_request(caller, key))
        taken = time.monotonic() - began
        self.answers.append(Answered(status, retry_after, taken, f"{caller.name}:{key}", caller.whistle_id))

    async def _exchange(self, request: bytes) -> tuple[int, str | None]:
        reader, writer = self._idle.pop() if self._idle else await asyncio.open_connection("127.0.0.1", self._port)
        kept = False
        try:
            writer.write(request)
            head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
            headers = dict(line.lower().split(": ", 1) for line in head[1:] if line)
            await reader.readexactly(int(headers.get("content-length", 0)))
            kept = headers.get("connection") != "close"
            return int(head[0].split()[1]), headers.get("retry-after")
        finally:
            if kept:
                self._idle.append((reader, writer))
            else:
                writer.transport.abort()


def _request(caller: Caller, key: str) -> bytes:
    body = json.dumps({"text": "又来电", "kind": "MORE"}).encode()
    head = (
        f"POST /v1/whistles/{caller.whistle_id}/append HTTP/1.1\r\nHost: 127.0.0.1\r\n"
        f"Authorization: Bearer {caller.key}\r\nIdempotency-Key: {key}\r\n"
        f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
    )
    return head.encode() + body


class Scales:
    """Weighs a process while the block runs: its resident memory in MB, at the beginning and at the most."""

    def __init__(self, pid: int) -> None:
        """Weigh this process."""
        self._statm = Path(f"/proc/{pid}/statm")
        self.before_mb = self.most_mb = self._now()

    async def __aenter__(self) -> Self:
        """Begin to look."""
        self._looking = asyncio.create_task(self._look())
        return self

    async def __aexit__(self, *_: object) -> None:
        """Look no more."""
        self._looking.cancel()
        await asyncio.gather(self._looking, return_exceptions=True)

    def _now(self) -> float:
        return int(self._statm.read_text("ascii").split()[1]) * 4096 / 1e6

    async def _look(self) -> None:
        while True:
            self.most_mb = max(self.most_mb, self._now())
            await asyncio.sleep(LOOKS_EVERY_S)
