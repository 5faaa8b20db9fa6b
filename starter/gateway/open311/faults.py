"""The standard's own error lists, for every error a client of it can meet.

The HTTP status is the one the specification names: 403 for the key, 404 for what does not exist, 400 for the rest. What
it does not know of keeps the status of HTTP: 405, 413, 415, 429 and 503 with Retry-After, and 409 for an id that is
known with other content.
"""

from collections.abc import Callable, Coroutine, Mapping
from http import HTTPStatus
from typing import Any, NamedTuple

from fastapi import Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.routing import APIRoute
from starlette.exceptions import HTTPException

from domain.errors import InvalidError, TemporarilyUnavailableError, WhistleError
from starter.gateway.open311.documents import Document, Format
from starter.gateway.problems import RETRY_AFTER_S, TooManyRequestsError, translated

FORBIDDEN, NOT_FOUND, METHOD_NOT_ALLOWED, BAD_REQUEST = 403, 404, 405, 400
_AS_IN_HTTP = frozenset({405, 408, 409, 413, 415, 429, 500, 503})
_OWN_CODES = {401: FORBIDDEN, 403: FORBIDDEN, 422: BAD_REQUEST}
_MOST_FAULTS = 50
_LONGEST_DESCRIPTION = 500


class Fault(NamedTuple):
    """One thing that is wrong, told in Chinese and English to the person who asked."""

    code: int
    description: str


class Open311Error(Exception):
    """A request is refused for one or more faults."""

    def __init__(self, *faults: Fault, headers: Mapping[str, str] | None = None) -> None:
        """Keep the faults in order."""
        super().__init__("; ".join(fault.description for fault in faults))
        self.faults = faults
        self.headers = dict(headers or {})

    @property
    def status(self) -> int:
        """The HTTP status that stands for all of them."""
        codes = {fault.code for fault in self.faults}
        for code in (*sorted(codes & _AS_IN_HTTP), FORBIDDEN, NOT_FOUND):
            if code in codes:
                return code
        return BAD_REQUEST


def missing(field: str) -> Fault:
    """Say that a field was not given."""
    return Fault(BAD_REQUEST, f"缺少 {field}。 {field} was not provided.")


def wrong(field: str, chinese: str, english: str) -> Fault:
    """Say what is wrong with a field."""
    return Fault(BAD_REQUEST, f"{field} {chinese}。 {field}: {english}.")


def unknown(field: str, value: str) -> Fault:
    """Say that what a field names does not exist."""
    shown = f"{value[:64]!r}"
    return Fault(NOT_FOUND, f"未找到 {field} {shown}。 {field} {shown} was not found.")


def format_of(request: Request) -> Format:
    """Tell in which format to answer: as the path ends, else as is accepted, else XML."""
    path = request.url.path
    if path.endswith((".json", ".xml")):
        return Format.JSON if path.endswith(".json") else Format.XML
    accepted = request.headers.get("accept", "")
    return Format.JSON if "json" in accepted and "xml" not in accepted else Format.XML


def answer(request: Request, error: Exception) -> Response:
    """Write an error of any kind as the standard's error list."""
    refused = error if isinstance(error, Open311Error) else _translated(translated(error, request), error)
    faults = [
        {"code": fault.code, "description": fault.description[:_LONGEST_DESCRIPTION]}
        for fault in refused.faults[:_MOST_FAULTS]
    ]
    return Document("errors", faults, format_of(request), refused.status, refused.headers)


class Open311Route(APIRoute):
    """A route whose every refusal is an error list of the standard."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """Wrap the handler, its dependencies included."""
        handle = super().get_route_handler()

        async def answering(request: Request) -> Response:
            try:
                return await handle(request)
            except (Open311Error, WhistleError, RequestValidationError, HTTPException) as error:
                return answer(request, error)

        return answering


def _translated(error: WhistleError, cause: Exception) -> Open311Error:
    headers = dict(getattr(cause, "headers", None) or {})
    if isinstance(error, TooManyRequestsError):
        headers["Retry-After"] = str(error.retry_after_s)
    if isinstance(error, TemporarilyUnavailableError):
        headers["Retry-After"] = str(RETRY_AFTER_S)
    if error.status in (HTTPStatus.REQUEST_ENTITY_TOO_LARGE, HTTPStatus.REQUEST_TIMEOUT):
        headers["Connection"] = "close"
    return Open311Error(*_faults(error), headers=headers)


def _faults(error: WhistleError) -> list[Fault]:
    if isinstance(error, InvalidError):
        return [wrong(fault["field"], "无效", fault["message"]) for fault in error.errors]
    return [Fault(_OWN_CODES.get(error.status, error.status), f"{error.title}: {error.detail}")]
