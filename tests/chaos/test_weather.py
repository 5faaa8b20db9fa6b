"""The fault proxy does to a line what it says, and nothing in calm weather; the plan of a storm is its seed's alone."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

import pytest

from tests.chaos.storm.deck import PARTS, Kind, plan
from tests.chaos.storm.weather import Line, Weather
from tests.patience import until

SOON_S = 0.3
LONG = 120.0


@asynccontextmanager
async def echo() -> AsyncIterator[int]:
    """Give back whatever comes, at a port."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(OSError):
            while piece := await reader.read(1000):
                writer.write(piece)
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        server.close()


class Ends:
    """One connection through a line."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader, self.writer = reader, writer

    async def says(self, words: bytes) -> bytes:
        """Send, and give what comes back; empty where the connection broke."""
        self.writer.write(words)
        with suppress(asyncio.IncompleteReadError, OSError):
            return await self.reader.readexactly(len(words))
        return b""


@asynccontextmanager
async def through(seed: object = 1) -> AsyncIterator[tuple[Line, Ends]]:
    """Connect to an echo through a line."""
    async with echo() as port, Line("test", port, seed).open() as line:
        reader, writer = await asyncio.open_connection("127.0.0.1", line.port)
        ends = Ends(reader, writer)
        assert await ends.says(b"calm") == b"calm"
        yield line, ends
        writer.transport.abort()


async def test_what_is_delayed_comes_whole_and_in_order() -> None:
    """Many pieces, and not one changes place."""
    async with through() as (line, ends):
        line.turn(Weather.DELAYED)
        words = b"".join(b"%04d" % n for n in range(500))
        assert await ends.says(words) == words
        assert line.suffered[Weather.DELAYED] >= 2


async def test_what_is_frozen_comes_when_the_weather_changes() -> None:
    """Not a byte before, and all of it afterwards."""
    async with through() as (line, ends):
        line.turn(Weather.FROZEN)
        asked = asyncio.create_task(ends.says(b"frozen"))
        await until(lambda: line.suffered[Weather.FROZEN])
        assert not asked.done()
        line.turn(Weather.CALM)
        assert await asked == b"frozen"


async def test_what_is_swallowed_never_comes_and_the_line_stays_silent() -> None:
    """Also after the weather has changed: only a new connection helps."""
    async with through() as (line, ends):
        line.turn(Weather.SWALLOWED)
        ends.writer.write(b"lost")
        await until(lambda: line.suffered[Weather.SWALLOWED])
        line.turn(Weather.CALM)
        ends.writer.write(b"lost too")
        await until(lambda: line.suffered[Weather.SWALLOWED] == 2)
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(ends.reader.read(1), SOON_S)
        reader, writer = await asyncio.open_connection("127.0.0.1", line.port)
        assert await Ends(reader, writer).says(b"anew") == b"anew"
        writer.transport.abort()


async def test_a_connection_is_cut_in_the_middle_of_what_it_carries() -> None:
    """Sooner or later half a message comes, and then the end."""
    async with through() as (line, ends):
        line.turn(Weather.CUT)
        while await ends.says(b"whole") == b"whole":
            assert line.suffered[Weather.CUT] == 0
        assert line.suffered[Weather.CUT] == 1
        assert len(await ends.reader.read()) < len(b"whole")


def test_the_same_seed_gives_the_same_storm_and_another_seed_another() -> None:
    """A plan is made of its seed and length alone."""
    assert plan(7, LONG) == plan(7, LONG)
    assert plan(7, LONG) != plan(8, LONG)


@pytest.mark.parametrize("seed", range(10))
def test_every_storm_kills_each_part_and_brings_every_kind_of_trouble(seed: int) -> None:
    """Within its length, and never past it."""
    blows = plan(seed, LONG)
    kinds = Counter(blow.kind for blow in blows)
    assert {kind for kind in Kind if kinds[kind] == 0} <= {Kind.PAUSE}
    assert {blow.target for blow in blows if blow.kind is Kind.KILL} >= set(PARTS)
    assert {blow.weather for blow in blows} == set(Weather)
    assert all(0 < blow.at <= LONG for blow in blows)
