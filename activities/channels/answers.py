"""Speaking HTTP with a provider: what its answer means, also where it says 200 and means no."""

import json
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from http import HTTPStatus
from typing import Any, NamedTuple

import httpx

from activities.channels.protocol import MisconfiguredError, PermanentError, TransientError
from activities.receivers import retry_after

ANSWER_BYTES = 64 * 1024
_CONNECT_WITHIN_S = 3.0
_IDLE_S = 4.0
_NOT_TAKEN = {HTTPStatus.TOO_MANY_REQUESTS, HTTPStatus.SERVICE_UNAVAILABLE}
_LATER = {HTTPStatus.REQUEST_TIMEOUT, HTTPStatus.TOO_EARLY}
_NEVER = {
    HTTPStatus.BAD_REQUEST,
    HTTPStatus.GONE,
    HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
    HTTPStatus.REQUEST_URI_TOO_LONG,
    HTTPStatus.UNSUPPORTED_MEDIA_TYPE,
    HTTPStatus.UNPROCESSABLE_ENTITY,
}
_ASKS_FOR_PATIENCE = ("retry-after", "x-ogw-ratelimit-reset")
"""The second is what Feishu's gateway says in place of the first (open.feishu.cn, 频控策略)."""
_EXPLAINS = ("errmsg", "msg", "message")
_TOO_MUCH = re.compile(r"too (?:fast|many|frequent)|frequen|rate.?limit|throttl|限流|频繁|太快|繁忙", re.IGNORECASE)
"""Providers add codes for it; a code that is not known and says this passes too."""


class Codes(NamedTuple):
    """How a provider tells success and refusal in its body: which fields hold the code, and which codes pass by."""

    fields: tuple[str, ...]
    passing: frozenset[str]
    success: frozenset[str] = frozenset({"0"})
    undone: frozenset[str] = frozenset()
    """Of the passing ones, those that leave open whether the message was taken."""


def open_client(timeout_s: float, at_once: int) -> httpx.AsyncClient:
    """Make the connections of one channel; a lane may have twice as many attempts under way where some take long."""
    limits = httpx.Limits(max_connections=2 * at_once + 2, keepalive_expiry=_IDLE_S)
    timeout = httpx.Timeout(timeout_s, connect=min(_CONNECT_WITHIN_S, timeout_s))
    return httpx.AsyncClient(limits=limits, timeout=timeout, trust_env=False, follow_redirects=False)


async def call(
    client: httpx.AsyncClient, method: str, url: str, *, body: object = None, headers: Mapping[str, str] | None = None
) -> tuple[httpx.Response, dict[str, Any]]:
    """Send one request and read the JSON object of its answer, {} where there is none."""
    with network_errors():
        request = client.build_request(method, url, json=body, headers=headers)
        response = await client.send(request, stream=True)
        try:
            content = await _some_of(response)
        finally:
            await response.aclose()
    try:
        found = json.loads(content)
    except ValueError:
        found = None
    return response, found if isinstance(found, dict) else {}


def judge(response: httpx.Response, found: Mapping[str, Any], codes: Codes) -> None:
    """Return where the message was taken; raises TransientError or PermanentError where not."""
    code = next((str(found[name]) for name in codes.fields if name in found), None)
    if response.status_code in _NOT_TAKEN:
        judge_status(response.status_code, asked_of(response))
    if code is not None and code not in codes.success and response.status_code < HTTPStatus.INTERNAL_SERVER_ERROR:
        if code in codes.passing or any(_TOO_MUCH.search(str(found.get(name, ""))) for name in _EXPLAINS):
            raise TransientError(f"code {code}", retry_after=asked_of(response), doubtful=code in codes.undone)
        raise PermanentError(f"code {code}")
    judge_status(response.status_code, asked_of(response))
    if code is None:
        # Some page in between that answers everything with 200.
        raise TransientError("answer-not-understood", doubtful=True)


def asked_of(response: httpx.Response) -> timedelta | None:
    """Read how long a provider asks to be left alone, None where it does not."""
    said = next((response.headers[name] for name in _ASKS_FOR_PATIENCE if name in response.headers), None)
    return retry_after(said, datetime.now(UTC))


def judge_status(status: int, asked: timedelta | None = None) -> None:
    """Return for a 2xx; raises TransientError or PermanentError for all else.

    What speaks of the message is for good; what speaks of the way there, as credentials or a path, can be mended.
    """
    if HTTPStatus.OK <= status < HTTPStatus.MULTIPLE_CHOICES:
        return
    word = f"HTTP {status}"
    if status in _NOT_TAKEN:
        raise TransientError(word, retry_after=asked)
    if status in _LATER or status >= HTTPStatus.INTERNAL_SERVER_ERROR:
        raise TransientError(word, doubtful=True)
    raise PermanentError(word) if status in _NEVER else MisconfiguredError(word)


@contextmanager
def network_errors() -> Iterator[None]:
    """Turn what a network can do into TransientError: in doubt from the moment that the request may have been read."""
    try:
        yield
    except (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout):
        raise TransientError("connection-failed") from None
    except (httpx.TimeoutException, TimeoutError):
        raise TransientError("timeout", doubtful=True) from None
    except httpx.InvalidURL:
        raise PermanentError("address-invalid") from None
    except (httpx.HTTPError, OSError):
        raise TransientError("connection-cut", doubtful=True) from None


async def _some_of(response: httpx.Response) -> bytes:
    content = b""
    async for part in response.aiter_bytes():
        content += part
        if len(content) > ANSWER_BYTES:
            break
    return content
