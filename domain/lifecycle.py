"""The life of a whistle: its seven steps, and the one table of moves that everything reads.

The workflow's validators, `decide`, the `allowed` query, docs/lifecycle.md and the tests
all read `MOVES`. A command that fits no row is refused and changes nothing.
"""

from collections.abc import Iterable

from domain import guards
from domain.chains import Part
from domain.guards import Guard
from domain.values import Frozen
from domain.vocabulary import ReportInState, State

STEP_LABELS = ("哨源形成", "街乡分析研判", "街乡吹哨", "区级平台受理", "部门报到", "评价监督", "结果反馈")
STEPS: dict[State, int] = {
    State.SOURCED: 1,
    State.PROPOSED: 2,
    State.SELF_HANDLED: 2,
    State.BLOWN: 3,
    State.RETURNED: 3,
    State.ASSEMBLING: 4,
    State.IN_ACTION: 5,
    State.AWAITING_CHECK: 5,
    State.EVALUATING: 6,
    State.FEEDBACK: 7,
    State.CLOSED: 7,
}
ENDS = frozenset({State.CLOSED, State.MERGED, State.REJECTED, State.CANCELLED})
OPEN = frozenset(State) - ENDS
ACTION = frozenset({State.ASSEMBLING, State.IN_ACTION})
DISPATCHED = ACTION | {State.BLOWN}
APPEALED_IN = ACTION | {State.SUSPENDED, State.AWAITING_CHECK, State.EVALUATING, State.FEEDBACK, State.CLOSED}
"""Before EVALUATING an appeal can only be against an earlier round's evaluation, whose window a reopening keeps."""
COMING = frozenset({ReportInState.NOTIFIED, ReportInState.SIGNED})
PRESENT = COMING | {ReportInState.ARRIVED, ReportInState.HANDLED}


class Move(Frozen):
    """One row: in these states, those who hold one of these parts may; and where it leads.

    `to` lists the states it may lead to (empty: the same). `report_in` lists the states of the
    report-in it names (empty: it names none). `guards` are the row's further conditions.
    """

    command: str
    by: tuple[Part, ...]
    states: frozenset[State]
    to: tuple[State, ...] = ()
    variant: str | None = None
    report_in: frozenset[ReportInState] = frozenset()
    guards: tuple[Guard, ...] = ()
    note: str = ""


def _move(
    command: str,
    by: Part | tuple[Part, ...],
    states: Iterable[State],
    to: State | tuple[State, ...] = (),
    *,
    variant: str | None = None,
    report_in: Iterable[ReportInState] = (),
    guards: tuple[Guard, ...] = (),
    note: str = "",
) -> Move:
    return Move(
        command=command,
        by=by if isinstance(by, tuple) else (by,),
        states=frozenset(states),
        to=to if isinstance(to, tuple) else (to,),
        variant=variant,
        report_in=frozenset(report_in),
        guards=guards,
        note=note,
    )


S, P, R = State, Part, ReportInState
CLERK = P.REVIEW_CLERK
CHECKER = P.CHECK_CLERK

_SOURCE_AND_REVIEW = (
    _move("append", (P.SOURCE, CLERK), OPEN, note="重复来电与撤诉计数,不另立新哨"),
    _move("review", CLERK, {S.SOURCED, S.SELF_HANDLED}, S.PROPOSED, variant="WHISTLE", note="预备哨;无时限"),
    _move(
        "review",
        CLERK,
        {S.SOURCED, S.SELF_HANDLED},
        S.BLOWN,
        variant="WHISTLE_EMERGENCY",
        note="应急:吹哨即派单,集结哨;签收、报到时限自此起算",
    ),
    _move("review", CLERK, {S.SOURCED, S.RETURNED}, S.SELF_HANDLED, variant="SELF_HANDLE"),
    _move("review", CLERK, {S.SOURCED, S.RETURNED}, S.MERGED, variant="MERGE"),
    _move("review", CLERK, {S.SOURCED}, S.SOURCED, variant="TRANSFER", note="转送的街乡研判;村级、支部所吹不转送"),
    _move("review", CLERK, {S.SOURCED}, S.REJECTED, variant="REJECT", note="理由即对来源的答复"),
    _move("blow", P.REVIEW_LEADER, {S.PROPOSED}, S.BLOWN),
    _move("decline", P.REVIEW_LEADER, {S.PROPOSED}, S.SOURCED, variant="BLOW"),
    _move(
        "ratify",
        P.REVIEW_LEADER,
        OPEN - {S.SOURCED, S.PROPOSED},
        guards=(guards.emergency_not_ratified,),
    ),
    _move(
        "decline",
        P.REVIEW_LEADER,
        OPEN - {S.SOURCED, S.PROPOSED},
        variant="RATIFY",
        guards=(guards.emergency_not_ratified,),
        note="不予追认:计误哨,处置继续",
    ),
)

