"""What the OpenAPI document says of each operation: its arguments, and its responses in both formats."""

from typing import Any, NamedTuple

from pydantic import TypeAdapter

from domain.values import ID_PART_PATTERN, SLUG_PATTERN
from domain.vocabulary import DemandType
from starter.gateway.open311.forms import LONGEST_DESCRIPTION, MEDIA_TYPE
from starter.gateway.open311.queries import MOST_PAGES, MOST_REQUESTS
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
_STATUS = {"type": "string", "pattern": "^((open|closed)(,(open|closed))*)?$"}
_NOTHING = {"type": "string", "maxLength": 0}
_MOMENT = {"anyOf": [{"type": "string", "format": "date-time"}, {"type": "string", "format": "date"}, _NOTHING]}
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
    "attribute[demand_type]": "what is asked for",
    "attribute[confidential]": "true hides description and place from everyone without a key",
    "attribute[external_id]": "the source's own number: the same again has no second effect",
}
_NO_CONTROL = r"[^\x00-\x08\x0b\x0c\x0e-\x1f\x7f]"
_TOLD = f"^{_NO_CONTROL}*$"
_BOUNDS: dict[str, dict[str, Any]] = {
    "lat": {"type": "number", "minimum": -90, "maximum": 90},
    "long": {"type": "number", "minimum": -180, "maximum": 180},
    "jurisdiction_id": {"pattern": SLUG_PATTERN},
    "service_code": {"pattern": ID_PART_PATTERN},
    "address_string": {"pattern": f"^{_NO_CONTROL}*[^\\x00-\\x20\\x7f\\s]{_NO_CONTROL}*$", "maxLength": 500},
    "description": {"pattern": _TOLD, "maxLength": LONGEST_DESCRIPTION},
    "email": {"pattern": _TOLD, "maxLength": 100},
    "account_id": {"pattern": _TOLD, "maxLength": 64},
    "first_name": {"pattern": _TOLD, "maxLength": 10},
    "last_name": {"pattern": _TOLD, "maxLength": 10},
    "phone": {"pattern": r"^(|[0-9+() -]*[0-9]{3}[0-9+() -]*)$", "maxLength": 40},
    "media_url": {"pattern": r"^(|https?://[!-~]+)$", "maxLength": 2000},
    "attribute[confidential]": {"enum": ["true", "false"]},
    "attribute[demand_type]": {"enum": [demand.value for demand in DemandType]},
    "attribute[external_id]": {"pattern": ID_PART_PATTERN},
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
        refused = _response("The specification's error list", list[FaultShape], suffix)
        refusals: dict[int | str, dict[str, Any]] = {"default": refused} | dict.fromkeys(self.errors, refused)
        answers = {status: _response("As the specification says", shape, suffix) for status, shape in good.items()}
        return answers | refusals

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
    properties = {
        name: {"type": "string", **_BOUNDS.get(name, {}), "description": description}
        for name, description in _FIELDS.items()
    }
    schema = {
        "type": "object",
        "properties": properties,
        "required": ["jurisdiction_id", "service_code"],
        "anyOf": [{"required": ["address_string"]}, {"required": ["lat", "long"]}],
    }
    examples = {"暴露垃圾": {"value": _EXAMPLE}}
    return {"required": True, "content": {MEDIA_TYPE: {"schema": schema, "examples": examples}}}


def _response(what: str, shape: object, suffix: str) -> dict[str, Any]:
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
    ("status", "open, closed, or both, comma delimited", _STATUS),
    ("page", "from 1", {"anyOf": [{"type": "integer", "minimum": 1, "maximum": MOST_PAGES}, _NOTHING]}),
    ("page_size", "at most 1,000", {"anyOf": [{"type": "integer", "minimum": 1, "maximum": MOST_REQUESTS}, _NOTHING]}),
)
OPERATIONS: dict[str, Operation] = {
    "get_discovery": Operation("Service discovery", DiscoveryShape, (), (429,)),
    "get_services": Operation("GET Service List", list[ServiceShape]),
    "get_service": Operation("GET Service Definition", ServiceDefinitionShape),
    "post_request": Operation(
        "POST Service Request", list[CreatedShape], errors=(400, 403, 404, 409, 413, 415, 429, 503), posts=True
    ),
    "get_requests": Operation("GET Service Requests", list[RequestShape], _FILTERS, (400, 403, 404, 429, 503)),
    "get_request": Operation(
        "GET Service Request", list[RequestShape], (_JURISDICTION, _KEY), (400, 403, 404, 429, 503)
    ),
    "get_token": Operation("GET service_request_id from a token", list[TokenShape]),
}
