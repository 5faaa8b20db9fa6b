"""A TCP proxy of our own on one line between two processes, and the weather on it: delays, cuts, silence.

What it decides of a connection follows from its seed and the number of the connection; how the bytes fall into
pieces does not, so that the same seed gives the same storm, but never the very same packets.
"""

import asyncio
import random
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from enum import StrEnum

LARGEST_PIECE = 65_536
DELAY_S = (0.005, 0.2)
CUT_ODDS = 0.3


class Weather(StrEnum):
    """What a line may suffer."""

    CALM = "calm"
    DELAYED = "delayed"
    """Each piece comes late, in its order."""
    CUT = "cut"
    """Connections break in the middle of a message."""
    FROZEN = "frozen"
    """Nothing passes until the weather changes; then all of it does."""
    SWALLOWED = "swallowed"
    """What is sent is lost, and a connection that was hit stays silent for ever, though nobody closed it."""


class Line:
    """The proxy of one line: who connects to its port reaches the upstream one."""

    def __init__(self, name: str, upstream: int, seed: object) -> None:
        """Stand before a port of 127.0.0.1."""
        self.name = name
        self.port = 0
        self.suffered = Counter[Weather]()
        """How many pieces were delayed, frozen or swallowed, and how many connections were cut."""
        self._upstream = upstream
        self._seed = seed
        self._weather = Weather.CALM
        self._changed = asyncio.Event()
        self._connections: set[asyncio.Task[None]] = set()
        self._numbered = 0

    @asynccontextmanager
    async def open(self) -> AsyncIterator["Line"]:
        """Listen for the length of the block; whoever is connected at its end is cut off."""
        server = await asyncio.start_server(self._accept, "127.0.0.1", self.port)
        self.port = server.sockets[0].getsockname()[1]
        try:
            yield self
        finally:
            server.close()
            for task in list(self._connections):
                task.cancel()
            await asyncio.gather(*self._connections, return_exceptions=True)
            await server.wait_closed()

    def turn(self, weather: Weather) -> None:
        """Change the weather."""
        self._weather = weather
        self._changed.set()
        self._changed = asyncio.Event()

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._numbered += 1
        task = asyncio.current_task()
        assert task
        self._connections.add(task)
        connection = _Connection(self, random.Random(f"{self._seed}/{self.name}/{self._numbered}"))
        try:
            # A server that is closing ends its connections by cancelling them: that is no error of theirs.
            with suppress(OSError, asyncio.CancelledError):
                await connection.carry(reader, writer, self._upstream)
        finally:
            self._connections.discard(task)
            writer.transport.abort()

    async def passed(self, connection: "_Connection", piece: bytes) -> bytes:
        """Let the weather have its way with a piece, and give what comes through; raises _CutError."""
        while self._weather is Weather.FROZEN:
            self.suffered[Weather.FROZEN] += 1
            await self._changed.wait()
        if self._weather is Weather.SWALLOWED:
            connection.is_dead = True
        if connection.is_dead:
            self.suffered[Weather.SWALLOWED] += 1
            return b""
        if self._weather is Weather.DELAYED:
            self.suffered[Weather.DELAYED] += 1
            await asyncio.sleep(connection.chance.uniform(*DELAY_S))
        if self._weather is Weather.CUT and connection.chance.random() < CUT_ODDS:
            self.suffered[Weather.CUT] += 1
            raise _CutError(piece[: len(piece) // 2])
        return piece


class _CutError(Exception):
    """The connection breaks after these bytes."""


class _Connection:
    def __init__(self, line: Line, chance: random.Random) -> None:
        self.chance = chance
        self.is_dead = False
        self._line = line

    async def carry(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, upstream: int) -> None:
        there, back = await asyncio.open_connection("127.0.0.1", upstream)
        ways = [asyncio.create_task(self._carry(*way)) for way in ((reader, back), (there, writer))]
        try:
            await asyncio.wait(ways, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for way in ways:
                way.cancel()
            await asyncio.gather(*ways, return_exceptions=True)
            back.transport.abort()

    async def _carry(self, source: asyncio.StreamReader, sink: asyncio.StreamWriter) -> None:
        try:
            while piece := await source.read(LARGEST_PIECE):
                if through := await self._line.passed(self, piece):
                    sink.write(through)
                    await sink.drain()
            if self.is_dead:
                # Who gave up cannot tell the other side either.
                await asyncio.Event().wait()
            await _flushed(sink)
        except _CutError as cut:
            sink.write(cut.args[0])
            await _flushed(sink)
        except OSError:
            return


async def _flushed(sink: asyncio.StreamWriter) -> None:
    sink.close()
    with suppress(OSError):
        await sink.wait_closed()
