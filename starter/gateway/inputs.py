"""The parameters that routes share, with their bounds as OpenAPI shows them."""

import re
from typing import Annotated, Generic, TypeVar

from fastapi import Depends, Header, Path, Query, Request
from pydantic import BaseModel

from domain.errors import InvalidError
from domain.values import ID_PART_PATTERN
from starter.gateway.problems import MEDIA_TYPE, UnsupportedMediaTypeError

EXAMPLE_ID = "12345:20261124000123"
LONGEST_PAGE = 200
Item = TypeVar("Item")
_SEQUENCE = re.compile(r"[0-9]{1,9}")
_JSON = re.compile(r"application/([a-z0-9.+-]+\+)?json", re.IGNORECASE)

WhistleId = Annotated[
    str,
    Path(
        description="`{source_system}:{external_id}`. One that is not there, or not for you to see, is 404.",
        examples=[EXAMPLE_ID],
        json_schema_extra={"pattern": r"^[A-Za-z0-9._-]{1,64}:[A-Za-z0-9._-]{1,64}$"},
    ),
]
IdempotencyKey = Annotated[
    str | None,
    Header(
        alias="Idempotency-Key",
        description="The same key with the same content has its effect once and gets the first result again; other "
        "content under it is 409. Kept for ever. Without one, every request is a new command.",
        max_length=255,
        pattern=r"^[!-~]([ -~]{0,253}[!-~])?$",
        examples=["a6f0e7f2-review"],
    ),
]
Limit = Annotated[int, Query(ge=1, le=LONGEST_PAGE, description="How many items at most.")]
Cursor = Annotated[str | None, Query(max_length=1000, description="`next_cursor` of the page before, as it was given.")]
Organisation = Annotated[
    str | None, Query(pattern=ID_PART_PATTERN, description="An organisation's code, such as jinhaihu or water.")
]


def sequence_of(cursor: str | None) -> int:
    """Read a cursor that is a number; raises InvalidError."""
    if cursor is None or cursor == "":
        return 0
    if not _SEQUENCE.fullmatch(cursor):
        raise InvalidError.of("cursor", "it is not a cursor of this list")
    return int(cursor)


def is_json(request: Request) -> bool:
    """Tell whether a request says that its body is JSON."""
    return bool(_JSON.fullmatch(_kind_of(request)))


def _kind_of(request: Request) -> str:
    return request.headers.get("content-type", "").partition(";")[0].strip()


async def _json_only(request: Request) -> None:
    kind = _kind_of(request)
    if await request.body() and not _JSON.fullmatch(kind):
        raise UnsupportedMediaTypeError(f"send Content-Type: application/json, not {kind[:100] or 'nothing'}")


JsonOnly = Depends(_json_only)
"""Refuses a body in another form than JSON, whatever it may hold."""


class ListOf(BaseModel, Generic[Item]):
    """A page of a list; `next_cursor` is null on the last one."""

    items: tuple[Item, ...]
    next_cursor: str | None = None


def problems(*statuses: int) -> dict[int | str, dict[str, object]]:
    """Document the problems that a route answers with, beside those that any route may."""
    body = {"content": {MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/Problem"}}}}
    return {status: {"description": MEANINGS[status], **body} for status in sorted({*statuses, *ANYWHERE})}


def answered_with(model: type[BaseModel]) -> dict[str, object]:
    """Document an answer that a route writes by itself; the model's schema is another route's."""
    return {"content": {"application/json": {"schema": {"$ref": f"#/components/schemas/{model.__name__}"}}}}


MEANINGS = {
    400: "unreadable: no HTTP",
    401: "unauthenticated",
    403: "role-not-allowed or not-your-organisation",
    404: "not-found: there is none, or none that you may see",
    405: "method-not-allowed",
    408: "request-timed-out: the body came too slowly",
    409: "move-not-allowed, or idempotency-conflict: the key or id is known with other content",
    413: "too-large: a body has at most 1 MiB",
    415: "unsupported-media-type: JSON is asked for",
    422: "invalid: `errors` names each field",
    429: "too-many-requests: come again after Retry-After",
    503: "temporarily-unavailable: send the same request again after Retry-After; it is never done twice",
}
ANYWHERE = (401, 422, 429, 503)