_PLATFORM = (
    _move("accept", P.ACCEPTOR, {S.BLOWN}, S.ASSEMBLING, note="集结哨;时限自派单起算,应急已起算的不重置"),
    _move("return_whistle", P.ACCEPTOR, {S.BLOWN}, S.RETURNED, note="应急不得以要素不全退回"),
    _move("resubmit", CLERK, {S.RETURNED}, (S.PROPOSED, S.BLOWN), note="应急直接重新吹哨派单"),
    _move(
        "merge",
        (CLERK, P.PLATFORM),
        {S.SOURCED, S.PROPOSED, S.BLOWN, S.ASSEMBLING, S.RETURNED},
        S.MERGED,
        note="随主哨办理",
    ),
    _move("add_responder", (CLERK, P.PLATFORM), ACTION, note="新时限;以主责增派则接替主责"),
    _move("request_suspension", (P.RESPONDER, CLERK), ACTION, guards=(guards.suspension_not_requested,)),
    _move("suspend", P.PLATFORM, ACTION, S.SUSPENDED, note="全部时限停走"),
    _move("resume", P.PLATFORM, {S.SUSPENDED}, (S.ASSEMBLING, S.IN_ACTION), note="停走时间加回全部时限"),
)

_REPORT_IN = (
    _move("sign", P.RESPONDER, DISPATCHED, report_in={R.NOTIFIED}),
    _move("assign", P.RESPONDER, DISPATCHED, report_in=PRESENT - {R.HANDLED}),
    _move(
        "object",
        P.RESPONDER,
        ACTION,
        report_in=COMING | {R.ARRIVED},
        guards=(guards.may_object,),
        note="报到时限不重置;应急先报到、后争议",
    ),
    _move(
        "rule",
        P.ARBITER,
        ACTION | {S.AWAITING_CHECK, S.EVALUATING, S.FEEDBACK},
        report_in=frozenset(R) - {R.WITHDRAWN},
        guards=(guards.dispute_open,),
        note="成立:改派并撤销其逾期标记;处置结束后裁定只撤标记",
    ),
    _move(
        "arrive",
        (P.RESPONDER, CHECKER, P.TOWNSHIP_CLERK),
        DISPATCHED,
        (S.BLOWN, S.ASSEMBLING, S.IN_ACTION),
        report_in=COMING,
        note="报到即签收;全部到场则冲锋哨",
    ),
    _move("reject_arrival", CHECKER, DISPATCHED, report_in={R.ARRIVED}, note="监督哨;时限从未停走"),
    _move("start_action", CHECKER, {S.ASSEMBLING}, S.IN_ACTION, note="冲锋哨;处置时限起算"),
    _move("confer", (CLERK, CHECKER, P.PLATFORM, P.LEAD), DISPATCHED, guards=(guards.dispatched,)),
    _move("report_progress", P.RESPONDER, DISPATCHED, report_in=PRESENT),
    _move(
        "report_handling",
        P.RESPONDER,
        {S.IN_ACTION},
        (S.IN_ACTION, S.AWAITING_CHECK),
        report_in={R.ARRIVED},
        note="到场者全部处置、其余已撤离或逾期未到,则待核查",
    ),
    _move(
        "request_extension",
        P.RESPONDER,
        ACTION,
        report_in=COMING | {R.ARRIVED},
        guards=(guards.may_ask_for_time,),
        note="每阶段一次",
    ),
    _move(
        "decide_extension",
        P.REVIEW_LEADER,
        ACTION,
        report_in=COMING | {R.ARRIVED},
        guards=(guards.extension_pending,),
    ),
    _move(
        "release",
        CHECKER,
        {S.IN_ACTION},
        (S.IN_ACTION, S.AWAITING_CHECK),
        report_in={R.HANDLED},
        guards=(guards.cooperating,),
        note="主责不撤(事不完、人不撤)",
    ),
)

