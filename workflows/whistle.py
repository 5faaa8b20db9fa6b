"""The life of one whistle, durable: a thin shell that waits, asks the store and evolves by what comes back.

Only what the store returned is replayed. A command whose id is stored already may be refused here by the table of
moves; the starter looks its id up before it sends and again when it is refused, and gives the first answer.
"""

import asyncio
import contextlib
import contextvars
from collections.abc import Coroutine
from datetime import datetime
from typing import Any

from temporalio import workflow
from temporalio.exceptions import ApplicationError

with workflow.unsafe.imports_passed_through():
    from domain.authority import Request, allowed, authorise
    from domain.commands import Cancel
    from domain.errors import RefusedError, TemporarilyUnavailableError
    from domain.ledger import Answer, WhistleInput
    from domain.submission import parse
    from domain.values import Actor, compact
    from domain.view import View, view
    from domain.vocabulary import Role
    from domain.whistle import Whistle
    from refusals import as_failure
    from workflows.account import Account
    from workflows.commands_as_updates import commands_as_updates
    from workflows.details import details
    from workflows.policies import EVENTS_BEFORE_CONTINUING
    from workflows.presentation import Attributes, attributes_of, changes, timer_summary
    from workflows.strike_timer import StrikeTimer
    from workflows.whistle_end import WhistleEnd

TEMPORAL = Actor(subject="temporal", role=Role.ADMIN)
NO_REASON = "经 Temporal 取消,未说明理由"
LONGEST_REASON = 2_000


