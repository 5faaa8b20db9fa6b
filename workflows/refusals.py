"""Refusals in workflows: how a validator raises one, and how one that came from the store is told from an outage."""

from typing import Any

from temporalio.exceptions import ApplicationError, ApplicationErrorCategory, FailureError

from domain.errors import REFUSALS, InvalidError, RefusedError


def as_failure(error: RefusedError) -> ApplicationError:
    """Turn a refusal into a failure that is never retried: type = problem, message = detail, details = (errors,)."""
    errors: list[Any] = list(error.errors) if isinstance(error, InvalidError) else []
    return ApplicationError(
        error.detail, errors, type=error.problem, non_retryable=True, category=ApplicationErrorCategory.BENIGN
    )


def refusal_in(failure: FailureError) -> ApplicationError | None:
    """Find the refusal that an activity failed with; None when it failed for another reason and may be tried again."""
    for found in (failure, failure.__cause__):
        if isinstance(found, ApplicationError) and found.type in REFUSALS and found.non_retryable:
            return found
    return None
