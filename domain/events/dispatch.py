"""What the district platform does with it (受理、派单、挂账)."""

from pydantic import AwareDatetime

from domain.events.base import Event
from domain.limits import Deadline
from domain.values import Frozen
from domain.vocabulary import ResponderRole, ReturnReason


class WhistleAccepted(Event):
    lead: str
    cooperating: tuple[str, ...] = ()
    assemble_at: AwareDatetime | None = None
    assembly_place: str | None = None
    change_reason: str | None = None
    by_default: bool = False


class Dispatched(Frozen):
    """One responder named in a dispatch."""

    responder: str
    role: ResponderRole


class RespondersNotified(Event):
    responders: tuple[Dispatched, ...]
    sign: Deadline | None = None
    arrive: Deadline | None = None
    arrive_second: Deadline | None = None
    first_report: Deadline | None = None
    start_action: Deadline | None = None
    handle: Deadline | None = None
    object_until: AwareDatetime | None = None


class RespondersWithdrawn(Event):
    """Report-ins ended from outside: RELEASED if arrived, else WITHDRAWN with marks annulled."""

    responders: tuple[str, ...]


class LeadChanged(Event):
    lead: str | None
    former: str | None = None


class WhistleReturned(Event):
    reason: ReturnReason
    resubmit: Deadline


class SuspensionRequested(Event):
    reason: str


class WhistleSuspended(Event):
    reason: str
    review: Deadline


class WhistleResumed(Event):
    pass
