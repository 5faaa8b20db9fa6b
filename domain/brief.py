"""The store's answer in few words, as histories keep it: without what the asker said himself.

A full `RecordOutput` reads as a `Brief` too, so histories and stores of either form stay readable.
"""

from typing import Any

from pydantic import AwareDatetime, SerializerFunctionWrapHandler, model_serializer

from domain.ledger import Answer, RecordInput, RecordOutput
from domain.records import Commit
from domain.submission import STRIKE, StrikeClock
from domain.values import ENGINE, Actor, Frozen
from domain.whistle import Whistle


class _Terse(Frozen):
    @model_serializer(mode="wrap")
    def _without_defaults(self, handler: SerializerFunctionWrapHandler) -> dict[str, Any]:
        fields = type(self).model_fields
        return {k: v for k, v in handler(self).items() if getattr(self, k) != fields[k].default}


class BriefCommit(_Terse):
    """A commit; actor, command id and time are None where they are those of the request it answers."""

    sequence: int
    events: tuple[tuple[str, dict[str, Any]], ...]
    at: AwareDatetime | None = None
    actor: Actor | None = None
    command_id: str | None = None


class Brief(_Terse):
    """A `RecordOutput`; `answered` stands for the answer that follows from the last commit."""

    commits: tuple[BriefCommit, ...] = ()
    answered: bool = False
    answer: Answer | None = None
    more: bool = False


def brief(output: RecordOutput, request: RecordInput) -> Brief:
    """Leave out what the request says already."""
    commits = tuple(_shortened(commit, request) for commit in output.commits)
    if output.answer and commits and _follows(output.answer, output.commits[-1], request):
        return Brief(commits=commits, answered=True)
    return Brief(commits=commits, answer=output.answer, more=output.more)


def commits_of(told: Brief, request: RecordInput) -> tuple[Commit, ...]:
    """Put back what the request said."""
    actor, command_id = _sender(request)
    return tuple(
        Commit(
            sequence=c.sequence,
            at=c.at or request.at,
            actor=c.actor or actor,
            command_id=c.command_id or command_id,
            events=c.events,
        )
        for c in told.commits
    )


def answer_of(told: Brief, after: Whistle | None) -> Answer | None:
    """Give the answer, from the whistle after the last commit where it follows from it."""
    if told.answered and after:
        return Answer(sequence=after.sequence, state=after.state, version=after.sequence)
    return told.answer


def _shortened(commit: Commit, request: RecordInput) -> BriefCommit:
    own = (commit.actor, commit.command_id) == _sender(request)
    return BriefCommit(
        sequence=commit.sequence,
        events=commit.events,
        at=None if commit.at == request.at else commit.at,
        actor=None if own else commit.actor,
        command_id=None if own else commit.command_id,
    )


def _follows(answer: Answer, last: Commit, request: RecordInput) -> bool:
    end = last.sequence + len(last.events) - 1
    return last.command_id == _sender(request)[1] and answer.sequence == answer.version == end


def _sender(request: RecordInput) -> tuple[Actor, str]:
    if request.name == STRIKE:
        return ENGINE, StrikeClock.model_validate(request.argument).command_id
    actor = request.argument.get("actor")
    return Actor.model_validate(actor) if actor else ENGINE, str(request.argument.get("command_id", ""))
