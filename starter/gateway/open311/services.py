"""The services that residents may ask for, as catalogues/open311_services.json configures them."""

from collections.abc import Iterable
from enum import StrEnum
from functools import cache, cached_property
from typing import Annotated, Literal, Self

from pydantic import StringConstraints, model_validator

import catalogues
from domain.values import Frozen, IdPart, Line, Reason
from domain.vocabulary import DemandType, Urgency, WhistleKind

FILE = "open311_services.json"
DEMAND_TYPE, CONFIDENTIAL, EXTERNAL_ID = "demand_type", "confidential", "external_id"
"""The attributes that this gateway itself reads; any other one is told in the description."""

Code = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_-]{1,64}$")]


class Datatype(StrEnum):
    """What the specification lets an attribute ask for."""

    STRING = "string"
    NUMBER = "number"
    DATETIME = "datetime"
    TEXT = "text"
    SINGLE = "singlevaluelist"
    MULTIPLE = "multivaluelist"


LISTS = frozenset({Datatype.SINGLE, Datatype.MULTIPLE})


class Choice(Frozen):
    """One value of a list."""

    key: Code
    name: Line


class Attribute(Frozen):
    """A question beside the common fields; one that is not `variable` only tells the resident something."""

    code: Code
    datatype: Datatype
    description: Line
    datatype_description: Line | None = None
    required: bool = False
    variable: bool = True
    values: tuple[Choice, ...] = ()

    @model_validator(mode="after")
    def _makes_sense(self) -> Self:
        if bool(self.values) is not (self.datatype in LISTS):
            message = f"{self.code}: values belong to lists, and a list needs some"
            raise ValueError(message)
        if self.required and not self.variable:
            message = f"{self.code}: what only tells something is never required"
            raise ValueError(message)
        _require_distinct(f"{self.code}: key", (choice.key for choice in self.values))
        return self

    @property
    def names(self) -> dict[str, str]:
        """The name of each value of a list by its key."""
        return {choice.key: choice.name for choice in self.values}


class Service(Frozen):
    """A kind of matter; `kind`, `urgency` and `demand_type` are hints for the township's review."""

    code: IdPart
    name: Line
    description: Line
    group: Line
    keywords: tuple[Line, ...] = ()
    type: Literal["realtime", "batch"] = "realtime"
    notice: Reason | None = None
    kind: WhistleKind | None = None
    urgency: Urgency | None = None
    demand_type: DemandType | None = None
    attributes: tuple[Attribute, ...] = ()


class ServiceCatalogue(Frozen):
    """All services of the district, with what the discovery document says of them.

    `fallback` is the service under which whistles appear that came in by another way.
    """

    changeset: Annotated[str, StringConstraints(pattern=r"^\d{4}-\d{2}-\d{2} \d{2}:\d{2}$")]
    contact: Reason
    key_service: Reason
    endpoint_type: Literal["production", "test"] = "production"
    fallback: IdPart
    common_attributes: tuple[Attribute, ...] = ()
    services: tuple[Service, ...]

    @model_validator(mode="after")
    def _is_one_catalogue(self) -> Self:
        _require_distinct("service code", (service.code for service in self.services))
        for service in self.services:
            _require_distinct(f"{service.code}: attribute code", (a.code for a in self.attributes_of(service)))
        if self.fallback not in self.by_code:
            message = f"fallback: there is no service {self.fallback}"
            raise ValueError(message)
        for attribute in (*self.common_attributes, *(a for s in self.services for a in s.attributes)):
            _require_own_shape(attribute)
        return self

    @cached_property
    def by_code(self) -> dict[str, Service]:
        """The services by their codes."""
        return {service.code: service for service in self.services}

    def attributes_of(self, service: Service) -> tuple[Attribute, ...]:
        """List a service's own questions, then those of every service."""
        return (*service.attributes, *self.common_attributes)

    def shown(self, code: str | None) -> tuple[str, str, str | None]:
        """Give the code, name and notice under which a request appears; a retired service keeps its code."""
        service = self.by_code.get(code or self.fallback)
        return (service.code, service.name, service.notice) if service else (str(code), str(code), None)


@cache
def service_catalogue() -> ServiceCatalogue:
    """Load the shipped catalogue; raises pydantic's ValidationError for one that is not sound."""
    return ServiceCatalogue.model_validate_json(catalogues.read(FILE))


def _require_distinct(what: str, names: Iterable[str]) -> None:
    seen: set[str] = set()
    for name in names:
        if name in seen:
            message = f"{what} {name} stands twice"
            raise ValueError(message)
        seen.add(name)


def _require_own_shape(attribute: Attribute) -> None:
    shapes: dict[str, tuple[Datatype, frozenset[str]]] = {
        DEMAND_TYPE: (Datatype.SINGLE, frozenset(DemandType)),
        CONFIDENTIAL: (Datatype.SINGLE, frozenset({"true", "false"})),
        EXTERNAL_ID: (Datatype.STRING, frozenset()),
    }
    if attribute.code not in shapes:
        return
    datatype, keys = shapes[attribute.code]
    if attribute.datatype is not datatype or not attribute.names.keys() <= keys:
        message = f"{attribute.code} is read by the gateway: a {datatype} of {sorted(keys) or 'free text'}"
        raise ValueError(message)
