"""A process that delivers notices until it is killed: `python -m tests.integration.notices.deliverer DSN CHANNELS`."""

import asyncio
import sys
from ipaddress import ip_network
from pathlib import Path

from storage.pool import open_pool
from tests.integration.notices.duty_office import delivering


async def main(dsn: str, channels_file: str) -> None:
    """Deliver for ever."""
    listed = (ip_network("127.0.0.0/8"),)
    async with await open_pool(dsn, size=6) as pool, delivering(pool, Path(channels_file), listed=listed):
        await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
