"""Where subscribers may have their messages sent."""

from collections.abc import Iterable

import httpx

from activities.lookups import Resolve, addresses_of
from domain.addresses import Network, is_allowed
from domain.errors import InvalidError

_PORTS = range(1, 65536)


async def must_be_allowed(text: str, listed: Iterable[Network], resolve: Resolve) -> None:
    """Refuse an address that no message could be sent to; it is checked again on every connection."""
    url = _url(text)
    try:
        addresses = await addresses_of(url, resolve)
    except (OSError, TimeoutError):
        raise InvalidError.of("url", f"{url.host} does not resolve") from None
    networks = tuple(listed)
    if not addresses or not all(is_allowed(address, networks) for address in addresses):
        message = f"{url.host} has a private address; an administrator allows networks by WHISTLE_WEBHOOK_ALLOW"
        raise InvalidError.of("url", message)


def _url(text: str) -> httpx.URL:
    try:
        url = httpx.URL(text)
        usable = url.scheme in ("http", "https") and bool(url.host) and (url.port is None or url.port in _PORTS)
    except (httpx.InvalidURL, ValueError):
        usable = False
    if not usable:
        raise InvalidError.of("url", "it must be an http or https address")
    if url.userinfo or url.fragment:
        raise InvalidError.of("url", "it must not hold a name and password, nor a fragment")
    return url
