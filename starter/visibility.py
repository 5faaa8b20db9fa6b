"""The search attributes of whistles at a Temporal server: which are there, and registering those that are not.

`whistle migrate` and every worker that starts see to it, so that a new Temporal needs no command of its own.
"""

from typing import NamedTuple

from temporalio.api.enums.v1 import IndexedValueType
from temporalio.api.operatorservice.v1 import AddSearchAttributesRequest, ListSearchAttributesRequest
from temporalio.client import Client
from temporalio.service import RPCError, RPCStatusCode

from workflows.search_attributes import SEARCH_ATTRIBUTES

KINDS = {
    "Keyword": IndexedValueType.INDEXED_VALUE_TYPE_KEYWORD,
    "KeywordList": IndexedValueType.INDEXED_VALUE_TYPE_KEYWORD_LIST,
    "Datetime": IndexedValueType.INDEXED_VALUE_TYPE_DATETIME,
    "Int": IndexedValueType.INDEXED_VALUE_TYPE_INT,
}
_REFUSED = frozenset(
    {
        RPCStatusCode.PERMISSION_DENIED,
        RPCStatusCode.UNIMPLEMENTED,
        RPCStatusCode.INVALID_ARGUMENT,
        RPCStatusCode.FAILED_PRECONDITION,
    }
)


class AttributesRefusedError(Exception):
    """Temporal does not let us register a search attribute, or has it with another type; says what to do."""


class Registered(NamedTuple):
    """What a namespace lacks, and what it has with another type than ours."""

    missing: tuple[str, ...]
    other: tuple[str, ...]

    @property
    def command(self) -> str:
        """The command that registers what is missing."""
        flags = " ".join(f"--name {name} --type {SEARCH_ATTRIBUTES[name]}" for name in self.missing)
        return f"temporal operator search-attribute create {flags}"


async def registered(temporal: Client) -> Registered:
    """Compare a namespace with what whistles carry."""
    request = ListSearchAttributesRequest(namespace=temporal.namespace)
    found = (await temporal.operator_service.list_search_attributes(request)).custom_attributes
    kinds = {name: KINDS[kind] for name, kind in SEARCH_ATTRIBUTES.items()}
    return Registered(
        missing=tuple(name for name in kinds if name not in found),
        other=tuple(name for name, kind in kinds.items() if found.get(name, kind) != kind),
    )


async def register(temporal: Client) -> tuple[str, ...]:
    """Register what is missing and give its names; the same again changes nothing.

    Raises AttributesRefusedError where Temporal refuses, and RPCError where it is away.
    """
    try:
        state = await registered(temporal)
        if state.other:
            message = f"{', '.join(state.other)} stand in {temporal.namespace} with another type: rename or remove them"
            raise AttributesRefusedError(message)
        if state.missing:
            kinds = {name: KINDS[SEARCH_ATTRIBUTES[name]] for name in state.missing}
            request = AddSearchAttributesRequest(namespace=temporal.namespace, search_attributes=kinds)
            await temporal.operator_service.add_search_attributes(request)
    except RPCError as error:
        if error.status not in _REFUSED:
            raise
        message = f"Temporal registers no search attributes for us ({error.message}): {_by_hand()}"
        raise AttributesRefusedError(message) from error
    return state.missing


def _by_hand() -> str:
    return Registered(missing=tuple(SEARCH_ATTRIBUTES), other=()).command
