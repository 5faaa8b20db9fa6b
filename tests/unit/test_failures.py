"""Refusals on their way through Temporal and back."""

import asyncpg
import pytest
from temporalio.client import WorkflowUpdateFailedError
from temporalio.exceptions import ApplicationError, ApplicationErrorCategory

from activities.failures import as_outage
from domain.errors import REFUSALS, FieldError, InvalidError, refusal
from refusals import as_failure, as_refusal


@pytest.mark.parametrize("problem", REFUSALS)
def test_every_refusal_comes_back_as_it_went(problem: str):
    """Its type, its sentence and its fields survive."""
    errors = [FieldError(field="lead", message="needed")] if problem == "invalid" else []
    sent = refusal(problem, "the sentence", errors)
    failure = as_failure(sent)
    back = as_refusal(failure)
    assert type(back) is type(sent)
    assert back is not None
    assert back.detail == sent.detail
    assert getattr(back, "errors", None) == getattr(sent, "errors", None)
    assert (failure.type, failure.message, failure.details) == (problem, sent.detail, (errors,))


@pytest.mark.parametrize("problem", REFUSALS)
def test_a_refusal_is_never_retried_and_is_no_fault_of_the_system(problem: str):
    """It would be refused again, and no alert should sound."""
    failure = as_failure(refusal(problem, "the sentence"))
    assert failure.non_retryable
    assert failure.category is ApplicationErrorCategory.BENIGN


def test_a_refusal_is_found_among_the_causes_of_a_failure():
    """Temporal wraps what an activity or a handler raised."""
    wrapped = WorkflowUpdateFailedError(as_failure(InvalidError.of("lead", "needed")))
    found = as_refusal(wrapped)
    assert isinstance(found, InvalidError)
    assert found.errors == [{"field": "lead", "message": "needed"}]


@pytest.mark.parametrize("other", [None, ValueError("x"), ApplicationError("x", type="NotOurs"), ApplicationError("x")])
def test_what_is_no_refusal_is_none(other: BaseException | None):
    """Everything else is retried or surfaces."""
    assert as_refusal(other) is None


@pytest.mark.parametrize("details", [(), ("not a list",), (["not a field"],)])
def test_a_refusal_with_strange_details_keeps_its_sentence(details: tuple[object, ...]):
    """A failure of another release is still a refusal."""
    found = as_refusal(ApplicationError("the sentence", *details, type="invalid"))
    assert isinstance(found, InvalidError)
    assert found.detail == "the sentence"


def test_an_outage_may_be_retried_and_quotes_no_row():
    """PostgreSQL's details quote rows, and rows hold personal data."""
    error = asyncpg.NotNullViolationError("null value")
    error.detail = "Failing row contains (王女士, 13800000000)."
    failure = as_outage(error)
    assert not failure.non_retryable
    assert (failure.type, failure.message) == ("NotNullViolationError", "NotNullViolationError (23502)")
    assert as_outage(asyncpg.InterfaceError("invalid input '王女士'")).message == "InterfaceError"
