"""Filling the specification's responses from the services and the requests as the store knows them."""

from collections.abc import Iterable

from domain.coordinates import to_wgs84
from domain.organisations import Organisations
from domain.values import Place
from domain.vocabulary import CoordinateSystem
from starter.gateway.open311.forms import LONGEST_DESCRIPTION
from starter.gateway.open311.moments import written
from starter.gateway.open311.services import Attribute, Service, ServiceCatalogue
from starter.gateway.open311.shapes import (
    AttributeShape,
    DiscoveryShape,
    EndpointShape,
    RequestShape,
    ServiceDefinitionShape,
    ServiceShape,
    ValueShape,
)
from starter.gateway.open311.status import agency_responsible, expected_at, is_open, status_notes, updated_at
from storage.open311 import Request

SPECIFICATION = "http://wiki.open311.org/GeoReport_v2"
_DECIMALS = 6


def discovery(catalogue: ServiceCatalogue, url: str) -> DiscoveryShape:
    """Say where the one endpoint is and what it speaks."""
    endpoint = EndpointShape(
        specification=SPECIFICATION,
        url=url,
        changeset=catalogue.changeset,
        type=catalogue.endpoint_type,
        formats=("text/xml", "application/json"),
    )
    return DiscoveryShape(
        changeset=catalogue.changeset,
        contact=catalogue.contact,
        key_service=catalogue.key_service,
        endpoints=(endpoint,),
    )


def service_shown(service: Service, catalogue: ServiceCatalogue) -> ServiceShape:
    """Show a service in the list."""
    return ServiceShape(
        service_code=service.code,
        service_name=service.name,
        description=service.description,
        metadata=bool(catalogue.attributes_of(service)),
        type=service.type,
        keywords=", ".join(service.keywords),
        group=service.group,
    )


def definition(service: Service, catalogue: ServiceCatalogue) -> ServiceDefinitionShape:
    """Show a service's questions, numbered from 1 in their order."""
    questions = enumerate(catalogue.attributes_of(service), start=1)
    shown = tuple(_attribute(order, attribute) for order, attribute in questions)
    return ServiceDefinitionShape(service_code=service.code, attributes=shown)


def requests_shown(
    requests: Iterable[Request], in_full: set[str], catalogue: ServiceCatalogue, organisations: Organisations
) -> list[RequestShape]:
    """Show requests; of those that are not public or confidential what was told and where only `in_full`."""
    return [
        _request(request, catalogue, organisations, in_full=request.whistle_id in in_full or is_disclosed(request))
        for request in requests
    ]


def is_disclosed(request: Request) -> bool:
    """Tell whether everyone may read what was told and where."""
    return request.public and not request.confidential


def _attribute(order: int, attribute: Attribute) -> AttributeShape:
    return AttributeShape(
        variable=attribute.variable,
        code=attribute.code,
        datatype=attribute.datatype.value,
        required=attribute.required,
        datatype_description=attribute.datatype_description,
        order=order,
        description=attribute.description,
        values=tuple(ValueShape(key=choice.key, name=choice.name) for choice in attribute.values),
    )


def _request(
    request: Request, catalogue: ServiceCatalogue, organisations: Organisations, *, in_full: bool
) -> RequestShape:
    code, name, notice = catalogue.shown(request.service_code)
    lat, long = _degrees(request.place) if in_full else (None, None)
    return RequestShape(
        service_request_id=request.whistle_id,
        status="open" if is_open(request) else "closed",
        status_notes=status_notes(request, organisations.name_of, in_full=in_full),
        service_name=name,
        service_code=code,
        description=request.description[:LONGEST_DESCRIPTION] if in_full else None,
        agency_responsible=agency_responsible(request, organisations.name_of),
        service_notice=notice,
        requested_datetime=written(request.requested_at),
        updated_datetime=written(updated_at(request)),
        expected_datetime=written(at) if (at := expected_at(request)) else None,
        address=request.place.address if in_full else None,
        address_id=None,
        zipcode=None,
        lat=lat,
        long=long,
        media_url=_media_url(request) if in_full else None,
    )


def _degrees(place: Place) -> tuple[float | None, float | None]:
    if place.lat is None or place.lng is None:
        return None, None
    same = place.crs in (CoordinateSystem.WGS84, CoordinateSystem.CGCS2000)
    lng, lat = (place.lng, place.lat) if same else to_wgs84(place.lng, place.lat)
    return round(lat, _DECIMALS), round(lng, _DECIMALS)


def _media_url(request: Request) -> str | None:
    urls = (evidence.url for evidence in request.evidence)
    return next((url for url in urls if url.startswith(("https://", "http://"))), None)
