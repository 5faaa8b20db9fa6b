"""The specification's responses, field by field and in its order; what is not known is null, or an empty element."""

from typing import Literal

from domain.values import Frozen


class ServiceShape(Frozen):
    """One service of GET services; a list of them has the root element `services`."""

    service_code: str
    service_name: str
    description: str
    metadata: bool
    type: Literal["realtime", "batch", "blackbox"]
    keywords: str
    group: str


class ValueShape(Frozen):
    """One value of a list."""

    key: str
    name: str


class AttributeShape(Frozen):
    """One question of a service."""

    variable: bool
    code: str
    datatype: Literal["string", "number", "datetime", "text", "singlevaluelist", "multivaluelist"]
    required: bool
    datatype_description: str | None
    order: int
    description: str
    values: tuple[ValueShape, ...]


class ServiceDefinitionShape(Frozen):
    """GET services/{service_code}; root element `service_definition`."""

    service_code: str
    attributes: tuple[AttributeShape, ...]


class CreatedShape(Frozen):
    """The answer to POST requests for a service of the type realtime; root element `service_requests`."""

    service_request_id: str
    service_notice: str | None
    account_id: str | None


class AcceptedShape(Frozen):
    """The answer to POST requests for a service of the type batch."""

    token: str
    service_notice: str | None
    account_id: str | None


class TokenShape(Frozen):
    """GET tokens/{token}; root element `service_requests`."""

    service_request_id: str
    token: str


class RequestShape(Frozen):
    """One request of GET requests and GET requests/{service_request_id}; root element `service_requests`."""

    service_request_id: str
    status: Literal["open", "closed"]
    status_notes: str | None
    service_name: str
    service_code: str
    description: str | None
    agency_responsible: str | None
    service_notice: str | None
    requested_datetime: str
    updated_datetime: str
    expected_datetime: str | None
    address: str | None
    address_id: str | None
    zipcode: str | None
    lat: float | None
    long: float | None
    media_url: str | None


class EndpointShape(Frozen):
    """One endpoint of the discovery document."""

    specification: str
    url: str
    changeset: str
    type: Literal["production", "test"]
    formats: tuple[str, ...]


class DiscoveryShape(Frozen):
    """GET discovery; root element `discovery`."""

    changeset: str
    contact: str
    key_service: str
    endpoints: tuple[EndpointShape, ...]


class FaultShape(Frozen):
    """One error; a list of them has the root element `errors`."""

    code: int
    description: str


Shape = ServiceDefinitionShape | DiscoveryShape
"""The responses that are no list."""
