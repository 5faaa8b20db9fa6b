"""What responders, and those beside them on the spot, ask (签收、报到、处置)."""

from typing import Annotated, Self

from pydantic import Field, model_validator

from domain.commands.base import Command, Exhibits, OfResponder, require
from domain.values import PRIVATE, Document, Line, Location, Moment, Officer, Reason, Slug, Text, Url
from domain.vocabulary import ExtensionPhase, HandlingResult, ObjectionReason, Ruling


class Sign(OfResponder):
    """Acknowledge the dispatch; the clock has run since dispatch, not from here."""

    label = "签收"


class Assign(OfResponder):
    """Pass the matter on inside the responder."""

    label = "内部转办"
    section: Line
    officer: Annotated[Line | None, PRIVATE] = None


class Object(OfResponder):
    """Dispute the dispatch, with reason and basis."""

    label = "提出异议"
    reason: ObjectionReason
    legal_basis: Reason
    proposed_responder: Slug | None = None


class Rule(OfResponder):
    """Rule on an objection."""

    label = "裁定"
    ruling: Ruling
    reassign_to: Slug | None = None

    @model_validator(mode="after")
    def _reassigns_only_if_upheld(self) -> Self:
        require(not self.reassign_to or self.ruling is Ruling.UPHELD, "reassign_to goes with UPHELD alone")
        require(self.reassign_to != self.responder, "reassign_to names the objector itself")
        return self


class Arrive(OfResponder):
    """Report in on site; arriving signs too."""

    label = "报到"
    officers: Annotated[tuple[Officer, ...], PRIVATE, Field(min_length=1, max_length=50)]
    occurred_at: Moment | None = None
    location: Location | None = None
    evidence: Exhibits = ()


class RejectArrival(OfResponder):
    """Declare a report-in false; the clock never stopped."""

    label = "报到不实"
    reason: Reason


class StartAction(Command):
    """Begin the joint action without waiting for the rest."""

    label = "开始处置"


class Confer(Command):
    """Record a joint consultation and its conclusion."""

    label = "会商"
    held_at: Moment
    place: Line
    attendees: Annotated[tuple[Line, ...], PRIVATE, Field(min_length=1, max_length=100)]
    conclusion: Reason
    minutes_url: Url | None = None


class ReportProgress(OfResponder):
    """Report while the matter is in hand; the first one stops the first-report clock."""

    label = "初报续报"
    text: Annotated[Text, PRIVATE]
    evidence: Exhibits = ()


class ReportHandling(OfResponder):
    """Report the result of one responder's part."""

    label = "处置反馈"
    result: HandlingResult
    summary: Reason
    documents: Annotated[tuple[Document, ...], Field(max_length=50)] = ()
    evidence: Exhibits = ()


class RequestExtension(OfResponder):
    """Ask for more time, once per phase."""

    label = "申请延期"
    phase: ExtensionPhase
    until: Moment
    reason: Reason


class DecideExtension(OfResponder):
    """Decide an extension that was asked for."""

    label = "审批延期"
    granted: bool
    reason: Reason | None = None


class Release(OfResponder):
    """Let a cooperating responder go once its part is handled."""

    label = "同意撤离"
