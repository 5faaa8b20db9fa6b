"""Who asks: nobody in particular, who reads what came in through Open311, or the bearer of a key, who may read more."""

from collections.abc import Iterable
from typing import TYPE_CHECKING, NamedTuple, cast

from fastapi import Request

from domain.errors import UnauthenticatedError
from domain.values import Actor
from domain.vocabulary import Role
from starter.availability import within_reach
from starter.bearers import sees_matter, sight_of
from starter.gateway.callers import identify, limit_address
from starter.gateway.context import Context
from starter.gateway.open311.faults import FORBIDDEN, Fault, Open311Error
from starter.gateway.open311.presentation import is_disclosed
from storage import open311 as store
from storage.keys import Principal

if TYPE_CHECKING:
    from domain.whistle import Whistle

_BEARER = "bearer "


class Reader(NamedTuple):
    """Whoever reads; None is everyone."""

    caller: Principal | None = None

    @property
    def sight(self) -> store.Sight:
        """What is seen beside the requests that are open to everyone."""
        if self.caller is None:
            return store.Sight()
        organisation = sight_of(self.caller)
        return store.Sight(everything=organisation is None, organisation=organisation)

    def reads_in_full(self, requests: Iterable[store.Request]) -> set[str]:
        """Name the requests that are not disclosed to everyone, but to this reader."""
        if self.caller is None:
            return set()
        hidden = (request for request in requests if not is_disclosed(request))
        # The stored request says all that the question asks of a whistle.
        return {request.whistle_id for request in hidden if sees_matter(self.caller, cast("Whistle", request))}


async def reader_of(context: Context, request: Request) -> Reader:
    """Find who reads; raises Open311Error for a key that is sent but not good."""
    key = key_of(request)
    if key is None:
        limit_address(context, request)
        return Reader()
    return Reader(await _identified(context, request, key))


async def source_of(context: Context, request: Request, key: str | None) -> Actor:
    """Find the source that reports; raises Open311Error where no source's key was sent."""
    caller = await _identified(context, request, key)
    if Role.SOURCE_SYSTEM not in caller.roles or caller.organisation is None:
        raise Open311Error(Fault(FORBIDDEN, "api_key 不是来源系统的密钥。 The api_key is not that of a source."))
    return caller.acting(Role.SOURCE_SYSTEM)


async def audited(context: Context, reader: Reader, requests: list[store.Request]) -> set[str]:
    """Name the requests that this reader reads in full, and note that it did, before it does."""
    in_full = reader.reads_in_full(requests)
    if reader.caller:
        async with within_reach():
            await store.note_views(context.door.pool, sorted(in_full), reader.caller.actor)
    return in_full


def key_of(request: Request) -> str | None:
    """Take the key out of the query, or out of an Authorization header."""
    header = request.headers.get("authorization", "")
    bearer = header[len(_BEARER) :].strip() if header.lower().startswith(_BEARER) else ""
    return request.query_params.get("api_key", "").strip() or bearer or None


async def _identified(context: Context, request: Request, key: str | None) -> Principal:
    try:
        return await identify(context, request, key)
    except UnauthenticatedError:
        if key is None:
            fault = Fault(FORBIDDEN, "缺少 api_key。 Missing api_key.")
        else:
            fault = Fault(FORBIDDEN, "api_key 无效或已吊销。 Invalid or revoked api_key.")
        raise Open311Error(fault) from None
