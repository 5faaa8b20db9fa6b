"""Freezing a month by hand: the workflow that the schedule starts too."""

from datetime import UTC, datetime

from temporalio.client import Client, WorkflowFailureError
from temporalio.common import WorkflowIDConflictPolicy

from domain.errors import InvalidError, MoveNotAllowedError
from domain.figures.freezing import ScorecardAsked, ScorecardsFrozen
from domain.figures.periods import Period, PeriodKind
from refusals import as_refusal
from workflows.scorecard import MonthlyScorecardWorkflow


async def freeze_now(temporal: Client, task_queue: str, period: Period) -> ScorecardsFrozen:
    """Freeze a month, or correct it and the quarter and year it belongs to; the same figures again change nothing.

    Raises InvalidError for what is no month, MoveNotAllowedError for one that has not ended.
    """
    if period.kind is not PeriodKind.MONTH:
        raise InvalidError.of("period", "months are frozen; quarters and years follow from them")
    if datetime.now(UTC) < period.end:
        raise MoveNotAllowedError(f"{period.label} has not ended")
    try:
        return await temporal.execute_workflow(
            MonthlyScorecardWorkflow.run,
            ScorecardAsked(month=period.label),
            id=f"scorecard-{period.label}",
            task_queue=task_queue,
            id_conflict_policy=WorkflowIDConflictPolicy.USE_EXISTING,
            static_summary=f"月度考核 {period.label}",
        )
    except WorkflowFailureError as failure:
        raise as_refusal(failure) or failure from None
