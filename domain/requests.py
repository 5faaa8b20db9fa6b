"""Requests that await a decision and have no clock of their own: for more time, for a pause, against a score."""

from collections.abc import Iterator
from datetime import datetime

from domain.chains import PLATFORM, judges_itself, reviewer
from domain.lifecycle import ACTION, APPEALED_IN, COMING
from domain.values import Frozen
from domain.vocabulary import ExtensionPhase, Phase, ReportInState, RequestKind
from domain.whistle import Whistle

_EXTENDED = {ExtensionPhase.ARRIVAL: Phase.ARRIVE, ExtensionPhase.HANDLING: Phase.HANDLE}
_STILL_COMING = COMING | {ReportInState.ARRIVED}


class PendingRequest(Frozen):
    """One request; `organisation` decides, `due_at` is the limit that an extension would move, else None."""

    kind: RequestKind
    organisation: str
    round: int
    responder: str | None = None
    due_at: datetime | None = None


def pending_requests(whistle: Whistle) -> list[PendingRequest]:
    """List the requests that can be decided now."""
    return [] if whistle.ended else [*_extensions(whistle), *_suspension(whistle), *_appeals(whistle)]


def _extensions(whistle: Whistle) -> Iterator[PendingRequest]:
    if whistle.state not in ACTION:
        return
    for r in whistle.report_ins:
        if r.extension and r.state in _STILL_COMING:
            decides = reviewer(whistle)
            yield PendingRequest(
                kind=RequestKind.EXTENSION,
                organisation=PLATFORM if judges_itself(whistle, decides, (r.responder,)) else decides,
                round=r.round,
                responder=r.responder,
                due_at=r.due(_EXTENDED[r.extension.phase]),
            )


def _suspension(whistle: Whistle) -> Iterator[PendingRequest]:
    if whistle.suspension_requested and whistle.state in ACTION:
        yield PendingRequest(kind=RequestKind.SUSPENSION, organisation=PLATFORM, round=whistle.round)


def _appeals(whistle: Whistle) -> Iterator[PendingRequest]:
    if whistle.state not in APPEALED_IN:
        return
    for r in whistle.earlier_report_ins + whistle.report_ins:
        if r.appeal_pending and r.state is ReportInState.EVALUATED:
            yield PendingRequest(kind=RequestKind.APPEAL, organisation=PLATFORM, round=r.round, responder=r.responder)
