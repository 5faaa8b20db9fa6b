"""The paths of GeoReport v2, each with .json, with .xml, and with neither, which is XML."""

from collections.abc import Callable
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Request, Response

from starter.availability import within_reach
from starter.gateway.callers import limit_address
from starter.gateway.context import Context, Here
from starter.gateway.open311 import describing as describe
from starter.gateway.open311.documents import Document
from starter.gateway.open311.faults import (
    METHOD_NOT_ALLOWED,
    NOT_FOUND,
    Fault,
    Open311Error,
    Open311Route,
    format_of,
    unknown,
)
from starter.gateway.open311.forms import read_form
from starter.gateway.open311.presentation import definition, discovery, requests_shown, service_shown
from starter.gateway.open311.queries import WHISTLE_ID, asked_filter, asked_ids, check_overridden, now
from starter.gateway.open311.readers import Reader, audited, key_of, reader_of, source_of
from starter.gateway.open311.reporting import JURISDICTION, report, report_of, township_of
from starter.gateway.open311.services import ServiceCatalogue, service_catalogue
from starter.gateway.open311.shapes import Shape, TokenShape
from storage import open311 as store

PREFIX = "/open311/v2"
_SUFFIXES = (".json", ".xml", "")
_METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS")
_LONGEST_TOKEN = 64

Services = Annotated[ServiceCatalogue, Depends(service_catalogue)]
router = APIRouter(prefix=PREFIX, tags=["Open311 GeoReport v2"], route_class=Open311Route)


async def get_discovery(request: Request, context: Here, services: Services) -> Response:
    """Say where this endpoint is, which formats it speaks, and how to get a key."""
    limit_address(context, request)
    return _document(request, "discovery", discovery(services, f"{str(request.base_url).rstrip('/')}{PREFIX}"))


async def get_services(request: Request, context: Here, services: Services) -> Response:
    """List what residents may ask for."""
    await reader_of(context, request)
    await _jurisdiction(request, context)
    return _document(request, "services", [service_shown(service, services) for service in services.services])


async def get_service(request: Request, context: Here, services: Services, service_code: str) -> Response:
    """Define one service: the questions to answer when it is asked for."""
    await reader_of(context, request)
    await _jurisdiction(request, context)
    service = services.by_code.get(service_code)
    if service is None:
        raise Open311Error(unknown("service_code", service_code))
    return _document(request, "service_definition", definition(service, services))


async def post_request(request: Request, context: Here, services: Services) -> Response:
    """Report a matter; sent again with the same attribute[external_id] or Idempotency-Key it has no second effect."""
    form = read_form(request.headers.get("content-type"), await request.body())
    query = {name: value for name in (JURISDICTION,) if (value := request.query_params.get(name, "").strip())}
    form = form._replace(fields=query | form.fields)
    actor = await source_of(context, request, form.fields.get("api_key") or key_of(request))
    wanted = report_of(form, services, await context.door.organisations())
    receipt = await report(context.door, wanted, actor, request.headers.get("idempotency-key"), now())
    return _document(request, "service_requests", [receipt.answer], status=201 if receipt.created else 200)


async def get_requests(request: Request, context: Here, services: Services) -> Response:
    """List requests, the newest first: at most 90 days and 1,000 of them."""
    reader = await reader_of(context, request)
    ids = asked_ids(request.query_params)
    if ids is not None:
        check_overridden(request.query_params)
        async with within_reach():
            named = await store.named_requests(context.door.pool, ids, reader.sight)
        return await _requests(request, context, services, reader, named)
    township = await _jurisdiction(request, context)
    which = asked_filter(request.query_params, township, services.fallback, now())
    async with within_reach():
        found = await store.list_requests(context.door.pool, which, reader.sight)
    return await _requests(request, context, services, reader, found)


async def get_request(request: Request, context: Here, services: Services, service_request_id: str) -> Response:
    """Read one request."""
    reader = await reader_of(context, request)
    township = await _jurisdiction(request, context)
    found = []
    if WHISTLE_ID.fullmatch(service_request_id):
        async with within_reach():
            found = await store.named_requests(context.door.pool, [service_request_id], reader.sight)
    if not found or township not in (None, found[0].township):
        raise Open311Error(unknown("service_request_id", service_request_id))
    return await _requests(request, context, services, reader, found)


async def get_token(request: Request, context: Here, token: str) -> Response:
    """Read the service_request_id that a token stands for."""
    await reader_of(context, request)
    await _jurisdiction(request, context)
    found = None
    if len(token) <= _LONGEST_TOKEN and token.isascii() and token.isprintable():
        async with within_reach():
            found = await store.id_of_token(context.door.pool, token)
    if found is None:
        raise Open311Error(unknown("token", token))
    return _document(request, "service_requests", [TokenShape(service_request_id=found, token=token)])


async def get_nothing(request: Request) -> Response:
    """Say that there is nothing of that name, or that it takes other methods."""
    offered = [r for r in router.routes if isinstance(r, Open311Route) and r.path_regex.match(request.url.path)]
    allowed = ", ".join(
        dict.fromkeys(method for r in offered if r.endpoint is not get_nothing for method in r.methods or ())
    )
    if not allowed:
        raise Open311Error(Fault(NOT_FOUND, "没有这一资源。 There is no such resource; see discovery.xml."))
    description = f"只接受 {allowed}。 Only {allowed} is answered here."
    raise Open311Error(Fault(METHOD_NOT_ALLOWED, description), headers={"Allow": allowed})


async def _jurisdiction(request: Request, context: Context) -> str | None:
    asked = request.query_params.get(JURISDICTION, "").strip()
    if not asked:
        return None
    return township_of(asked, await context.door.organisations())


async def _requests(
    request: Request, context: Context, services: ServiceCatalogue, reader: Reader, found: list[store.Request]
) -> Response:
    organisations = await context.door.organisations()
    shown = requests_shown(found, await audited(context, reader, found), services, organisations)
    return _document(request, "service_requests", shown)


def _document(request: Request, root: str, shape: Shape | list[Any], *, status: int = 200) -> Response:
    value = [s.model_dump(mode="json") for s in shape] if isinstance(shape, list) else shape.model_dump(mode="json")
    return Document(root, value, format_of(request), status)


def _offer(path: str, **endpoints: Callable[..., Any]) -> None:
    for suffix in _SUFFIXES:
        for method, endpoint in endpoints.items():
            described = describe.OPERATIONS[endpoint.__name__]
            router.add_api_route(
                f"{path}{suffix}",
                endpoint,
                methods=[method.upper()],
                summary=described.summary,
                responses=described.responses(suffix),
                openapi_extra=described.extra(),
                include_in_schema=bool(suffix),
                response_class=Response,
            )


_offer("/discovery", get=get_discovery)
_offer("/services", get=get_services)
_offer("/services/{service_code}", get=get_service)
_offer("/requests", get=get_requests, post=post_request)
_offer("/requests/{service_request_id}", get=get_request)
_offer("/tokens/{token}", get=get_token)
router.add_api_route("/{rest:path}", get_nothing, methods=list(_METHODS), include_in_schema=False)
