"""Refusals on their way through Temporal: the one function there, and the one back."""

from collections.abc import Sequence
from typing import Any

import asyncpg
from temporalio.exceptions import ApplicationError, ApplicationErrorCategory

from domain.errors import REFUSALS, InvalidError, RefusedError, refusal


def as_failure(error: RefusedError) -> ApplicationError:
    """Turn a refusal into a failure that is never retried: type = problem, message = detail, details = (errors,)."""
    errors: list[Any] = list(error.errors) if isinstance(error, InvalidError) else []
    return ApplicationError(
        error.detail, errors, type=error.problem, non_retryable=True, category=ApplicationErrorCategory.BENIGN
    )


def as_refusal(failure: BaseException | None) -> RefusedError | None:
    """Rebuild the refusal in a failure or anywhere in its causes; None if there is none."""
    while failure is not None:
        if isinstance(failure, ApplicationError) and failure.type in REFUSALS:
            return refusal(failure.type, failure.message, _errors(failure.details))
        failure = failure.__cause__
    return None


def as_outage(error: asyncpg.PostgresError | asyncpg.InterfaceError) -> ApplicationError:
    """Turn a database error into a failure that may be retried.

    Only its name and SQLSTATE: messages and details of PostgreSQL quote rows, and those hold personal data.
    """
    name = type(error).__name__
    state = getattr(error, "sqlstate", None)
    return ApplicationError(f"{name} ({state})" if state else name, type=name)


def _errors(details: Sequence[Any]) -> list[Any]:
    return [e for e in details[0] if isinstance(e, dict)] if details and isinstance(details[0], list) else []
