"""What the OpenAPI document says of each operation: its arguments, and its responses in both formats."""

from http import HTTPStatus
from typing import Any, NamedTuple

from pydantic import TypeAdapter

from starter.gateway.open311.forms import MEDIA_TYPE
from starter.gateway.open311.shapes import (
    CreatedShape,
    DiscoveryShape,
    FaultShape,
    RequestShape,
    ServiceDefinitionShape,
    ServiceShape,
    TokenShape,
)

_TEXT = {"type": "string"}
_MOMENT = {"type": "string", "format": "date-time"}
_JURISDICTION = (
    "jurisdiction_id",
    "a township's slug, such as jinhaihu; the whole district where it is missing",
    _TEXT,
)
_KEY = ("api_key", "a key, for what is not open to everyone", _TEXT)
_FIELDS = {
    "api_key": "the key of a source; here, in the query, or as Authorization: Bearer",
    "jurisdiction_id": "the township where the matter is",
    "service_code": "a code of GET services",
    "lat": "latitude, WGS84",
    "long": "longitude, WGS84",
    "address_string": "where it is, in words; needed without lat and long",
    "email": "of the person who reports",
    "device_id": "accepted, not kept",
    "account_id": "of the person who reports, at the source",
    "first_name": "名",
    "last_name": "姓",
    "phone": "of the person who reports",
    "description": "what is the matter, at most 4,000 characters",
    "media_url": "a picture's http or https address",
    "attribute[demand_type]": "CONSULTATION, REQUEST, COMPLAINT, REPORT, SUGGESTION",
    "attribute[confidential]": "true hides description and place from everyone without a key",
    "attribute[external_id]": "the source's own number: the same again has no second effect",
}
_EXAMPLE = {
    "api_key": "KEY",
    "jurisdiction_id": "jinhaihu",
    "service_code": "exposed-garbage",
    "address_string": "金海湖镇海子村村口",
    "description": "路边堆放建筑垃圾",
}


class Operation(NamedTuple):
    """One operation of the specification."""

    summary: str
    shape: Any
    arguments: tuple[tuple[str, str, dict[str, Any]], ...] = (_JURISDICTION,)
    errors: tuple[int, ...] = (400, 404, 429, 503)
    posts: bool = False

    def responses(self, suffix: str) -> dict[int | str, dict[str, Any]]:
        """Describe the responses of the path with this suffix."""
        good = {200: self.shape, 201: self.shape} if self.posts else {200: self.shape}
        shapes = good | dict.fromkeys(self.errors, list[FaultShape])
        return {status: _response(status, shape, suffix) for status, shape in shapes.items()}

    def extra(self) -> dict[str, Any]:
        """Describe the arguments that the handlers read by themselves."""
        arguments = [
            {"name": name, "in": "query", "required": False, "description": description, "schema": schema}
            for name, description, schema in self.arguments
        ]
        if not self.posts:
            return {"parameters": arguments}
        header = {
            "name": "Idempotency-Key",
            "in": "header",
            "required": False,
            "schema": {"type": "string", "maxLength": 255},
        }
        return {"parameters": [header], "requestBody": _form()}


def _form() -> dict[str, Any]:
    properties = {name: {"type": "string", "description": description} for name, description in _FIELDS.items()}
    schema = {"type": "object", "properties": properties, "required": ["jurisdiction_id", "service_code"]}
    return {"required": True, "content": {MEDIA_TYPE: {"schema": schema, "example": _EXAMPLE}}}


def _response(status: int, shape: object, suffix: str) -> dict[str, Any]:
    what = "The specification's error list" if status >= HTTPStatus.BAD_REQUEST else "As the specification says"
    if suffix == ".json":
        return {"description": what, "content": {"application/json": {"schema": _schema(shape)}}}
    return {"description": what, "content": {"text/xml": {"schema": {"type": "string"}}}}


def _schema(shape: Any) -> dict[str, Any]:  # noqa: ANN401 - a type, or a list of one
    schema = TypeAdapter[Any](shape).json_schema(mode="serialization", ref_template="#/components/schemas/{model}")
    inlined: dict[str, Any] = _inlined(schema, schema.pop("$defs", {}))
    return inlined


def _inlined(node: Any, parts: dict[str, Any]) -> Any:  # noqa: ANN401 - any part of a JSON schema
    if isinstance(node, dict):
        if "$ref" in node:
            return _inlined(parts[str(node["$ref"]).rpartition("/")[2]], parts)
        return {key: _inlined(value, parts) for key, value in node.items()}
    return [_inlined(value, parts) for value in node] if isinstance(node, list) else node


_FILTERS = (
    _JURISDICTION,
    _KEY,
    ("service_request_id", "ids, comma delimited; overrides all other arguments", _TEXT),
    ("service_code", "codes, comma delimited", _TEXT),
    ("start_date", "the earliest requested_datetime; by default 90 days before end_date", _MOMENT),
    ("end_date", "the latest requested_datetime; by default now", _MOMENT),
    ("status", "open, closed, or both, comma delimited", _TEXT),
    ("page", "from 1", {"type": "integer", "minimum": 1, "maximum": 10_000}),
    ("page_size", "at most 1,000", {"type": "integer", "minimum": 1, "maximum": 1000}),
)
OPERATIONS: dict[str, Operation] = {
    "get_discovery": Operation("Service discovery", DiscoveryShape, (), (429,)),
    "get_services": Operation("GET Service List", list[ServiceShape]),
    "get_service": Operation("GET Service Definition", ServiceDefinitionShape),
    "post_request": Operation(
        "POST Service Request", list[CreatedShape], errors=(400, 403, 404, 413, 415, 429, 503), posts=True
    ),
    "get_requests": Operation("GET Service Requests", list[RequestShape], _FILTERS, (400, 403, 404, 429, 503)),
    "get_request": Operation(
        "GET Service Request", list[RequestShape], (_JURISDICTION, _KEY), (400, 403, 404, 429, 503)
    ),
    "get_token": Operation("GET service_request_id from a token", list[TokenShape]),
}
