"""What addresses a name means, asked of the system's resolver without holding anybody up."""

import asyncio
import socket
from collections.abc import Awaitable, Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from ipaddress import ip_address
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import httpx

RESOLVE_WITHIN_S = 5.0
_MOST_LOOKUPS = 32

Resolve = Callable[[str, int], Awaitable[Sequence[str]]]


class Lookups:
    """The system's resolver, in threads of its own; a name that does not resolve holds one of them, not all."""

    def __init__(self) -> None:
        """Start no thread yet."""
        self._threads = ThreadPoolExecutor(_MOST_LOOKUPS, thread_name_prefix="resolve")
        self._running: dict[tuple[str, int], asyncio.Future[list[str]]] = {}

    async def resolve(self, host: str, port: int) -> Sequence[str]:
        """Give a name's addresses in the order of preference; raises OSError or TimeoutError."""
        key = (host, port)
        if key not in self._running:
            self._running[key] = asyncio.get_running_loop().run_in_executor(self._threads, _addresses, host, port)
            self._running[key].add_done_callback(lambda done: self._ended(key, done))
        async with asyncio.timeout(RESOLVE_WITHIN_S):
            return await asyncio.shield(self._running[key])

    def _ended(self, key: tuple[str, int], done: asyncio.Future[list[str]]) -> None:
        self._running.pop(key, None)
        if not done.cancelled():
            done.exception()


async def addresses_of(url: "httpx.URL", resolve: Resolve) -> Sequence[str]:
    """Resolve a URL's host, unless it is an address already."""
    with suppress(ValueError):
        return [str(ip_address(url.host))]
    return await resolve(url.raw_host.decode("ascii"), url.port or (443 if url.scheme == "https" else 80))


def _addresses(host: str, port: int) -> list[str]:
    # As bytes: a name of str is encoded once more, and some then fail in ways of their own.
    found = socket.getaddrinfo(host.encode("ascii"), port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(address[0]) for *_, address in found))
