"""The lines in a process of their own, so that busy clients do not slow them down: told by lines on its stdin.

`LINE WEATHER` changes the weather; an empty line asks for the counts of what was suffered. Started by storms alone.
"""

import asyncio
import json
import sys
from collections import Counter
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager

from tests.chaos.storm.weather import Line, Weather
from tests.chaos.town import ROOT

ANSWERS_WITHIN_S = 30.0


class Station:
    """The way to a running process of lines."""

    def __init__(self, process: asyncio.subprocess.Process, ports: Mapping[str, int]) -> None:
        """Know where each line listens."""
        self.ports = ports
        self._process = process

    def turn(self, line: str, weather: Weather) -> None:
        """Change the weather on a line."""
        self._say(f"{line} {weather}")

    async def suffered(self) -> Counter[str]:
        """Count the pieces that were delayed, frozen or swallowed, and the connections that were cut."""
        self._say("")
        return Counter(await _told(self._process))

    def _say(self, words: str) -> None:
        assert self._process.stdin
        self._process.stdin.write(f"{words}\n".encode())


@asynccontextmanager
async def station(seed: int, upstream: Mapping[str, int]) -> AsyncIterator[Station]:
    """Run a line to each of these ports for the length of the block."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", __name__, str(seed), json.dumps(dict(upstream))),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        cwd=ROOT,
    )
    try:
        yield Station(process, await _told(process))
    finally:
        process.kill()
        await process.wait()


async def _told(process: asyncio.subprocess.Process) -> dict[str, int]:
    assert process.stdout
    return dict(json.loads(await asyncio.wait_for(process.stdout.readline(), ANSWERS_WITHIN_S)))


async def _serve(seed: str, upstream: dict[str, int]) -> None:
    reader = asyncio.StreamReader()
    await asyncio.get_running_loop().connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)
    async with AsyncExitStack() as opened:
        lines = {
            name: await opened.enter_async_context(Line(name, port, seed).open()) for name, port in upstream.items()
        }
        _write({name: line.port for name, line in lines.items()})
        while asked := (await reader.readline()).decode():
            name, _, weather = asked.strip().partition(" ")
            if name:
                lines[name].turn(Weather(weather))
            else:
                _write(sum((line.suffered for line in lines.values()), Counter()))


def _write(told: Mapping[str, int]) -> None:
    sys.stdout.write(f"{json.dumps(told)}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    asyncio.run(_serve(sys.argv[1], json.loads(sys.argv[2])))
