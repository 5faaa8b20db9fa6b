"""Check, evaluation, reply and the end (核查、评价、反馈)."""

from pydantic import AwareDatetime, Field

from domain.events.base import Event, OfResponderEvent
from domain.limits import Deadline
from domain.values import Scores
from domain.vocabulary import Outcome, ReplyVia, Satisfaction


class CheckAwaited(Event):
    check: Deadline


class CheckPassed(Event):
    outcome: Outcome
    evaluate: Deadline
    feedback: Deadline
    reason: str | None = None


class CheckFailed(Event):
    responders: tuple[str, ...]
    handle: Deadline | None = None
    reason: str | None = None


class RespondersEvaluated(Event):
    responders: tuple[str, ...]
    appeal_until: AwareDatetime
    scores: Scores | None = None
    comment: str | None = None
    by_default: bool = Field(
        default=False, description="The limit passed: full marks for cooperation and result (默认评价)."
    )


class EvaluationCompleted(Event):
    feedback: Deadline | None = None


class AppealMade(OfResponderEvent):
    reason: str


class AppealDecided(OfResponderEvent):
    upheld: bool
    reason: str | None = None


class FeedbackGiven(Event):
    via: ReplyVia
    outcome: Outcome | None = None
    callback: Deadline | None = None


class CallbackMade(Event):
    reached: bool
    counts: bool = Field(description="Made by the source or the platform; the township's own 自查 never counts.")
    solved: bool | None = None
    satisfaction: Satisfaction | None = None
    attempt: int = 0


class CallbackEnded(Event):
    """The callback is over: reached, a third attempt, or its limit."""

    reason: str


class WhistleClosed(Event):
    outcome: Outcome
    reopen: Deadline
    appeals: Deadline | None = Field(default=None, description="When the last appeal window ends, if any is open.")


class WhistleArchived(Event):
    """The windows to reopen and appeal are over; nothing more can happen."""


class WhistleReopened(Event):
    reason: str
    responders: tuple[str, ...] = ()
    review: Deadline | None = None
    ratify: Deadline | None = Field(
        default=None, description="A fresh limit for an emergency still undecided; the former one ended with CLOSED."
    )
