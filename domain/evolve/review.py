"""From the source to the blown whistle."""

from domain import events as e
from domain.clocks import Clock
from domain.evolve.base import changed, clocked, entered, on
from domain.records import Record
from domain.vocabulary import AppendKind, Outcome, Phase, State
from domain.whistle import Whistle


def registered(event: e.WhistleRegistered, record: Record) -> Whistle:
    fields = {name: getattr(event, name) for name in type(event).model_fields if name != "review"}
    return Whistle(
        **fields,
        registered_at=record.at,
        state=State.SOURCED,
        sequence=record.sequence,
        clocks={Phase.REVIEW: Clock(deadline=event.review)},
    )


def proposed(w: Whistle, event: e.WhistleProposed) -> Whistle:
    w = changed(
        w,
        kind=event.kind,
        urgency=event.urgency,
        tier=event.tier,
        proposed=event.responders,
        assemble_at=event.assemble_at,
        assembly_place=event.assembly_place,
        outcome=None,
        feedback_given=False,
        callback_attempts=0,
        callback_ended=False,
    )
    return clocked(entered(w, State.PROPOSED), blow=event.blow) if event.blow else w


@on(e.MatterAppended)
def _(w: Whistle, event: e.MatterAppended, _r: Record) -> Whistle:
    match event.kind:
        case AppendKind.REPEATED_CALL:
            return changed(w, repeated_calls=w.repeated_calls + 1)
        case AppendKind.WITHDRAWN_BY_REPORTER:
            return changed(w, withdrawn_by_reporter=w.withdrawn_by_reporter + 1)
        case _:
            return w


@on(e.WhistleProposed)
def _(w: Whistle, event: e.WhistleProposed, _r: Record) -> Whistle:
    return proposed(w, event)


@on(e.SelfHandlingChosen)
def _(w: Whistle, event: e.SelfHandlingChosen, _r: Record) -> Whistle:
    return clocked(entered(w, State.SELF_HANDLED), self_handling=event.self_handling)


@on(e.WhistleMerged)
def _(w: Whistle, event: e.WhistleMerged, _r: Record) -> Whistle:
    return changed(w, state=State.MERGED, outcome=Outcome.DUPLICATE, merged_into=event.merge_into)


@on(e.WhistleTransferred)
def _(w: Whistle, event: e.WhistleTransferred, _r: Record) -> Whistle:
    return clocked(changed(w, township=event.township), review=event.review)


@on(e.WhistleRejected)
def _(w: Whistle, _e: e.WhistleRejected, _r: Record) -> Whistle:
    return changed(w, state=State.REJECTED)


@on(e.WhistleBlown)
def _(w: Whistle, event: e.WhistleBlown, record: Record) -> Whistle:
    return clocked(entered(w, State.BLOWN, blown_at=record.at), accept=event.accept, ratify=event.ratify)


@on(e.BlowingDeclined)
def _(w: Whistle, event: e.BlowingDeclined, _r: Record) -> Whistle:
    return clocked(entered(w, State.SOURCED), review=event.review)


@on(e.EmergencyRatified)
def _(w: Whistle, _e: e.EmergencyRatified, _r: Record) -> Whistle:
    return changed(w, ratified=True)


@on(e.RatificationRefused)
def _(w: Whistle, _e: e.RatificationRefused, _r: Record) -> Whistle:
    return changed(w, ratified=False)


@on(e.WhistleResubmitted)
def _(w: Whistle, event: e.WhistleResubmitted, _r: Record) -> Whistle:
    w = changed(w, title=event.title or w.title, item_code=event.item_code or w.item_code)
    return proposed(w, event.proposal)
