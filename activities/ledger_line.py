"""The one line and the one measurement of each request that reaches the ledger."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any

import structlog

from domain.errors import RefusedError
from domain.events import ClockStruck
from domain.ledger import ADOPT, RecordInput, RecordOutput
from domain.submission import STRIKE
from domain.values import ENGINE
from observability.measures import WorkerMeasures
from observability.subjects import shown_subject
from storage.ledger import LedgerBehindError

log = structlog.get_logger("ledger")


class LedgerLine:
    """What one request came to.

    `stored`; `unchanged`: answered, and no event followed; `behind`: the workflow was told rows first that it did not
    know; `adopted`; a refusal's name; `ledger-behind`: the store was restored from an older copy; `failed`.
    """

    def __init__(self, request: RecordInput) -> None:
        """Begin with what is asked."""
        self._request = request
        self._began = time.perf_counter()
        self._output: RecordOutput | None = None
        self.outcome = "failed"
        self.reason: str | None = None

    def told(self, output: RecordOutput) -> None:
        """Note the answer."""
        self._output = output
        if self._request.name == ADOPT:
            self.outcome = "adopted"
        elif output.answer is None:
            self.outcome = "behind"
        else:
            self.outcome = "stored" if output.commits else "unchanged"

    def end(self, measures: WorkerMeasures) -> None:
        """Measure it, and write the line."""
        seconds = time.perf_counter() - self._began
        name = self._request.name
        measures.ledger.labels(name, self.outcome).observe(seconds)
        write = log.error if self.outcome in {"failed", LedgerBehindError.outcome} else log.info
        for lateness in self._latenesses(measures) or [{}]:
            write(
                "command",
                command=name,
                whistle_id=self._request.whistle_id,
                outcome=self.outcome,
                ms=round(seconds * 1000, 1),
                **({"reason": self.reason} if self.reason else {}),
                **self._actor(),
                **self._answer(),
                **lateness,
            )

    def _latenesses(self, measures: WorkerMeasures) -> list[dict[str, Any]]:
        """Measure how late each clock struck: the one that was asked for, and those that the store struck with it.

        What is older was measured when it was stored, and is only handed out.
        """
        if self._request.name != STRIKE or self.outcome != "stored" or not self._output:
            return []
        strikes = [commit.records[0].event for commit in self._output.commits if commit.at >= self._request.at]
        return [self._lateness(strike, measures) for strike in strikes if isinstance(strike, ClockStruck)]

    def _lateness(self, strike: ClockStruck, measures: WorkerMeasures) -> dict[str, Any]:
        late_s = max(0.0, (datetime.now(UTC) - strike.due_at).total_seconds())
        measures.lateness.labels(strike.phase).observe(late_s)
        return {"phase": strike.phase, "point": strike.point, "late_s": round(late_s, 3)}

    def _actor(self) -> dict[str, Any]:
        if self._request.name in {STRIKE, ADOPT}:
            return {"actor": ENGINE.subject}
        actor = self._request.argument.get("actor")
        given = actor if isinstance(actor, dict) else {}
        subject = shown_subject(str(given.get("subject")))
        return {"actor": subject, "role": given.get("role"), "organisation": given.get("organisation")}

    def _answer(self) -> dict[str, Any]:
        answer = self._output and self._output.answer
        return {"sequence": answer.sequence, "state": answer.state} if answer else {}


@contextmanager
def ledger_line(request: RecordInput, measures: WorkerMeasures) -> Iterator[LedgerLine]:
    """Measure and log the block as one request to the ledger."""
    line = LedgerLine(request)
    try:
        yield line
    except RefusedError as error:
        line.outcome = error.problem
        raise
    except LedgerBehindError:
        line.outcome = LedgerBehindError.outcome
        raise
    except BaseException as error:
        # A cancellation too, as where it took too long. Its name alone: what PostgreSQL says may quote a row.
        line.reason = type(error).__name__
        raise
    finally:
        line.end(measures)
