"""A whistle's account with the store: its value as of the last row known, and the way to the next (design.md 2, 6)."""

from collections.abc import Callable
from datetime import datetime
from typing import Any

from temporalio import workflow
from temporalio.exceptions import ApplicationError, FailureError

from domain.brief import Brief, answer_of, commits_of
from domain.clocks import next_strike
from domain.evolve import evolve
from domain.ledger import ADOPT, Answer, RecordInput, activity_of
from domain.submission import STRIKE, StrikeClock
from domain.values import compact
from domain.whistle import Whistle
from refusals import refusal_in
from workflows import policies
from workflows.presentation import command_summary


class LedgerBrokenError(RuntimeError):
    """The store answered what it never may; the workflow task fails, visibly, until someone has looked."""


class NotRegisteredError(LedgerBrokenError):
    """The workflow was started before its registration was stored."""


class Account:
    """Calls belong under one lock, so that rows are applied in the order in which they were stored."""

    def __init__(self, whistle_id: str, carried: Whistle | None, before_waiting: Callable[[], None]) -> None:
        """Begin with the value carried over, if any; `before_waiting` is called before a wait for an absent store."""
        self._whistle_id = whistle_id
        self._before_waiting = before_waiting
        self.whistle = carried
        self.next_strike = next_strike(carried) if carried else None
        self._more = False

    @property
    def known_sequence(self) -> int:
        """The sequence of the last row applied, 0 before the first."""
        return self.whistle.sequence if self.whistle else 0

    async def adopt(self) -> None:
        """Apply the rows that stand after the last one known.

        Raises NotRegisteredError: the workflow task fails and is tried again, at no cost in history.
        """
        try:
            await self._ask(ADOPT, {}, workflow.now())
            while self._more:
                await self._ask(ADOPT, {}, workflow.now())
        except ApplicationError as refused:
            message = f"{self._whistle_id} is not in the store"
            raise NotRegisteredError(message) from refused
        if self.whistle is None:
            message = f"{self._whistle_id} has no row in the store"
            raise NotRegisteredError(message)

    async def submit(self, name: str, argument: dict[str, Any], at: datetime) -> Answer:
        """Have a command stored that was received at that time; clocks due before it strike before it.

        Raises the store's refusal, an ApplicationError.
        """
        await self.strike_until(at)
        while True:
            known = self.known_sequence
            answer = await self._ask(name, argument, at)
            if answer:
                return answer
            if self.known_sequence == known:
                message = f"the store neither answered {name} nor returned rows after {self.known_sequence}"
                raise LedgerBrokenError(message)

    async def strike_until(self, at: datetime) -> None:
        """Have every point struck that is due by then, in turn, since each may move or end the others.

        The store strikes several at once; whatever is due after its answer is asked for anew.
        """
        while self.whistle and self.next_strike and self.next_strike.at <= at:
            due = self.next_strike
            answer = await self._ask(STRIKE, compact(StrikeClock.of(due, self.whistle.round)), at)
            if answer and self.next_strike == due:
                message = f"{due} was struck and is still due"
                raise LedgerBrokenError(message)

    async def _ask(self, name: str, argument: dict[str, Any], at: datetime) -> Answer | None:
        request = RecordInput(
            whistle_id=self._whistle_id, known_sequence=self.known_sequence, name=name, argument=argument, at=at
        )
        told = await self._told(request, command_summary(self.whistle, name, argument))
        self._more = told.more
        for commit in commits_of(told, request):
            for record in commit.records:
                self.whistle = evolve(self.whistle, record)
        if told.commits and self.whistle:
            self.next_strike = next_strike(self.whistle)
        return answer_of(told, self.whistle)

    async def _told(self, request: RecordInput, summary: str) -> Brief:
        try:
            return await _store_at_once(request, summary)
        except FailureError as failure:
            # On replay a local activity that ran out of time raises a bare TimeoutError, no ActivityError around it.
            _raise_refusal(failure)
            reason = str(failure.cause or failure)
            workflow.logger.warning("store_absent", extra={"command": request.name, "reason": reason})
        self._before_waiting()
        try:
            return await _store_in_the_end(request, f"{summary}(存储暂不可用,恢复后按序补记 the store is away)")
        except FailureError as failure:
            _raise_refusal(failure)
            message = f"{request.name} failed for good without a refusal"
            raise LedgerBrokenError(message) from failure


async def _store_at_once(request: RecordInput, summary: str) -> Brief:
    told: Brief = await workflow.execute_local_activity(
        activity_of(request.name, request.argument),
        request,
        result_type=Brief,
        start_to_close_timeout=policies.STORE_AT_ONCE_WITHIN,
        retry_policy=policies.STORE_AT_ONCE,
        summary=summary,
    )
    return told


async def _store_in_the_end(request: RecordInput, summary: str) -> Brief:
    told: Brief = await workflow.execute_activity(
        activity_of(request.name, request.argument),
        request,
        result_type=Brief,
        start_to_close_timeout=policies.STORE_IN_THE_END_WITHIN,
        retry_policy=policies.STORE_IN_THE_END,
        summary=summary,
    )
    return told


def _raise_refusal(failure: FailureError) -> None:
    refusal = refusal_in(failure)
    if refusal:
        raise refusal from None
