"""Errors as RFC 9457 problem details, the same shape for every one a client can meet."""

import json
from collections.abc import Callable, Mapping
from http import HTTPStatus
from typing import Any
from uuid import uuid4

from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from pydantic import BaseModel
from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Scope

from domain.errors import FieldError, InvalidError, RefusedError, TemporarilyUnavailableError, WhistleError

Refused = Callable[[Scope, WhistleError], ASGIApp]
"""Writes the answer to a request that no route could answer."""
URN = "urn:whistle:problem:"
MEDIA_TYPE = "application/problem+json"
RETRY_AFTER_S = 2
UNKNOWN_OUTCOME = "something failed here; whether the request had an effect, the same request again will tell"
_MOST_ERRORS = 50
_LONGEST_TEXT = 500
_OUTERMOST = frozenset({"body", "query", "path", "header", "cookie"})


class Fault(BaseModel):
    """One field that is wrong."""

    field: str
    message: str


class Problem(BaseModel):
    """What went wrong (RFC 9457); `type` is stable, `detail` is for a person, `instance` names this one request."""

    type: str
    title: str
    status: int
    detail: str
    instance: str
    errors: list[Fault] | None = None


class TooManyRequestsError(RefusedError):
    """The caller is over its limit of requests a second."""

    problem, status, title = "too-many-requests", 429, "请求过多 Too many requests"

    def __init__(self, retry_after_s: int) -> None:
        """Tell when to come again."""
        super().__init__(f"too many requests; come again in {retry_after_s} s")
        self.retry_after_s = retry_after_s


class TooLargeError(RefusedError):
    """The body is larger than any request needs."""

    problem, status, title = "too-large", 413, "内容过大 Too large"


class TimedOutError(RefusedError):
    """The request did not arrive in time."""

    problem, status, title = "request-timed-out", 408, "请求超时 Request timed out"


class MethodNotAllowedError(RefusedError):
    """The path knows other methods."""

    problem, status, title = "method-not-allowed", 405, "方法不允许 Method not allowed"


class UnsupportedMediaTypeError(RefusedError):
    """The body is in a form that is not read here."""

    problem, status, title = "unsupported-media-type", 415, "类型不支持 Unsupported media type"


class UnreadableError(RefusedError):
    """The request is no HTTP that can be read."""

    problem, status, title = "unreadable", 400, "无法读取 Unreadable request"


class InternalError(WhistleError):
    """A fault of ours."""

    problem, status, title = "internal", 500, "内部错误 Internal error"


def problem(error: WhistleError, instance: str | None = None) -> dict[str, Any]:
    """Write an error as problem details; `instance` names the request."""
    found: dict[str, Any] = {
        "type": URN + error.problem,
        "title": error.title,
        "status": error.status,
        "detail": error.detail[:_LONGEST_TEXT],
        "instance": instance or instance_of(uuid4().hex),
    }
    if isinstance(error, InvalidError):
        found["errors"] = [_bounded(fault) for fault in error.errors[:_MOST_ERRORS]]
    return found


def encoded(found: Mapping[str, Any]) -> bytes:
    """Write JSON; what the request itself smuggled in and UTF-8 cannot hold becomes a question mark."""
    return json.dumps(found, ensure_ascii=False, separators=(",", ":")).encode("utf-8", "replace")


def instance_of(request_id: str) -> str:
    """Name a request by its id, which the access log holds too."""
    return f"urn:whistle:request:{request_id}"


def install(app: FastAPI) -> None:
    """Answer every error of the application with problem details."""
    app.add_exception_handler(WhistleError, _answer)
    app.add_exception_handler(RequestValidationError, _answer)
    app.add_exception_handler(HTTPException, _answer)


async def _answer(request: Request, error: Exception) -> Response:
    return answer(request, error)


def answer(request: Request, error: Exception) -> Response:
    """Answer a request with an error of any kind."""
    known = translated(error, request)
    request_id = getattr(request.state, "request_id", None)
    headers = {"Allow": _allowed(request)} if isinstance(known, MethodNotAllowedError) else None
    told = problem(known, instance_of(request_id) if request_id else None)
    return Response(
        encoded(told), status_code=known.status, media_type=MEDIA_TYPE, headers=_headers(known) | (headers or {})
    )


def _allowed(request: Request) -> str:
    # Starlette names the methods of one route, where each method has a route of its own.
    routes = request.app.state.context.routes
    found = {method for route in routes if route.path_regex.match(request.url.path) for method in route.methods}
    return ", ".join(sorted(found))


def translated(error: Exception, request: Request) -> WhistleError:
    """Name an error of the framework by the tree of ours."""
    if isinstance(error, WhistleError):
        return error
    if isinstance(error, RequestValidationError):
        return _of_faults(error)
    if isinstance(error, HTTPException):
        return _of_status(error, request)
    return InternalError(UNKNOWN_OUTCOME)


def _of_faults(error: RequestValidationError) -> WhistleError:
    found = error.errors()[:_MOST_ERRORS]
    astray = [_fault(one) for one in found if one["loc"][0] == "path"]
    if astray:
        return NoSuchPathError("; ".join(f"{fault['field']}: {fault['message']}" for fault in astray))
    return InvalidError([_fault(one) for one in found])


def _of_status(error: HTTPException, request: Request) -> WhistleError:
    match error.status_code:
        case HTTPStatus.NOT_FOUND:
            return NoSuchPathError("there is nothing here; GET /openapi.json lists the paths")
        case HTTPStatus.METHOD_NOT_ALLOWED:
            return MethodNotAllowedError(f"{request.method} is not among this path's methods")
        case HTTPStatus.REQUEST_ENTITY_TOO_LARGE:
            return TooLargeError(error.detail)
        case HTTPStatus.UNSUPPORTED_MEDIA_TYPE:
            return UnsupportedMediaTypeError(error.detail)
        case _:
            return InvalidError.of("body", error.detail)


class NoSuchPathError(RefusedError):
    """The path leads nowhere."""

    problem, status, title = "not-found", 404, "未找到 Not found"


def _headers(error: WhistleError) -> dict[str, str]:
    if isinstance(error, TooManyRequestsError):
        return {"Retry-After": str(error.retry_after_s)}
    if isinstance(error, TemporarilyUnavailableError):
        return {"Retry-After": str(RETRY_AFTER_S)}
    if error.status == HTTPStatus.UNAUTHORIZED:
        return {"WWW-Authenticate": 'Bearer realm="whistle"'}
    if error.status in (HTTPStatus.REQUEST_ENTITY_TOO_LARGE, HTTPStatus.REQUEST_TIMEOUT):
        return {"Connection": "close"}
    return {}


def _fault(found: Mapping[str, Any]) -> FieldError:
    where = list(found["loc"])
    if len(where) > 1 and where[0] in _OUTERMOST:
        where = where[1:]
    if found["type"] == "json_invalid":
        return FieldError(field="body", message=f"is no JSON: {found.get('ctx', {}).get('error', found['msg'])}")
    message = str(found["msg"]).removeprefix("Value error, ")
    return FieldError(field=".".join(map(str, where)), message=message)


def _bounded(fault: FieldError) -> FieldError:
    return FieldError(field=fault["field"][:_LONGEST_TEXT], message=fault["message"][:_LONGEST_TEXT])
