"""Who must hear of an event: the notices that the outbox carries, in the words of the audit trail."""

from collections.abc import Iterator

from domain import events as e
from domain.chains import PLATFORM, SUPERVISOR, checker, reviewer
from domain.records import Record
from domain.summaries import Names, summarise
from domain.values import Frozen
from domain.vocabulary import WhistleKind
from domain.whistle import Whistle

SOURCE_PREFIX = "source:"
PUBLIC = (
    e.WhistleRegistered,
    e.SelfHandlingChosen,
    e.WhistleMerged,
    e.WhistleTransferred,
    e.WhistleRejected,
    e.WhistleBlown,
    e.ActionStarted,
    e.CheckPassed,
    e.FeedbackGiven,
    e.WhistleClosed,
    e.WhistleCancelled,
    e.WhistleReopened,
)
"""Events that the source, and the sources of whistles merged into this one, hear of."""


class Notice(Frozen):
    """One line for one audience: an organisation's code, or `source:` and a source system's name.

    `kind` is the event's type, or the signal for one of the five whistles.
    """

    audience: str
    kind: str
    text: str
    urgent: bool = False


def notices(record: Record, whistle: Whistle, name: Names) -> list[Notice]:
    """List the notices of one event, given the whistle after it; each audience once."""
    event = record.event
    kind = event.signal.value if isinstance(event, e.SignalSounded) else record.type
    text = f"【{whistle.kind.label if whistle.kind else '哨源'}】{whistle.title}:{summarise(event, name)}"
    urgent = whistle.kind is WhistleKind.EMERGENCY
    heard = dict.fromkeys(_audience(event, whistle))
    return [Notice(audience=audience, kind=kind, text=text, urgent=urgent) for audience in heard]


def is_public(event: e.Event) -> bool:
    """Whether the source hears of it."""
    return isinstance(event, PUBLIC)


def _audience(event: e.Event, whistle: Whistle) -> Iterator[str]:
    if is_public(event):
        yield f"{SOURCE_PREFIX}{whistle.source_system}"
    match event:
        case e.SignalSounded():
            yield from event.audience
        case e.SupervisionRaised():
            yield event.organisation
        case e.CirculationProposed():
            yield SUPERVISOR
        case e.WhistleRegistered() | e.WhistleTransferred():
            yield reviewer(whistle)
        case e.WhistleBlown() | e.WhistleResubmitted() | e.SuspensionRequested():
            yield PLATFORM
        case e.WhistleAccepted() | e.WhistleReturned() | e.WhistleResumed() | e.WhistleSuspended():
            yield reviewer(whistle)
            yield from whistle.responders
        case e.ObjectionRaised():
            yield from ("arbiter", reviewer(whistle))
        case e.ObjectionUpheld() | e.ObjectionOverruled() | e.ExtensionGranted() | e.ExtensionRefused():
            yield from (event.responder, reviewer(whistle))
        case e.ExtensionRequested():
            yield reviewer(whistle)
        case e.ResponderArrived() | e.HandlingReported() | e.CheckAwaited() | e.AppealDecided():
            yield checker(whistle)
        case e.CheckFailed() | e.RespondersEvaluated():
            yield from event.responders
        case e.AppealMade():
            yield PLATFORM
