"""Refusals on their way through Temporal: the one function there, and the ways back.

Beside the rooms, since workflows and activities both refuse and neither may know the other.
"""

from collections.abc import Sequence
from typing import Any

from temporalio.exceptions import ApplicationError, ApplicationErrorCategory, FailureError

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


def refusal_in(failure: FailureError) -> ApplicationError | None:
    """Find the refusal that an activity failed with; None when it failed for another reason and may be tried again."""
    for found in (failure, failure.__cause__):
        if isinstance(found, ApplicationError) and found.type in REFUSALS and found.non_retryable:
            return found
    return None


def _errors(details: Sequence[Any]) -> list[Any]:
    return [e for e in details[0] if isinstance(e, dict)] if details and isinstance(details[0], list) else []
