"""Speaking to subscribers' servers: only at addresses that are allowed, within 15 s, and reading little of the answer.

A name is resolved once, its addresses are checked, and the connection goes to a checked address: a name that means
something else a moment later (DNS rebinding) gains nothing.
"""

import asyncio
import ssl
from collections import OrderedDict
from collections.abc import Mapping, Sequence
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import NamedTuple

import httpx

from activities.lookups import Lookups, Resolve, addresses_of
from domain.addresses import Network, is_allowed

TIMEOUT = timedelta(seconds=15)
CONNECT_WITHIN_S = 5.0
ANSWER_BYTES = 64 * 1024
"""More of an answer is not read."""
_CONNECTIONS_EACH = 16
_IDLE_S = 4.0
_MOST_CLIENTS = 64
_MOST_ADDRESSES = 3


class AddressRefusedError(Exception):
    """A name means no address that may be connected to."""


class Reply(NamedTuple):
    """A status and what Retry-After asks; or, without an answer, a word for why there was none."""

    status: int | None = None
    error: str | None = None
    retry_after: timedelta | None = None


class Receivers:
    """The subscribers' servers, each with connections of its own."""

    def __init__(
        self,
        listed: Sequence[Network],
        *,
        resolve: Resolve | None = None,
        timeout: timedelta = TIMEOUT,
        trust: ssl.SSLContext | None = None,
    ) -> None:
        """Allow public addresses and those of the listed networks; believe the certificates that `trust` believes."""
        self._listed = tuple(listed)
        self._resolve = resolve or Lookups().resolve
        self._timeout = timeout.total_seconds()
        self._context = trust or ssl.create_default_context()
        self._clients: OrderedDict[str, httpx.AsyncClient] = OrderedDict()

    async def post(self, subscriber: str, url: str, headers: Mapping[str, str], body: bytes) -> Reply:
        """Send a body, once; never raises for what a network or a server can do."""
        try:
            async with asyncio.timeout(self._timeout):
                return await self._post(await self._client(subscriber), httpx.URL(url), headers, body)
        except AddressRefusedError:
            return Reply(error="address-refused")
        except (TimeoutError, httpx.TimeoutException):
            return Reply(error="timeout")
        except OSError:
            return Reply(error="name-not-resolved")
        except httpx.ConnectError as error:
            return Reply(error="tls-failed" if isinstance(_root(error), ssl.SSLError) else "connection-failed")
        except (httpx.HTTPError, httpx.InvalidURL):
            return Reply(error="protocol-error")

    async def close(self) -> None:
        """Close every connection."""
        while self._clients:
            await self._clients.popitem()[1].aclose()

    async def _post(self, client: httpx.AsyncClient, url: httpx.URL, headers: Mapping[str, str], body: bytes) -> Reply:
        addresses = await allowed_addresses(url, self._listed, self._resolve)
        for address in addresses[:-1]:
            with suppress(httpx.ConnectError, httpx.ConnectTimeout):
                return await _exchange(client, url, address, headers, body)
        return await _exchange(client, url, addresses[-1], headers, body)

    async def _client(self, subscriber: str) -> httpx.AsyncClient:
        client = self._clients.pop(subscriber, None)
        if client is None:
            while len(self._clients) >= _MOST_CLIENTS:
                await self._clients.popitem(last=False)[1].aclose()
            limits = httpx.Limits(max_connections=_CONNECTIONS_EACH, keepalive_expiry=_IDLE_S)
            timeout = httpx.Timeout(self._timeout, connect=CONNECT_WITHIN_S)
            client = httpx.AsyncClient(verify=self._context, limits=limits, timeout=timeout, trust_env=False)
        self._clients[subscriber] = client
        return client


async def allowed_addresses(url: httpx.URL, listed: Sequence[Network], resolve: Resolve) -> list[str]:
    """Resolve a URL's host and keep what may be connected to; raises AddressRefusedError when nothing is left.

    Raises OSError or TimeoutError where the name does not resolve.
    """
    found = await addresses_of(url, resolve)
    allowed = [address for address in found if is_allowed(address, listed)]
    if not allowed:
        raise AddressRefusedError
    return allowed[:_MOST_ADDRESSES]


def retry_after(value: str | None, now: datetime) -> timedelta | None:
    """Read a Retry-After, in seconds or as a date; None where there is none that can be read."""
    if value is None:
        return None
    if value.strip().isascii() and value.strip().isdecimal():
        return timedelta(seconds=min(int(value[:12]), int(timedelta(days=2).total_seconds())))
    with suppress(ValueError, TypeError):
        at = parsedate_to_datetime(value)
        return max((at if at.tzinfo else at.replace(tzinfo=UTC)) - now, timedelta())
    return None


async def _exchange(
    client: httpx.AsyncClient, url: httpx.URL, address: str, headers: Mapping[str, str], body: bytes
) -> Reply:
    # The certificate must be the name's; the connection is the address's.
    names = {} if url.host == address else {"sni_hostname": url.raw_host.decode("ascii")}
    request = client.build_request(
        "POST",
        url.copy_with(host=address, fragment=None),
        content=body,
        headers={**headers, "host": url.netloc.decode("ascii"), "accept-encoding": "identity"},
        extensions=names,
    )
    response = await client.send(request, stream=True, follow_redirects=False)
    try:
        await _read_a_little(response)
    finally:
        await response.aclose()
    asked = retry_after(response.headers.get("retry-after"), datetime.now(UTC))
    return Reply(status=response.status_code, retry_after=asked)


async def _read_a_little(response: httpx.Response) -> None:
    size = 0
    async for part in response.aiter_raw():
        size += len(part)
        if size > ANSWER_BYTES:
            return


def _root(error: BaseException) -> BaseException:
    while inner := error.__cause__ or error.__context__:
        error = inner
    return error
