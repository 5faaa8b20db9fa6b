"""A process that registers a matter and dies between its row and the start of its workflow. Started by tests alone."""

import asyncio
import json
import os
import signal
import sys

from settings import load_settings
from starter.client import WhistleClient
from starter.opening import Opening
from tests.chaos.story import SOURCE
from tests.life import actor


async def die(*_: object) -> None:
    """Be killed."""
    os.kill(os.getpid(), signal.SIGKILL)


async def main() -> None:
    """Register what the first argument describes."""
    async with WhistleClient.open(load_settings()) as client:
        await client.register(json.loads(sys.argv[1]), actor(SOURCE))


if __name__ == "__main__":
    Opening.open = die
    asyncio.run(main())
