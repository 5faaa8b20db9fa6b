"""In which order a request is looked at, whatever is wrong with it, so that nobody mends what is refused anyway.

Who calls (401, 429); whether that role may ever call this (403); the query and the single headers (422); then the form
of the body (415), the body (422), and what it speaks of (404, 403, 409). What a path names and is not there is 404.
"""

from collections.abc import Callable, Coroutine
from functools import cached_property
from typing import Any, TypeVar

from fastapi import Request, Response
from fastapi.dependencies.utils import get_flat_params
from fastapi.params import Query
from fastapi.routing import APIRoute

from domain.errors import FieldError, InvalidError, RoleNotAllowedError
from domain.vocabulary import Role
from starter.gateway.callers import known_caller
from starter.gateway.context import context_of
from starter.gateway.inputs import is_json
from starter.gateway.single_keys import must_hold_each_key_once

F = TypeVar("F", bound=Callable[..., Any])
_ROLES = "for_roles"
_ONCE = ("authorization", "content-type", "idempotency-key", "last-event-id")


def for_roles(*roles: Role) -> Callable[[F], F]:
    """Mark what answers a route as being for these roles alone; unmarked, it is for all."""

    def marked(endpoint: F) -> F:
        setattr(endpoint, _ROLES, frozenset(roles))
        return endpoint

    return marked


class OrderlyRoute(APIRoute):
    """A route for known callers, or for those of them that hold one of its roles."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """Look at caller, role and parameters before the body."""
        handle = super().get_route_handler()

        async def in_order(request: Request) -> Response:
            caller = await known_caller(context_of(request), request)
            self._must_be_for(caller.roles)
            self._must_be_plain(request)
            if is_json(request):
                must_hold_each_key_once(await request.body())
            return await handle(request)

        return in_order

    def _must_be_for(self, roles: tuple[Role, ...]) -> None:
        able: frozenset[Role] | None = getattr(self.endpoint, _ROLES, None)
        if able is not None and not able.intersection(roles):
            raise RoleNotAllowedError(f"{self.name} is not for {', '.join(roles)}")

    def _must_be_plain(self, request: Request) -> None:
        faults = [
            FieldError(field=name, message="there is no such parameter here")
            for name in request.query_params
            if name not in self._parameters
        ]
        given = [name for name, _ in request.query_params.multi_items()]
        twice = [name for name in dict.fromkeys(given) if given.count(name) > 1]
        twice += [name for name in _ONCE if len(request.headers.getlist(name)) > 1]
        faults += [FieldError(field=name, message="it is given more than once") for name in twice]
        if faults:
            raise InvalidError(faults)

    @cached_property
    def _parameters(self) -> frozenset[str]:
        return frozenset(f.alias for f in get_flat_params(self.dependant) if isinstance(f.field_info, Query))
