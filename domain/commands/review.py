"""What the township that whistles asks (研判、吹哨、追认)."""

from typing import Annotated, Self

from pydantic import model_validator

from domain.commands.base import Command, Exhibits, require, require_distinct
from domain.values import PRIVATE, Line, Moment, Reason, Responders, Slug, Text, WhistleId
from domain.vocabulary import AppendKind, Rejection, ReviewDecision, Tier, Urgency, WhistleKind


class Append(Command):
    """Add what has become known since; a repeated call never makes a new whistle."""

    label = "补充"
    text: Annotated[Text, PRIVATE]
    kind: AppendKind
    evidence: Exhibits = ()


class Review(Command):
    """Decide at the township what becomes of the matter (街乡分析研判)."""

    label = "研判"
    decision: ReviewDecision
    kind: WhistleKind | None = None
    urgency: Urgency | None = None
    tier: Tier | None = None
    proposed_responders: Responders = ()
    assemble_at: Moment | None = None
    assembly_place: Line | None = None
    reason: Reason | None = None
    merge_into: WhistleId | None = None
    transfer_to: Slug | None = None
    rejection: Rejection | None = None

    @model_validator(mode="after")
    def _fits_its_decision(self) -> Self:
        match self.decision:
            case ReviewDecision.WHISTLE:
                self._fits_a_whistle()
            case ReviewDecision.MERGE:
                require(self.merge_into, "merge_into is needed to MERGE")
            case ReviewDecision.TRANSFER:
                require(self.transfer_to, "transfer_to is needed to TRANSFER")
            case ReviewDecision.REJECT:
                require(self.rejection, "rejection is needed to REJECT")
        if self.decision is not ReviewDecision.WHISTLE:
            require(self.reason, f"reason is needed to {self.decision}")
        return self

    def _fits_a_whistle(self) -> None:
        require(self.kind and self.urgency and self.tier, "kind, urgency and tier are needed to WHISTLE")
        needed = self.kind is WhistleKind.EMERGENCY or self.tier is Tier.COMPREHENSIVE
        require(
            self.proposed_responders or not needed, "proposed_responders are needed for EMERGENCY and COMPREHENSIVE"
        )
        require_distinct(self.proposed_responders)


class Blow(Command):
    """Blow the whistle (街乡吹哨)."""

    label = "吹哨"


class Decline(Command):
    """Refuse to blow, or refuse to ratify an emergency already under way."""

    label = "不同意"
    reason: Reason


class Ratify(Command):
    """Approve afterwards an emergency that was blown at once."""

    label = "追认"


class Resubmit(Command):
    """Send a returned whistle again, with what was amended."""

    label = "补正重报"
    title: Line | None = None
    kind: WhistleKind | None = None
    urgency: Urgency | None = None
    tier: Tier | None = None
    proposed_responders: Responders | None = None
    assemble_at: Moment | None = None
    assembly_place: Line | None = None
    item_code: Line | None = None
    description: Annotated[Text | None, PRIVATE] = None
    address: Annotated[Line | None, PRIVATE] = None
    evidence: Exhibits = ()

    @model_validator(mode="after")
    def _names_each_once(self) -> Self:
        require_distinct(self.proposed_responders or ())
        return self


class Merge(Command):
    """Follow another whistle on the same matter."""

    label = "并案"
    merge_into: WhistleId
    reason: Reason | None = None