@workflow.defn
@commands_as_updates
class WhistleWorkflow:
    """One whistle from its registration until nothing can happen any more."""

    @workflow.init
    def __init__(self, start: WhistleInput) -> None:
        """Begin with the value carried over from the run before, if there was one."""
        self._title = start.title
        self._account = Account(start.whistle_id, start.carried, before_waiting=self._settle)
        self._turn = asyncio.Lock()
        self._ungrouped = contextvars.copy_context()
        self._timer = StrikeTimer()
        self._attributes = _attributes_at_start()
        self._shown: Whistle | None = None
        self._cancel_answered = False
        self._cancel_stored = False

    @workflow.run
    async def run(self, start: WhistleInput) -> WhistleEnd:
        """Take turns until the whistle has ended; an ended one that Temporal cancelled shows as Canceled."""
        await self._undisturbed(self._load())
        while True:
            await self._until_there_is_work()
            if self._cancel_asked:
                await self._undisturbed(self._cancel())
            elif self._strike_is_due:
                await self._undisturbed(self._strike())
            elif self._is_unsettled:
                self._settle()
            elif self._is_over:
                return self._end()
            else:
                workflow.continue_as_new(start.model_copy(update={"carried": self._account.whistle}))

    def validate(self, name: str, argument: object) -> None:
        """Refuse by fields, role, organisation and the table of moves; before the value is loaded by fields alone."""
        try:
            submission = parse(name, argument)
            whistle = self._account.whistle
            if whistle:
                authorise(whistle, Request(submission.command, submission.actor, workflow.now()))
        except RefusedError as error:
            raise as_failure(error) from None

    async def perform(self, name: str, argument: dict[str, Any]) -> Answer:
        """Store a command in its turn, as received now."""
        storing = self._store(name, argument, workflow.now())
        # Out of the update's event group, which would write the update's id into every event that follows from it.
        return await asyncio.create_task(storing, context=self._ungrouped.copy())

    @workflow.signal(description="补读: adopt rows that the store has and this workflow does not")
    async def catch_up(self) -> None:
        """Adopt what the store has beyond the sequence known here."""
        await self._catch_up()

    @workflow.query(description="查看: the whole state, as its clients see it")
    def view(self) -> View:
        """Show the whistle."""
        return view(self._loaded())

    @workflow.query(description="可用命令: the commands open to an actor now")
    def allowed(self, actor: Actor) -> list[str]:
        """List the commands open to an actor as of the last workflow task."""
        return allowed(self._loaded(), actor, workflow.now())

    def page(self) -> str:
        """Draw the page of admins as the whistle stands; empty until it is loaded."""
        return details(self._account.whistle, workflow.now()) if self._account.whistle else ""

    @property
    def _cancel_asked(self) -> bool:
        return workflow.cancellation_reason() is not None and not self._cancel_answered

    @property
    def _strike_is_due(self) -> bool:
        strike = self._account.next_strike
        return strike is not None and strike.at <= workflow.now()

    @property
    def _is_unsettled(self) -> bool:
        return self._timer.rang or self._shown is not self._account.whistle

    @property
    def _is_over(self) -> bool:
        return self._loaded().ended and workflow.all_handlers_finished()

    @property
    def _may_continue_as_new(self) -> bool:
        info = workflow.info()
        long = info.get_current_history_length() > EVENTS_BEFORE_CONTINUING
        return (long or info.is_continue_as_new_suggested()) and workflow.all_handlers_finished()

    def _has_work(self) -> bool:
        if self._turn.locked():
            return False
        over = self._is_over or self._may_continue_as_new
        return self._cancel_asked or self._strike_is_due or self._is_unsettled or over

    async def _until_there_is_work(self) -> None:
        try:
            await workflow.wait_condition(self._has_work)
        except asyncio.CancelledError:
            if not self._cancel_asked:
                raise

    async def _undisturbed(self, work: Coroutine[Any, Any, None]) -> None:
        """Finish what was begun, also when Temporal cancels meanwhile: a stored row must not be forgotten."""
        task = asyncio.create_task(work)
        while not task.done():
            with contextlib.suppress(asyncio.CancelledError):
                await workflow.wait([task])
        task.result()

    async def _store(self, name: str, argument: dict[str, Any], received_at: datetime) -> Answer:
        async with self._turn:
            return await self._account.submit(name, argument, received_at)

    async def _load(self) -> None:
        async with self._turn:
            if self._account.whistle is None:
                await self._account.adopt()

    async def _catch_up(self) -> None:
        async with self._turn:
            await self._account.adopt()

    async def _strike(self) -> None:
        async with self._turn:
            await self._account.strike_until(workflow.now())

    async def _cancel(self) -> None:
        """Have Temporal's cancel stored as the command of an ADMIN; where the table refuses it the whistle goes on."""
        self._cancel_answered = True
        command = Cancel(reason=_printable(workflow.cancellation_reason() or "") or NO_REASON)
        sender = {"actor": compact(TEMPORAL), "command_id": f"temporal-cancel/{workflow.info().run_id}"}
        try:
            await self.perform(Cancel.wire_name(), compact(command) | sender)
            self._cancel_stored = True
        except ApplicationError as refused:
            workflow.logger.warning("cancel_refused", extra={"problem": refused.type, "reason": refused.message})

    def _settle(self) -> None:
        """Show what changed and arm the timer, once for all commands of one wake-up."""
        whistle, strike = self._account.whistle, self._account.next_strike
        self._shown = whistle
        if whistle:
            now = attributes_of(whistle)
            if updates := changes(self._attributes, now):
                workflow.upsert_search_attributes(updates)
            self._attributes = now
        if not self._strike_is_due:
            self._timer.arm(strike, lambda armed: timer_summary(self._loaded(), armed))

    def _end(self) -> WhistleEnd:
        if self._cancel_stored:
            raise asyncio.CancelledError
        whistle = self._loaded()
        return WhistleEnd(state=whistle.state, outcome=whistle.outcome, version=whistle.sequence)

    def _loaded(self) -> Whistle:
        if self._account.whistle is None:
            error = TemporarilyUnavailableError("the whistle is being loaded")
            raise ApplicationError(error.detail, type=error.problem)
        return self._account.whistle


def _attributes_at_start() -> Attributes:
    return {pair.key.name: pair.value for pair in workflow.info().typed_search_attributes}


def _printable(reason: str) -> str:
    return "".join(c for c in reason if c.isprintable())[:LONGEST_REASON].strip()
