"""Why a request is refused: one tree, named by the condition, data as attributes.

    WhistleError
    ├── RefusedError                    nothing changed, the same request is refused again
    │   ├── UnauthenticatedError        401
    │   ├── RoleNotAllowedError         403
    │   ├── NotYourOrganisationError    403
    │   ├── NotFoundError               404
    │   ├── MoveNotAllowedError         409
    │   ├── IdempotencyConflictError    409
    │   └── InvalidError                422, with errors
    └── TemporarilyUnavailableError     503, the outcome is unknown until the request is sent again

`problem` is the last part of the problem's URN and the `type` of the Temporal failure.
"""

from collections.abc import Sequence
from typing import Any, ClassVar, TypedDict

from pydantic import ValidationError


class FieldError(TypedDict):
    """One field that is wrong: its dotted name, and why."""

    field: str
    message: str


class WhistleError(Exception):
    """The root of every error a caller may see."""

    problem: ClassVar[str]
    status: ClassVar[int]
    title: ClassVar[str]

    def __init__(self, detail: str) -> None:
        """Keep the sentence a person reads."""
        super().__init__(detail)
        self.detail = detail


class RefusedError(WhistleError):
    """The request is refused; nothing changed."""


class UnauthenticatedError(RefusedError):
    """Nobody known by that name or key."""

    problem, status, title = "unauthenticated", 401, "未认证 Not authenticated"


class RoleNotAllowedError(RefusedError):
    """The command is never this role's."""

    problem, status, title = "role-not-allowed", 403, "角色无权 Role not allowed"


class NotYourOrganisationError(RefusedError):
    """The command is this role's, but another organisation's here."""

    problem, status, title = "not-your-organisation", 403, "非本单位事项 Not your organisation"


class NotFoundError(RefusedError):
    """No whistle of that id."""

    problem, status, title = "not-found", 404, "未找到 Not found"


class MoveNotAllowedError(RefusedError):
    """The table of moves has no such move from here."""

    problem, status, title = "move-not-allowed", 409, "当前状态不允许 Move not allowed"


class IdempotencyConflictError(RefusedError):
    """The id is known with other content."""

    problem, status, title = "idempotency-conflict", 409, "幂等冲突 Idempotency conflict"


class InvalidError(RefusedError):
    """A field is missing, malformed, out of bounds or unknown to the catalogues."""

    problem, status, title = "invalid", 422, "内容无效 Invalid"

    def __init__(self, errors: Sequence[FieldError]) -> None:
        """Keep every field's error."""
        self.errors = list(errors)
        super().__init__(
            "; ".join(f"{e['field']}: {e['message']}" if e["field"] else e["message"] for e in self.errors)
        )

    @classmethod
    def of(cls, field: str, message: str) -> "InvalidError":
        """Refuse one field."""
        return cls([FieldError(field=field, message=message)])

    @classmethod
    def from_validation(cls, error: ValidationError) -> "InvalidError":
        """Translate pydantic's findings, without the input they quote."""
        return cls([_field_error(e) for e in error.errors(include_url=False, include_input=False)])


class TemporarilyUnavailableError(WhistleError):
    """Temporal or PostgreSQL is away; sending the same request again tells the truth."""

    problem, status, title = "temporarily-unavailable", 503, "暂不可用 Temporarily unavailable"


REFUSALS: dict[str, type[RefusedError]] = {
    e.problem: e
    for e in (
        UnauthenticatedError,
        RoleNotAllowedError,
        NotYourOrganisationError,
        NotFoundError,
        MoveNotAllowedError,
        IdempotencyConflictError,
        InvalidError,
    )
}


def refusal(problem: str, detail: str, errors: Sequence[FieldError] = ()) -> RefusedError:
    """Rebuild a refusal that travelled through Temporal or HTTP."""
    if problem == InvalidError.problem:
        return InvalidError(errors or [FieldError(field="", message=detail)])
    return REFUSALS[problem](detail)


def _field_error(error: Any) -> FieldError:  # noqa: ANN401 - pydantic's ErrorDetails is loosely typed
    message = str(error["msg"]).removeprefix("Value error, ")
    return FieldError(field=".".join(str(part) for part in error["loc"]), message=message)
