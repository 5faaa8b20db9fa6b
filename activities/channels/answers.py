"""Speaking HTTP with a provider: what its answer means, also where it says 200 and means no."""

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from http import HTTPStatus
from typing import Any, NamedTuple

import httpx

from activities.channels.protocol import PermanentError, TransientError
from activities.receivers import retry_after

ANSWER_BYTES = 64 * 1024
_CONNECT_WITHIN_S = 3.0
_IDLE_S = 4.0
_NOT_TAKEN = {HTTPStatus.TOO_MANY_REQUESTS, HTTPStatus.SERVICE_UNAVAILABLE}
_LATER = {HTTPStatus.REQUEST_TIMEOUT, HTTPStatus.TOO_EARLY}


class Codes(NamedTuple):
    """How a provider tells success and refusal in its body: which fields hold the code, and which codes pass by."""

    fields: tuple[str, ...]
    passing: frozenset[str]
    success: frozenset[str] = frozenset({"0"})
    undone: frozenset[str] = frozenset()
    """Of the passing ones, those that leave open whether the message was taken."""


def open_client(timeout_s: float, at_once: int) -> httpx.AsyncClient:
    """Make the connections of one channel."""
    limits = httpx.Limits(max_connections=at_once + 2, keepalive_expiry=_IDLE_S)
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
    asked = retry_after(response.headers.get("retry-after"), datetime.now(UTC))
    if code is not None and code not in codes.success and response.status_code < HTTPStatus.INTERNAL_SERVER_ERROR:
        if code in codes.passing:
            raise TransientError(f"code {code}", retry_after=asked, doubtful=code in codes.undone)
        raise PermanentError(f"code {code}")
    judge_status(response.status_code, response.headers.get("retry-after"))
    if code is None:
        # Some page in between that answers everything with 200.
        raise TransientError("answer-not-understood", doubtful=True)


def judge_status(status: int, asked: str | None = None) -> None:
    """Return for a 2xx; raises TransientError or PermanentError for all else."""
    if HTTPStatus.OK <= status < HTTPStatus.MULTIPLE_CHOICES:
        return
    word = f"HTTP {status}"
    if status in _NOT_TAKEN:
        raise TransientError(word, retry_after=retry_after(asked, datetime.now(UTC)))
    if status in _LATER or status >= HTTPStatus.INTERNAL_SERVER_ERROR:
        raise TransientError(word, doubtful=True)
    raise PermanentError(word)


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
