"""How an event handler changes the value: the few moves all of them share."""

from collections.abc import Callable
from typing import Any

from domain import events as e
from domain.clocks import Clock
from domain.lifecycle import STEPS
from domain.limits import Deadline
from domain.records import Record
from domain.report_in import Dispute, ReportIn
from domain.vocabulary import Phase, ResponderRole, State
from domain.whistle import Whistle

Handler = Callable[[Whistle, Any, Record], Whistle]


HANDLERS: dict[type[e.Event], Handler] = {}


def on(kind: type[e.Event]) -> Callable[[Handler], Handler]:
    def register(handler: Handler) -> Handler:
        HANDLERS[kind] = handler
        return handler

    return register


def changed(whistle: Whistle, **changes: Any) -> Whistle:  # noqa: ANN401 - any field of the value
    return whistle.model_copy(update=changes)


def entered(whistle: Whistle, state: State, **changes: Any) -> Whistle:  # noqa: ANN401
    return changed(whistle, state=state, step=STEPS.get(state, whistle.step), **changes)


def clocked(whistle: Whistle, **deadlines: Deadline | None) -> Whistle:
    started = {Phase[name.upper()]: Clock(deadline=d) for name, d in deadlines.items() if d}
    return changed(whistle, clocks={**whistle.clocks, **started})


def with_part(whistle: Whistle, responder: str, **changes: Any) -> Whistle:  # noqa: ANN401
    return changed(
        whistle,
        report_ins=tuple(r.model_copy(update=changes) if r.responder == responder else r for r in whistle.report_ins),
    )


def with_each(whistle: Whistle, change: Callable[[ReportIn], ReportIn]) -> Whistle:
    return changed(whistle, report_ins=tuple(change(r) for r in whistle.report_ins))


def part_of(whistle: Whistle, responder: str) -> ReportIn:
    report_in = whistle.report_in(responder)
    if report_in is None:
        message = f"{responder} has no report-in"
        raise ValueError(message)
    return report_in


def with_lead(w: Whistle, lead: str | None) -> Whistle:
    def role(r: ReportIn) -> ReportIn:
        is_lead = ResponderRole.LEAD if r.responder == lead else ResponderRole.COOPERATING
        return r.model_copy(update={"role": is_lead})

    return with_each(changed(w, lead=lead), role)


def dispute_settled(r: ReportIn) -> Dispute | None:
    return r.dispute and r.dispute.model_copy(update={"open": False})
