"""What may be asked next: links of OpenAPI, from where an answer names something to the operations on it.

Client generators and test tools follow them: a whistle leads to each command on it, a list to its first item.
"""

from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from fastapi.routing import APIRoute

_SUFFIXES = (".json", ".xml")


class _Leads(NamedTuple):
    """Where an answer, or the request before it, tells what paths are filled with; `only` limits where it leads."""

    by: Mapping[str, str]
    only: frozenset[str] = frozenset({"get", "post", "put", "delete"})


_WHISTLE = {"whistle_id": "$response.body#/whistle_id"}
_FIRST = {"whistle_id": "$response.body#/items/0/whistle_id"}
_LEADS: dict[str, _Leads] = {
    "register": _Leads(_WHISTLE),
    "take_in": _Leads(_WHISTLE, frozenset({"get"})),
    "list_whistles": _Leads(_FIRST),
    "list_tasks": _Leads(_FIRST),
    "list_supervisions": _Leads({"number": "$response.body#/items/0/number"}),
    "create_webhook": _Leads({"webhook_id": "$response.body#/id"}),
    "show_deliveries": _Leads(
        {"webhook_id": "$request.path.webhook_id", "delivery_id": "$response.body#/items/0/id"}, frozenset({"post"})
    ),
    "get_services_json": _Leads({"service_code": "$response.body#/0/service_code"}),
    "post_request_json": _Leads({"service_request_id": "$response.body#/0/service_request_id"}),
}


def operation_id(route: APIRoute) -> str:
    """Name an operation as its function is named, and by the format where a path has several."""
    suffix = next((suffix for suffix in _SUFFIXES if route.path.endswith(suffix)), "")
    return f"{route.name}{suffix.replace('.', '_')}"


def link(document: dict[str, Any]) -> None:
    """Put links into every answer of a document that leads somewhere."""
    operations = list(_operations(document))
    for _, _, operation in operations:
        leads = _LEADS.get(operation["operationId"])
        if leads is None:
            continue
        links = {
            target["operationId"]: {"operationId": target["operationId"], "parameters": dict(leads.by)}
            for method, path, target in operations
            if method in leads.only and _filled_by(path) == set(leads.by)
        }
        for status, answer in operation["responses"].items():
            if status.startswith("2"):
                answer["links"] = links


def _operations(document: dict[str, Any]) -> Iterator[tuple[str, str, dict[str, Any]]]:
    for path, methods in document["paths"].items():
        yield from ((method, path, operation) for method, operation in methods.items())


def _filled_by(path: str) -> set[str]:
    return {part.partition("}")[0] for part in path.split("{")[1:]}
