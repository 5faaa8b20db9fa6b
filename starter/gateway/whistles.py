"""Writing: register a whistle, and every command of the domain as a POST of its own."""

from typing import Annotated, Any
from uuid import uuid4

from fastapi import APIRouter, Body, Response
from pydantic import ValidationError

from domain.authority import REGISTER, roles_for
from domain.commands import COMMANDS, Command
from domain.errors import TemporarilyUnavailableError
from domain.registration import Registration
from domain.view import View
from starter.bearers import actor_for
from starter.gateway import examples
from starter.gateway.callers import Caller
from starter.gateway.context import Context, Door, Here
from starter.gateway.inputs import IdempotencyKey, JsonOnly, WhistleId, answered_with, problems
from starter.gateway.routing import OrderlyRoute, for_roles
from storage.keys import Principal

router = APIRouter(prefix="/v1/whistles", dependencies=[JsonOnly], route_class=OrderlyRoute)

_JSON = "application/json"
_VIEW = answered_with(View)
_KNOWN: dict[int | str, dict[str, Any]] = {
    200: _VIEW | {"description": "The same was registered before; the whistle as it stands now."},
    201: _VIEW | {"description": "The whistle as it stands now."},
}
_DONE: dict[int | str, dict[str, Any]] = {200: _VIEW | {"description": "The whistle as it stands once that is stored."}}
_WRITING = (403, 404, 408, 409, 413, 415)


@router.post(
    "",
    status_code=201,
    response_class=Response,
    summary="登记 register",
    tags=["whistles"],
    responses={**_KNOWN, **problems(403, 408, 409, 413, 415)},
)
@for_roles(*roles_for(REGISTER))
async def register(
    registration: Annotated[Registration, Body(openapi_examples={"渣土": {"value": examples.REGISTRATION}})],
    caller: Caller,
    door: Door,
) -> Response:
    """Register a matter, from which a whistle may come.

    Idempotent for ever by `source_system` and `external_id`: the same content again is 200, other content 409. A
    source registers under its own name, everyone else under their organisation's code.
    """
    registered = await door.register(registration, caller.actor)
    location = {"Location": f"/v1/whistles/{registered.whistle_id}"}
    return _answer(registered.view, 201 if registered.created else 200, location)


def _add_command(name: str, model: type[Command]) -> None:
    """Add the route of one command, documented by its own model and example."""

    @for_roles(*roles_for(name))
    async def command(
        whistle_id: WhistleId, caller: Caller, context: Here, body: Command, idempotency_key: IdempotencyKey = None
    ) -> Response:
        return await _do(context, caller, whistle_id, body, idempotency_key)

    example: dict[str, Any] = {model.label: {"value": examples.COMMANDS[name]}}
    command.__annotations__["body"] = Annotated[model, Body(openapi_examples=example)]
    if _may_be_empty(model):
        command.__defaults__ = (model(), None)
    command.__doc__ = f"{(model.__doc__ or '').strip()}\n\nAnswers with the whistle as it stands once that is stored."
    router.add_api_route(
        f"/{{whistle_id}}/{name.replace('_', '-')}",
        command,
        methods=["POST"],
        name=name,
        operation_id=name,
        summary=f"{model.label} {name.replace('_', ' ')}",
        response_class=Response,
        tags=["commands"],
        responses={**_DONE, **problems(*_WRITING)},
    )


async def _do(context: Context, caller: Principal, whistle_id: str, body: Command, key: str | None) -> Response:
    actor = await actor_for(context.door.pool, caller, whistle_id, body)
    name, fresh = body.wire_name(), key or uuid4().hex
    fields = body.model_dump(mode="json", exclude_unset=True)
    try:
        await context.door.do(whistle_id, name, fields, actor, f"{caller.name}:{fresh}")
    except TemporarilyUnavailableError as error:
        if key:
            raise
        message = f"{error.detail}; this time with Idempotency-Key: {fresh}"
        raise TemporarilyUnavailableError(message) from None
    return _answer(await context.door.view(whistle_id), 200, {})


def _answer(found: View, status: int, headers: dict[str, str]) -> Response:
    return Response(found.model_dump_json(), status_code=status, media_type=_JSON, headers=headers)


def _may_be_empty(model: type[Command]) -> bool:
    try:
        model()
    except ValidationError:
        return False
    return True


def _add_commands() -> None:
    for name, model in COMMANDS.items():
        _add_command(name, model)


_add_commands()
