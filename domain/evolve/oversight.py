"""Clocks that struck, supervision, and the whistle called off."""

from domain import events as e
from domain.clocks import Clock
from domain.evolve.base import changed, on, part_of, with_each, with_part
from domain.records import Record
from domain.vocabulary import Outcome, Phase, State
from domain.whistle import Supervision, Whistle


@on(e.ClockStruck)
def _(w: Whistle, event: e.ClockStruck, _r: Record) -> Whistle:
    def strike(clocks: dict[Phase, Clock]) -> dict[Phase, Clock]:
        clock = clocks.get(event.phase)
        if clock is None:
            return clocks
        struck = 1 + next((i for i, (_, point) in enumerate(clock.points) if point is event.point), clock.struck)
        return {**clocks, event.phase: clock.model_copy(update={"struck": max(struck, clock.struck)})}

    if event.phase is Phase.START_ACTION:
        return with_each(w, lambda r: r.model_copy(update={"clocks": strike(r.clocks)}))
    if event.responder:
        return with_part(w, event.responder, clocks=strike(part_of(w, event.responder).clocks))
    return changed(w, clocks=strike(w.clocks))


@on(e.OverdueMarked)
def _(w: Whistle, event: e.OverdueMarked, _r: Record) -> Whistle:
    return with_part(w, event.responder, overdue=True)


@on(e.NoShowMarked)
def _(w: Whistle, event: e.NoShowMarked, _r: Record) -> Whistle:
    return with_part(w, event.responder, no_show=True)


@on(e.SupervisionRaised)
def _(w: Whistle, event: e.SupervisionRaised, record: Record) -> Whistle:
    raised = Supervision(
        number=event.number,
        level=event.level,
        organisation=event.organisation,
        raised_at=record.at,
        phase=event.phase,
        clock_started_at=event.clock_started_at,
        responder=event.responder,
    )
    others = tuple(s for s in w.supervisions if s.number != event.number)
    return changed(w, supervisions=(*others, raised))


@on(e.SupervisionAnswered)
def _(w: Whistle, event: e.SupervisionAnswered, record: Record) -> Whistle:
    def answer(s: Supervision) -> Supervision:
        return s.model_copy(update={"answered_at": record.at}) if s.number == event.number else s

    return changed(w, supervisions=tuple(answer(s) for s in w.supervisions))


@on(e.WhistleCancelled)
def _(w: Whistle, _e: e.WhistleCancelled, _r: Record) -> Whistle:
    return changed(w, state=State.CANCELLED, outcome=Outcome.CANCELLED)
