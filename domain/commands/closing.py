"""Check, evaluation, reply and reopening (核查、评价、反馈)."""

from typing import Annotated, Self

from pydantic import model_validator

from domain.commands.base import CHECK_OUTCOMES, Command, Exhibits, OfResponder, require, require_distinct
from domain.values import PRIVATE, Reason, Responders, Scores, Slug, Text
from domain.vocabulary import Outcome, ReplyVia, Satisfaction


class Check(Command):
    """Check on the spot what was done; never by the person who handled."""

    label = "核查"
    passed: bool
    outcome: Outcome | None = None
    failed_responders: Responders = ()
    evidence: Exhibits = ()
    reason: Reason | None = None

    @model_validator(mode="after")
    def _fits_its_result(self) -> Self:
        require(not self.passed or self.outcome in CHECK_OUTCOMES, "a passed check needs an outcome of a check")
        require(self.passed or self.outcome is None, "a failed check has no outcome")
        require(not (self.passed and self.failed_responders), "a passed check names no failed responder")
        require_distinct(self.failed_responders)
        return self


class Evaluate(Command):
    """Evaluate responders from below (下评上)."""

    label = "评价"
    responder: Slug | None = None
    responders: Responders = ()
    scores: Scores | None = None
    comment: Reason | None = None

    @model_validator(mode="after")
    def _names_someone(self) -> Self:
        require(bool(self.responder) != bool(self.responders), "name responder or responders, one of the two")
        require_distinct(self.responders)
        return self

    @property
    def evaluated(self) -> tuple[str, ...]:
        """The responders it speaks of."""
        return (self.responder,) if self.responder else self.responders


class Appeal(OfResponder):
    """Appeal against an evaluation."""

    label = "申诉"
    reason: Reason


class DecideAppeal(OfResponder):
    """Decide an appeal; upheld, the row leaves the figures."""

    label = "复核"
    upheld: bool
    reason: Reason | None = None


class Feedback(Command):
    """Reply to the resident or source."""

    label = "答复"
    reply: Annotated[Text, PRIVATE]
    via: ReplyVia
    outcome: Outcome | None = None

    @model_validator(mode="after")
    def _outcome_is_of_a_check(self) -> Self:
        require(self.outcome is None or self.outcome in CHECK_OUTCOMES, "this outcome is not one a reply can give")
        return self


class Callback(Command):
    """Ask the resident whether it is solved and how satisfied they are (回访)."""

    label = "回访"
    reached: bool
    solved: bool | None = None
    satisfaction: Satisfaction | None = None

    @model_validator(mode="after")
    def _answers_only_if_reached(self) -> Self:
        told = self.solved is not None or self.satisfaction is not None
        require(self.reached or not told, "solved and satisfaction need a resident who was reached")
        return self


class Reopen(Command):
    """Take a closed matter up again within its window."""

    label = "重新办理"
    reason: Reason
    responders: Responders = ()

    @model_validator(mode="after")
    def _names_each_once(self) -> Self:
        require_distinct(self.responders)
        return self
