"""Signed intake: sources push what they register, by Standard Webhooks, in our form or in their own."""

import hashlib
import json
import re
from typing import Annotated, Any

from fastapi import APIRouter, Path, Request, Response
from pydantic import AwareDatetime, BaseModel, ConfigDict, ValidationError

from domain.errors import InvalidError, UnauthenticatedError
from domain.mapped import registration_of
from domain.registration import Registration
from domain.values import ID_PART_PATTERN, Actor
from domain.view import View
from domain.vocabulary import Role
from starter.availability import within_reach
from starter.gateway import examples
from starter.gateway.callers import limit_address
from starter.gateway.context import Context, Here
from starter.gateway.inputs import problems
from starter.gateway.single_keys import must_hold_each_key_once
from starter.mappings import MappingShelf
from starter.signing import HEADERS, ID_HEADER, is_signed
from storage.hooks import Received, answer_to, remember, secrets_of

MESSAGE_TYPE = "whistle.register"
_SOURCE = re.compile(ID_PART_PATTERN)
_MESSAGE_ID = re.compile(r"[!-~]{1,255}")
_MEANING = {
    ID_HEADER: "The message's own id, the same each time it is sent.",
    "webhook-timestamp": "Seconds since 1970; at most five minutes from now.",
    "webhook-signature": "`v1,` and the base64 HMAC-SHA256 of `id.timestamp.body`; several with a space between.",
}
_EXAMPLE = {"type": MESSAGE_TYPE, "timestamp": "2026-11-24T09:31:05+08:00", "data": examples.REGISTRATION}
_DOCUMENTED: dict[str, Any] = {
    "parameters": [
        {"name": name, "in": "header", "required": True, "description": text, "schema": {"type": "string"}}
        for name, text in _MEANING.items()
    ],
    "requestBody": {
        "required": True,
        "content": {"application/json": {"schema": {"type": "object"}, "example": _EXAMPLE}},
    },
    "security": [],
}

router = APIRouter(prefix="/v1/hooks", tags=["hooks"])


class RegisterMessage(BaseModel):
    """A registration in our own form."""

    model_config = ConfigDict(extra="ignore")

    type: str
    timestamp: AwareDatetime | None = None
    data: Registration


@router.post(
    "/{source_system}",
    status_code=201,
    response_model=View,
    summary="签名接入 Signed intake",
    responses=problems(403, 408, 409, 413),
    openapi_extra=_DOCUMENTED,
)
async def take_in(source_system: Annotated[str, Path(examples=["12345"])], request: Request, here: Here) -> Response:
    """Register what a source sends, signed with its secret (`hook@SOURCE`).

    The body is `{type: "whistle.register", timestamp, data: a registration}`, or the source's own JSON where a mapping
    is configured for it. The same message again has no second effect and gets the same answer; 2xx comes only once
    all is stored.
    """
    body = await request.body()
    await _must_be_signed(here, source_system, request, body)
    received = _received(source_system, request, body)
    async with within_reach():
        answer = await answer_to(here.door.pool, received)
    if answer is None:
        answer = await _register(here, request, received, _document(body))
    found = json.dumps(answer, ensure_ascii=False, separators=(",", ":"))
    location = {"Location": f"/v1/whistles/{answer['whistle_id']}"}
    return Response(found, status_code=201, media_type="application/json", headers=location)


async def _register(context: Context, request: Request, received: Received, document: dict[str, Any]) -> dict[str, Any]:
    source = received.source_system
    registration = await _registration(context, request, source, document)
    actor = Actor(subject=f"hook@{source}", role=Role.SOURCE_SYSTEM, organisation=source)
    registered = await context.door.register(registration, actor)
    async with within_reach():
        answer = registered.view.model_dump(mode="json")
        return await remember(context.door.pool, received, registered.whistle_id, answer)


async def _must_be_signed(context: Context, source_system: str, request: Request, body: bytes) -> None:
    good: list[str] = []
    if _SOURCE.fullmatch(source_system):
        async with within_reach():
            good = await secrets_of(context.door.pool, source_system)
    if is_signed(body, request.headers, good):
        context.limiter.hit(f"hook/{source_system}")
        return
    limit_address(context, request)
    message = f"sign with the secret of hook@SOURCE, by {', '.join(HEADERS)}, within five minutes"
    raise UnauthenticatedError(message)


def _received(source_system: str, request: Request, body: bytes) -> Received:
    message_id = request.headers[ID_HEADER]
    if not _MESSAGE_ID.fullmatch(message_id):
        raise InvalidError.of(ID_HEADER, "it has 1 to 255 visible ASCII characters")
    return Received(source_system=source_system, message_id=message_id, body_sha256=hashlib.sha256(body).hexdigest())


def _document(body: bytes) -> dict[str, Any]:
    try:
        document = json.loads(body, parse_constant=_no_number)
    except (ValueError, RecursionError) as error:
        reason = "it is nested too deeply" if isinstance(error, RecursionError) else "it is no JSON"
        raise InvalidError.of("body", reason) from None
    if not isinstance(document, dict):
        raise InvalidError.of("body", "it must be one object")
    must_hold_each_key_once(body)
    return document


def _no_number(name: str) -> None:
    message = f"{name} is no JSON"
    raise ValueError(message)


async def _registration(
    context: Context, request: Request, source_system: str, document: dict[str, Any]
) -> Registration:
    if document.get("type") == MESSAGE_TYPE:
        return _in_our_form(document)
    mapping = _shelf(context, request).current().of(source_system, document)
    if mapping is None:
        message = f"it is not {MESSAGE_TYPE}, and no mapping of {source_system} fits the message"
        raise InvalidError.of("type", message)
    return registration_of(mapping, document, source_system, await context.door.organisations())


def _in_our_form(document: dict[str, Any]) -> Registration:
    try:
        return RegisterMessage.model_validate(document).data
    except ValidationError as error:
        raise InvalidError.from_validation(error) from None


def _shelf(context: Context, request: Request) -> MappingShelf:
    state = request.app.state
    if not hasattr(state, "mappings"):
        state.mappings = MappingShelf(context.settings.data_dir)
    found: MappingShelf = state.mappings
    return found
