"""One frozen model per event, past tense: the audit trail (吹哨全留痕), and all that replay runs on.

Class names are the `type` of stored events and never change; fields are added with defaults
only. Events hold codes, times and references, never personal data: what a command marked
private stays beside the command that brought it.
"""

from domain.events.base import Event, OfResponderEvent
from domain.events.closing import (
    AppealDecided,
    AppealMade,
    CallbackEnded,
    CallbackMade,
    CheckAwaited,
    CheckFailed,
    CheckPassed,
    EvaluationCompleted,
    FeedbackGiven,
    RespondersEvaluated,
    WhistleArchived,
    WhistleClosed,
    WhistleReopened,
)
from domain.events.dispatch import (
    Dispatched,
    LeadChanged,
    RespondersNotified,
    RespondersWithdrawn,
    SuspensionRequested,
    WhistleAccepted,
    WhistleResumed,
    WhistleReturned,
    WhistleSuspended,
)
from domain.events.oversight import (
    CirculationProposed,
    ClockStruck,
    NoShowMarked,
    OverdueMarked,
    SignalSounded,
    SupervisionAnswered,
    SupervisionRaised,
    WhistleCancelled,
)
from domain.events.report_in import (
    ActionStarted,
    ArrivalRejected,
    ConsultationHeld,
    ExtensionGranted,
    ExtensionRefused,
    ExtensionRequested,
    FirstReceiverProceeded,
    HandlingReported,
    ObjectionOverruled,
    ObjectionRaised,
    ObjectionUpheld,
    ProgressReported,
    ResponderArrived,
    ResponderAssigned,
    ResponderReleased,
    ResponderSigned,
)
from domain.events.review import (
    BlowingDeclined,
    EmergencyRatified,
    MatterAppended,
    RatificationRefused,
    SelfHandlingChosen,
    WhistleBlown,
    WhistleMerged,
    WhistleProposed,
    WhistleRegistered,
    WhistleRejected,
    WhistleResubmitted,
    WhistleTransferred,
)


def _leaves(model: type[Event]) -> list[type[Event]]:
    below = [leaf for child in model.__subclasses__() for leaf in _leaves(child)]
    return below or [model]


EVENTS: dict[str, type[Event]] = {model.__name__: model for model in _leaves(Event)}

__all__ = [
    "EVENTS",
    "ActionStarted",
    "AppealDecided",
    "AppealMade",
    "ArrivalRejected",
    "BlowingDeclined",
    "CallbackEnded",
    "CallbackMade",
    "CheckAwaited",
    "CheckFailed",
    "CheckPassed",
    "CirculationProposed",
    "ClockStruck",
    "ConsultationHeld",
    "Dispatched",
    "EmergencyRatified",
    "EvaluationCompleted",
    "Event",
    "ExtensionGranted",
    "ExtensionRefused",
    "ExtensionRequested",
    "FeedbackGiven",
    "FirstReceiverProceeded",
    "HandlingReported",
    "LeadChanged",
    "MatterAppended",
    "NoShowMarked",
    "ObjectionOverruled",
    "ObjectionRaised",
    "ObjectionUpheld",
    "OfResponderEvent",
    "OverdueMarked",
    "ProgressReported",
    "RatificationRefused",
    "ResponderArrived",
    "ResponderAssigned",
    "ResponderReleased",
    "ResponderSigned",
    "RespondersEvaluated",
    "RespondersNotified",
    "RespondersWithdrawn",
    "SelfHandlingChosen",
    "SignalSounded",
    "SupervisionAnswered",
    "SupervisionRaised",
    "SuspensionRequested",
    "WhistleAccepted",
    "WhistleArchived",
    "WhistleBlown",
    "WhistleCancelled",
    "WhistleClosed",
    "WhistleMerged",
    "WhistleProposed",
    "WhistleRegistered",
    "WhistleRejected",
    "WhistleReopened",
    "WhistleResubmitted",
    "WhistleResumed",
    "WhistleReturned",
    "WhistleSuspended",
    "WhistleTransferred",
]