_CHECK_AND_FEEDBACK = (
    _move("check", CHECKER, {S.AWAITING_CHECK}, S.IN_ACTION, variant="FAILED", guards=(guards.did_not_handle,)),
    _move(
        "check",
        CHECKER,
        {S.AWAITING_CHECK},
        S.EVALUATING,
        variant="PASSED",
        guards=(guards.did_not_handle,),
        note="终场哨;监督哨开启评价",
    ),
    _move(
        "evaluate",
        P.CHECK_LEADER,
        {S.EVALUATING},
        (S.EVALUATING, S.FEEDBACK, S.CLOSED),
        report_in={R.RELEASED},
    ),
    _move(
        "feedback",
        CHECKER,
        {S.EVALUATING, S.FEEDBACK},
        (S.EVALUATING, S.FEEDBACK, S.CLOSED),
        guards=(guards.not_answered_yet,),
        note="核查通过即可答复,不待评价",
    ),
    _move(
        "feedback",
        (CLERK, CHECKER),
        {S.SELF_HANDLED},
        (S.SELF_HANDLED, S.CLOSED),
        variant="SELF_HANDLED",
        guards=(guards.not_answered_yet,),
    ),
    _move(
        "callback",
        (P.SOURCE, P.PLATFORM, CHECKER),
        {S.EVALUATING, S.FEEDBACK, S.SELF_HANDLED},
        (S.EVALUATING, S.FEEDBACK, S.SELF_HANDLED, S.CLOSED),
        guards=(guards.callback_awaited,),
        note="街乡自查不计、不终结回访",
    ),
    _move(
        "appeal",
        P.RESPONDER,
        APPEALED_IN,
        report_in={R.EVALUATED},
        guards=(guards.may_appeal,),
    ),
    _move(
        "decide_appeal",
        P.PLATFORM,
        APPEALED_IN,
        report_in={R.EVALUATED},
        guards=(guards.appeal_pending,),
    ),
    _move(
        "reopen",
        (CHECKER, P.SUPERVISOR),
        {S.CLOSED},
        (S.ASSEMBLING, S.SOURCED),
        guards=(guards.reopen_window_open,),
        note="新一轮,新时限;未派过单的回到研判",
    ),
)

_ANY_TIME = (
    _move(
        "supervise",
        (P.SUPERVISOR, CLERK, CHECKER, P.PLATFORM, P.SOURCE),
        OPEN,
        variant="URGE",
        note="监督哨",
    ),
    _move("supervise", P.SUPERVISOR, OPEN, variant="HIGHER", note="监督哨"),
    _move("answer_supervision", P.SUPERVISED, OPEN, guards=(guards.supervised,)),
    _move(
        "cancel",
        P.REVIEW_LEADER,
        {S.PROPOSED, S.BLOWN, S.ASSEMBLING, S.IN_ACTION, S.RETURNED, S.SUSPENDED},
        S.CANCELLED,
    ),
    _move("cancel", P.ADMIN, OPEN, S.CANCELLED, variant="ADMIN", note="Temporal 的取消即此"),
)

MOVES: tuple[Move, ...] = (*_SOURCE_AND_REVIEW, *_PLATFORM, *_REPORT_IN, *_CHECK_AND_FEEDBACK, *_ANY_TIME)
