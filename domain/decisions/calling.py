"""集结哨: calling responders, whose clocks start here, at dispatch, and never at signing."""

from collections.abc import Iterable
from datetime import datetime

from domain import events as e
from domain.decisions.draft import Draft
from domain.limits import Deadline
from domain.vocabulary import Phase, ResponderRole, SignalType, State, WhistleKind


def notify(draft: Draft, called: Iterable[tuple[str, ResponderRole]]) -> None:
    """Dispatch to responders with fresh clocks, and sound 集结哨 to them."""
    dispatched = tuple(e.Dispatched(responder=responder, role=role) for responder, role in called)
    if not dispatched:
        return
    assemble_at = draft.whistle.assemble_at
    not_before = assemble_at if assemble_at and assemble_at > draft.now else None
    arrive = arrival_limit(draft, Phase.ARRIVE, not_before)
    window = draft.limit(Phase.OBJECT)
    emergency = draft.whistle.kind is WhistleKind.EMERGENCY
    draft.add(
        e.RespondersNotified(
            responders=dispatched,
            sign=draft.limit(Phase.SIGN, not_before=not_before),
            arrive=arrive,
            arrive_second=arrival_limit(draft, Phase.ARRIVE_SECOND, not_before),
            first_report=draft.limit(Phase.FIRST_REPORT),
            start_action=action_start(draft, arrive),
            handle=handling_limit(draft) if draft.whistle.state is State.IN_ACTION else None,
            object_until=None if emergency or window is None else window.due_at,
        )
    )
    draft.sound(SignalType.ASSEMBLE, (d.responder for d in dispatched))


def arrival_limit(draft: Draft, phase: Phase, not_before: datetime | None) -> Deadline | None:
    """The arrival limit; as of a DAILY whistle [P] where a SERVICE one is called again with no time ahead."""
    found = draft.limit(phase, not_before=not_before)
    agreed = draft.whistle.kind is not WhistleKind.SERVICE or not_before is not None
    return found if agreed else draft.limit(phase, kind=WhistleKind.DAILY)


def action_start(draft: Draft, arrive: Deadline | None) -> Deadline | None:
    """When the action starts without those still missing: after the first arrival limit [P]."""
    return draft.limit(Phase.START_ACTION, start=arrive.due_at if arrive else draft.now)


def handling_limit(draft: Draft) -> Deadline | None:
    """The limit to handle, capped by the source's own (来单时限)."""
    return draft.limit(Phase.HANDLE, no_later_than=draft.whistle.source_limit)


def ratification(draft: Draft) -> Deadline | None:
    """The limit to ratify an emergency afterwards, while that is undecided."""
    undecided = draft.whistle.kind is WhistleKind.EMERGENCY and draft.whistle.ratified is None
    return draft.limit(Phase.RATIFY) if undecided else None


def objection_window(draft: Draft, since: datetime) -> datetime | None:
    """Until when an emergency's responder may object, counted from its arrival."""
    window = draft.limit(Phase.OBJECT, start=since)
    return window.due_at if window else None
