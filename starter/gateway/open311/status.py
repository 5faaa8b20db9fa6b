"""How a whistle's fifteen states read to a resident: open or closed, a sentence, and when to expect an answer."""

from collections.abc import Callable
from datetime import datetime

from domain.lifecycle import ENDS
from domain.vocabulary import State
from storage.open311 import Request

Names = Callable[[str], str]

SENTENCES: dict[State, str] = {
    State.SOURCED: "已登记,{township}正在研判",
    State.PROPOSED: "{township}已研判,待审批吹哨",
    State.BLOWN: "{township}已吹哨,待区级平台受理",
    State.ASSEMBLING: "已派单,由{agency}牵头到场报到",
    State.IN_ACTION: "{agency}正在牵头处置",
    State.AWAITING_CHECK: "已处置,待核查",
    State.EVALUATING: "核查通过:{outcome},{answered}",
    State.FEEDBACK: "核查通过:{outcome},{answered}",
    State.CLOSED: "已办结:{outcome}",
    State.RETURNED: "区级平台已退回,{township}正在补正",
    State.SUSPENDED: "已挂账缓办,条件具备后恢复办理",
    State.SELF_HANDLED: "{township}自行办理,{answered}",
    State.MERGED: "与已有诉求重复,已并案办理{parent}",
    State.REJECTED: "不予受理{reason}",
    State.CANCELLED: "已撤哨,不再办理",
}


def is_open(request: Request) -> bool:
    """Tell whether something is still to be done."""
    return request.state not in ENDS


def status_notes(request: Request, name_of: Names, *, in_full: bool) -> str:
    """Say where a request stands; the words of whoever rejected it only `in_full`."""
    return SENTENCES[request.state].format(
        township=name_of(request.township),
        agency=agency_responsible(request, name_of),
        outcome=request.outcome.label if request.outcome else "已核查",
        answered="已答复" if request.answered else "待答复",
        parent=f"({request.merged_into})" if request.merged_into else "",
        reason=_reason(request, in_full=in_full),
    )


def agency_responsible(request: Request, name_of: Names) -> str:
    """Name who leads, else the township of the place."""
    return name_of(request.lead or request.township)


def updated_at(request: Request) -> datetime:
    """When it was closed, else when its last event was."""
    return request.closed_at if request.state is State.CLOSED and request.closed_at else request.updated_at


def expected_at(request: Request) -> datetime | None:
    """When the last responder's handling is due, else the next limit that binds somebody; None once it is closed."""
    return request.handle_due_at or request.next_deadline if is_open(request) else None


def _reason(request: Request, *, in_full: bool) -> str:
    if request.rejected is None:
        return ""
    rejection, reason = request.rejected
    return f"({rejection.label}):{reason}" if in_full else f"({rejection.label})"
