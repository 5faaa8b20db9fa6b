"""Delivering one command: looked up in the store, sent to its workflow, and the truth told either way."""

import asyncio
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple

from temporalio.client import WorkflowHandle, WorkflowQueryFailedError, WorkflowUpdateFailedError
from temporalio.common import Priority
from temporalio.exceptions import TemporalError
from temporalio.service import RPCError, RPCStatusCode

from domain.authority import Request, authorise
from domain.decisions import decide
from domain.errors import MoveNotAllowedError, RefusedError, TemporarilyUnavailableError
from domain.ledger import Answer
from domain.submission import Submission, command_hash, split
from domain.whistle import Whistle
from refusals import as_refusal
from starter.opening import Opening
from starter.precedence import new_rank, rank_anew
from starter.start import workflow_id_of
from storage.commands import KnownAs, Standing, keep_private, known_answer, standing

_NUDGE = timedelta(seconds=2)
_NOT_READY_NOW = "the workflow of this whistle is not ready; send the same command again"
_NOT_READY = (RPCStatusCode.NOT_FOUND, RPCStatusCode.FAILED_PRECONDITION)
_LOOK_AGAIN_S = (0.05, 0.1, 0.2, 0.4, 0.8)


class WorkflowGoneError(Exception):
    """There is no workflow that could take the command: not yet, or no more."""


class Parcel(NamedTuple):
    """A command on its way to one whistle."""

    whistle_id: str
    submission: Submission
    content_hash: str
    rank: Priority | None = None
    """What its workflow is ranked as before it is sent, where it makes another of it."""

    @property
    def request(self) -> Request:
        """What the domain is asked, now."""
        return Request(self.submission.command, self.submission.actor, datetime.now(UTC))


class Delivery:
    """The way of commands through one pool and one Temporal client."""

    def __init__(self, opening: Opening) -> None:
        """Deliver to the whistles that are opened there."""
        self._opening = opening
        self._pool = opening.pool
        self._temporal = opening.temporal

    async def deliver(self, whistle_id: str, submission: Submission) -> Answer:
        """Have a command done once and return its first answer; raises the refusals of the domain.

        Errors of the servers themselves pass through; `within_reach` names them.
        """
        content_hash = command_hash(submission.name, submission.command)
        parcel = Parcel(whistle_id, submission, content_hash)
        found = await self._standing(parcel)
        if found.answer:
            await self._wake(whistle_id)
            return found.answer
        # What the catalogues refuse leaves nothing behind either: no history, and an id that may be used again.
        events = decide(found.whistle, parcel.request, found.rules)
        try:
            answer = await self._send(parcel._replace(rank=new_rank(found.whistle, events)))
        except RefusedError:
            # Sent twice at once, the second is refused because the first was done.
            if known := await self._known(parcel):
                return known
            raise
        # Temporal goes by the id alone: of two contents sent at once under one id, both would get the answer.
        return await self._known(parcel) or answer

    async def _known(self, parcel: Parcel) -> Answer | None:
        return await known_answer(self._pool, parcel.whistle_id, parcel.submission.command_id, parcel.content_hash)

    async def _send(self, parcel: Parcel) -> Answer:
        argument = await self._argument(parcel)
        try:
            return await self._execute(parcel, argument)
        except WorkflowGoneError:
            return await self._without_workflow(parcel, argument)
        except RefusedError:
            if not await self._was_behind(parcel):
                raise
            return await self._execute(parcel, argument)

    async def _argument(self, parcel: Parcel) -> dict[str, Any]:
        submission = parcel.submission
        argument, private = split(submission.command)
        if private:
            await keep_private(self._pool, parcel.whistle_id, submission.command_id, parcel.content_hash, private)
            argument["private_ref"] = parcel.content_hash
        actor = submission.actor.model_dump(mode="json", exclude_none=True)
        return {**argument, "actor": actor, "command_id": submission.command_id}

    async def _execute(self, parcel: Parcel, argument: dict[str, Any]) -> Answer:
        handle = self._handle(parcel.whistle_id)
        name, command_id = parcel.submission.name, parcel.submission.command_id
        if parcel.rank:
            # An emergency overtakes from this command on; without a rank it is only served later.
            with suppress(TemporalError, RuntimeError, OSError):
                await rank_anew(self._temporal, handle.id, parcel.rank, _NUDGE)
        try:
            answer: Answer = await handle.execute_update(name, argument, id=command_id, result_type=Answer)
        except WorkflowUpdateFailedError as failure:
            if refused := as_refusal(failure):
                raise refused from None
            raise WorkflowGoneError from failure
        except RPCError as error:
            if error.status is RPCStatusCode.NOT_FOUND:
                raise WorkflowGoneError from error
            if error.status is RPCStatusCode.FAILED_PRECONDITION:
                # Its last tasks failed, as after deaths of the server, or its run has taken all the updates it may.
                raise TemporarilyUnavailableError(_NOT_READY_NOW) from error
            raise
        return answer

    async def _without_workflow(self, parcel: Parcel, argument: dict[str, Any]) -> Answer:
        if answer := await self._known(parcel):
            return answer
        whistle = await self._permitted(parcel)
        if whistle.ended:
            message = f"{parcel.submission.name} is not allowed in {whistle.state} ({whistle.state.label})"
            raise MoveNotAllowedError(message)
        await self._opening.open(whistle)
        try:
            return await self._execute(parcel, argument)
        except WorkflowGoneError:
            message = "the workflow of this whistle cannot be reached; send the same command again"
            raise TemporarilyUnavailableError(message) from None

    async def _permitted(self, parcel: Parcel) -> Whistle:
        found = await self._standing(parcel)
        authorise(found.whistle, parcel.request)
        return found.whistle

    async def _standing(self, parcel: Parcel) -> Standing:
        known_as = KnownAs(parcel.submission.command_id, parcel.content_hash)
        target = getattr(parcel.submission.command, "merge_into", None)
        return await standing(self._pool, self._opening.limits, parcel.whistle_id, known_as, target)

    async def _was_behind(self, parcel: Parcel) -> bool:
        """Tell whether the store allows what the workflow refused; if so, the workflow has caught up with it now.

        Raises TemporarilyUnavailableError when it does not catch up: the refusal would not be true.
        """
        try:
            whistle = await self._permitted(parcel)
        except RefusedError:
            return False
        # It may have caught up between its refusal and this look, so being level is no reason to believe it.
        if await self._version(parcel.whistle_id) >= whistle.sequence:
            return True
        await self._wake(parcel.whistle_id)
        for pause in _LOOK_AGAIN_S:
            await asyncio.sleep(pause)
            if await self._version(parcel.whistle_id) >= whistle.sequence:
                return True
        message = "the workflow of this whistle is catching up with the store; send the same command again"
        raise TemporarilyUnavailableError(message)

    async def _version(self, whistle_id: str) -> int:
        try:
            view = await self._handle(whistle_id).query("view", result_type=dict[str, Any], rpc_timeout=_NUDGE)
        except WorkflowQueryFailedError:
            return 0
        except RPCError as error:
            if error.status not in _NOT_READY:
                raise
            return 0
        return int(view["version"])

    async def _wake(self, whistle_id: str) -> None:
        with suppress(TemporalError, RuntimeError, OSError):
            await self._handle(whistle_id).signal("catch_up", rpc_timeout=_NUDGE)

    def _handle(self, whistle_id: str) -> WorkflowHandle[Any, Any]:
        return self._temporal.get_workflow_handle(workflow_id_of(whistle_id))
