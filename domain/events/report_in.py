"""What responders do on the spot (报到、处置)."""

from pydantic import AwareDatetime, Field

from domain.events.base import Event, OfResponderEvent
from domain.limits import Deadline
from domain.values import Document, Location
from domain.vocabulary import ExtensionPhase, HandlingResult, ObjectionReason


class ResponderSigned(OfResponderEvent):
    pass


class ResponderAssigned(OfResponderEvent):
    section: str


class ObjectionRaised(OfResponderEvent):
    reason: ObjectionReason
    legal_basis: str
    rule: Deadline
    proposed_responder: str | None = None


class ObjectionUpheld(OfResponderEvent):
    reassign_to: str | None = None
    marks_only: bool = Field(
        default=False, description="Ruled after the action ended: the marks are annulled, the report-in stays."
    )
    add_responder: Deadline | None = None


class ObjectionOverruled(OfResponderEvent):
    pass


class FirstReceiverProceeded(OfResponderEvent):
    """The ruling did not come in time: 首接单位先行办理; the dispute stays open."""


class ResponderArrived(OfResponderEvent):
    arrived_at: AwareDatetime
    late_by_s: int = 0
    recorded_for: bool = Field(default=False, description="Recorded by the township for a unit without signal (补录).")
    location: Location | None = None
    object_until: AwareDatetime | None = None


class ArrivalRejected(OfResponderEvent):
    reason: str


class ActionStarted(Event):
    handle: Deadline | None = None
    trigger: str = Field(description="`COMMAND`, `ALL_ARRIVED` or `LIMIT`.")


class ConsultationHeld(Event):
    held_at: AwareDatetime
    place: str
    conclusion: str
    minutes_url: str | None = None


class ProgressReported(OfResponderEvent):
    pass


class HandlingReported(OfResponderEvent):
    result: HandlingResult
    summary: str
    documents: tuple[Document, ...] = ()


class ExtensionRequested(OfResponderEvent):
    phase: ExtensionPhase
    until: AwareDatetime
    reason: str


class ExtensionGranted(OfResponderEvent):
    phase: ExtensionPhase
    deadline: Deadline
    second: Deadline | None = None
    start_action: Deadline | None = None


class ExtensionRefused(OfResponderEvent):
    phase: ExtensionPhase
    reason: str | None = None


class ResponderReleased(OfResponderEvent):
    pass
