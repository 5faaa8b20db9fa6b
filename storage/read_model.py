"""What the store keeps of a whistle beside its value, so that lists, task views and sweeps need not read it."""

from datetime import datetime
from typing import Any

from domain.chains import acts_for, holder_of
from domain.clocks import next_deadline, running
from domain.requests import pending_requests
from domain.vocabulary import ReportInState
from domain.whistle import Whistle

COLUMNS = (
    "title text, state text, step integer, kind text, urgency text, tier text, chain text, township text, grid text, "
    "caller text, lead text, source_channel text, responders text[], overdue_responders text[], "
    "supervision_level text, next_deadline timestamptz, merged_into text, registered_at timestamptz, "
    "blown_at timestamptz, closed_at timestamptz, sequence integer"
)
"""The columns of table whistle that follow from its value, as `jsonb_to_record` wants them."""

NAMES = ", ".join(column.split()[0] for column in COLUMNS.split(", "))

_SAME_NAME = ("title", "step", "chain", "township", "grid", "caller", "lead", "merged_into", "sequence")


def read_model(whistle: Whistle) -> dict[str, Any]:
    """Give the columns by which lists filter."""
    return {name: getattr(whistle, name) for name in _SAME_NAME} | {
        "state": whistle.state,
        "kind": whistle.kind,
        "urgency": whistle.urgency,
        "tier": whistle.tier,
        "source_channel": whistle.channel,
        "responders": whistle.responders,
        "overdue_responders": _overdue(whistle),
        "supervision_level": whistle.supervision_level,
        "next_deadline": _iso(next_deadline(whistle)),
        "registered_at": _iso(whistle.registered_at),
        "blown_at": _iso(whistle.blown_at),
        "closed_at": _iso(whistle.closed_at),
    }


def clock_rows(whistle: Whistle) -> list[dict[str, Any]]:
    """List the clocks that run, each with the organisation it binds and its next strike."""
    if whistle.ended:
        return []
    return [
        {
            "phase": r.phase,
            "responder": r.responder or "",
            "organisation": acts_for(whistle, holder_of(whistle, r.phase, r.responder)),
            "started_at": _iso(r.clock.deadline.started_at),
            "due_at": _iso(r.clock.deadline.due_at),
            "struck": r.clock.struck,
            "next_strike_at": _iso(r.clock.next_point[0]) if r.clock.next_point else None,
        }
        for r in running(whistle)
    ]


def request_rows(whistle: Whistle) -> list[dict[str, Any]]:
    """List the requests that await a decision, each with who decides; one without a limit has no `due_at`."""
    return [
        {
            "kind": r.kind,
            "responder": r.responder or "",
            "round": r.round,
            "organisation": r.organisation,
            "due_at": _iso(r.due_at) or "infinity",
        }
        for r in pending_requests(whistle)
    ]


def supervision_rows(whistle: Whistle) -> list[dict[str, Any]]:
    """List the supervisions that are open."""
    return [
        {
            "number": s.number,
            "level": s.level,
            "organisation": s.organisation,
            "phase": s.phase,
            "responder": s.responder,
            "raised_at": _iso(s.raised_at),
            "answered_at": _iso(s.answered_at),
        }
        for s in whistle.open_supervisions
    ]


def _overdue(whistle: Whistle) -> list[str]:
    return [r.responder for r in whistle.report_ins if r.overdue and r.state is not ReportInState.WITHDRAWN]


def _iso(at: datetime | None) -> str | None:
    return at.isoformat() if at else None
