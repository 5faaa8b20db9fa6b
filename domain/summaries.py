"""One Chinese line for each event, as the audit trail (吹哨全留痕) shows it."""

from collections.abc import Callable
from datetime import datetime
from typing import Any

from domain import events as e
from domain.values import folded
from domain.whistle import Whistle
from domain.working_time import BEIJING

Names = Callable[[str], str]


def summarise(event: e.Event, name: Names) -> str:
    """Say what happened; `name` gives an organisation's Chinese name for its code."""
    line = LINES.get(type(event))
    return folded(line(event, name)) if line else type(event).__name__


def headline(whistle: Whistle, township: str) -> str:
    """Write the line by which people know a whistle: 【应急】金海湖镇 盗采砂石; 【哨源】 while its kind is unknown."""
    kind = whistle.kind.label.removesuffix("哨") if whistle.kind else "哨源"
    return f"【{kind}】{township} {whistle.title}"


def local_time(at: datetime) -> str:
    """Write a time as Beijing reads it: 11月24日 15:30:05."""
    at = at.astimezone(BEIJING)
    return f"{at.month}月{at.day}日 {at:%H:%M:%S}"


def _names(codes: tuple[str, ...], name: Names) -> str:
    return "、".join(name(code) for code in codes)


def _proposed(v: e.WhistleProposed, name: Names) -> str:
    called = f",拟请{_names(v.responders, name)}报到" if v.responders else ""
    why = f";理由:{v.reason}" if v.reason else ""
    return f"研判为{v.kind.label}({v.urgency.label}、{v.tier.label}){called}{why}"


def _accepted(v: e.WhistleAccepted, name: Names) -> str:
    cooperating = f",{_names(v.cooperating, name)}配合" if v.cooperating else ""
    how = "受理时限已到,按街乡所报集结" if v.by_default else "区级平台受理派单"
    why = f";调整理由:{v.change_reason}" if v.change_reason else ""
    return f"{how}:{name(v.lead)}主责{cooperating}{why}"


def _notified(v: e.RespondersNotified, name: Names) -> str:
    due = f",{local_time(v.arrive.due_at)}前报到" if v.arrive else ""
    return f"派单至{_names(tuple(d.responder for d in v.responders), name)}{due}"


def _arrived(v: e.ResponderArrived, name: Names) -> str:
    late = f",逾期 {v.late_by_s} 秒" if v.late_by_s else ""
    return f"{name(v.responder)}到场报到{late}" + ("(街乡补录)" if v.recorded_for else "")


def _struck(v: e.ClockStruck, name: Names) -> str:
    whose = name(v.responder) if v.responder else ""
    return f"{whose}{v.phase.label}:{v.point.label}({local_time(v.due_at)})"


def _raised(v: e.SupervisionRaised, name: Names) -> str:
    cause = f"({v.phase.label})" if v.phase else ""
    why = f":{v.reason}" if v.reason else ""
    return f"对{name(v.organisation)}{v.level.label}{cause}{why}"


def _evaluated(v: e.RespondersEvaluated, name: Names) -> str:
    scores = f":配合 {v.scores.cooperation}、结果 {v.scores.result}" if v.scores else ""
    return f"{'默认评价' if v.by_default else '评价'}{_names(v.responders, name)}{scores}"


def _called_back(v: e.CallbackMade, _name: Names) -> str:
    kind = "回访" if v.counts else "街乡自查"
    if not v.reached:
        return f"{kind}:未接通"
    solved = {True: "已解决", False: "未解决", None: ""}[v.solved]
    told = "、".join(filter(None, (solved, v.satisfaction.label if v.satisfaction else "")))
    return f"{kind}:{told or '已接通'}"


def _lead_changed(v: e.LeadChanged, name: Names) -> str:
    return f"主责改为{name(v.lead)}" if v.lead else "主责待定"


def _upheld(v: e.ObjectionUpheld, name: Names) -> str:
    if v.marks_only:
        return f"{name(v.responder)}异议成立,撤销其逾期标记"
    onward = f",改派{name(v.reassign_to)}" if v.reassign_to else ",列为无头事项,待平台会商增派"
    return f"{name(v.responder)}异议成立{onward}"


def _appeal_decided(v: e.AppealDecided, name: Names) -> str:
    return f"{name(v.responder)}申诉{'成立,不计入考核' if v.upheld else '不成立'}"


def _feedback(v: e.FeedbackGiven, _name: Names) -> str:
    return f"已{v.via.label}答复" + (f",结果:{v.outcome.label}" if v.outcome else "")


ACTION_TRIGGERS = {"COMMAND": "街乡宣布", "ALL_ARRIVED": "全部到场", "LIMIT": "报到时限届满"}
CALLBACK_ENDS = {"REACHED": "已接通", "THIRD_ATTEMPT": "三次未接通", "LIMIT": "时限届满", "NO_LIMIT": "无回访时限"}

LINES: dict[type[e.Event], Callable[[Any, Names], str]] = {
    e.WhistleRegistered: lambda v, n: f"{v.channel.label}登记,哨单号 {v.serial},交{n(v.township)}研判",
    e.MatterAppended: lambda v, _: v.kind.label,
    e.WhistleProposed: _proposed,
    e.SelfHandlingChosen: lambda v, _: f"街乡自办:{v.reason}",
    e.WhistleMerged: lambda v, _: f"并入 {v.merge_into}",
    e.WhistleTransferred: lambda v, n: f"由{n(v.former_township)}转送{n(v.township)}:{v.reason}",
    e.WhistleRejected: lambda v, _: f"不予受理({v.rejection.label}):{v.reason}",
    e.WhistleBlown: lambda _v, _n: "街乡吹哨",
    e.BlowingDeclined: lambda v, _: f"不同意吹哨:{v.reason}",
    e.EmergencyRatified: lambda _v, _n: "应急哨已追认",
    e.RatificationRefused: lambda v, _: f"不予追认,计误哨,处置继续:{v.reason}",
    e.WhistleAccepted: _accepted,
    e.RespondersNotified: _notified,
    e.RespondersWithdrawn: lambda v, n: f"{_names(v.responders, n)}报到任务终止",
    e.LeadChanged: _lead_changed,
    e.WhistleReturned: lambda v, _: f"区级平台退回({v.reason.label})",
    e.WhistleResubmitted: lambda v, n: f"补正重报:{_proposed(v.proposal, n)}",
    e.ResponderSigned: lambda v, n: f"{n(v.responder)}签收",
    e.ResponderAssigned: lambda v, n: f"{n(v.responder)}转{v.section}办理",
    e.ObjectionRaised: lambda v, n: f"{n(v.responder)}提出异议({v.reason.label}):{v.legal_basis}",
    e.ObjectionUpheld: _upheld,
    e.ObjectionOverruled: lambda v, n: f"{n(v.responder)}异议不成立",
    e.FirstReceiverProceeded: lambda v, n: f"逾期未裁定,{n(v.responder)}作为首接单位先行办理",
    e.ResponderArrived: _arrived,
    e.ArrivalRejected: lambda v, n: f"{n(v.responder)}报到不实:{v.reason}",
    e.ActionStarted: lambda v, _: f"开始联合处置({ACTION_TRIGGERS[v.trigger]})",
    e.ConsultationHeld: lambda v, _: f"会商:{v.conclusion}",
    e.ProgressReported: lambda v, n: f"{n(v.responder)}报告进展",
    e.HandlingReported: lambda v, n: f"{n(v.responder)}处置反馈({v.result.label}):{v.summary}",
    e.CheckAwaited: lambda v, _: f"待核查,{local_time(v.check.due_at)}前",
    e.ExtensionRequested: lambda v, n: f"{n(v.responder)}申请{v.phase.label}延期至{local_time(v.until)}:{v.reason}",
    e.ExtensionGranted: lambda v, n: f"同意{n(v.responder)}{v.phase.label}延期至{local_time(v.deadline.due_at)}",
    e.ExtensionRefused: lambda v, n: f"不同意{n(v.responder)}{v.phase.label}延期",
    e.SuspensionRequested: lambda v, _: f"申请挂账:{v.reason}",
    e.WhistleSuspended: lambda v, _: f"挂账(缓办)至{local_time(v.review.due_at)}复核:{v.reason}",
    e.WhistleResumed: lambda _v, _n: "恢复办理,停走时间已加回",
    e.CheckPassed: lambda v, _: f"核查通过:{v.outcome.label}",
    e.CheckFailed: lambda v, n: f"核查未通过,{_names(v.responders, n)}返工",
    e.ResponderReleased: lambda v, n: f"同意{n(v.responder)}撤离",
    e.RespondersEvaluated: _evaluated,
    e.EvaluationCompleted: lambda _v, _n: "评价完成",
    e.AppealMade: lambda v, n: f"{n(v.responder)}申诉:{v.reason}",
    e.AppealDecided: _appeal_decided,
    e.FeedbackGiven: _feedback,
    e.CallbackMade: _called_back,
    e.CallbackEnded: lambda v, _: f"回访结束({CALLBACK_ENDS[v.reason]})",
    e.WhistleClosed: lambda v, _: f"办结:{v.outcome.label}",
    e.WhistleArchived: lambda _v, _n: "重新办理与申诉期已过,归档",
    e.ClockStruck: _struck,
    e.OverdueMarked: lambda v, n: f"{n(v.responder)}逾期未报到",
    e.NoShowMarked: lambda v, n: f"{n(v.responder)}第二时限仍未报到",
    e.SupervisionRaised: _raised,
    e.CirculationProposed: lambda v, n: f"建议对{n(v.organisation)}通报批评({v.phase.label})",
    e.SupervisionAnswered: lambda v, n: f"{n(v.organisation)}回复督办",
    e.SignalSounded: lambda v, n: f"{v.signal.label}:{_names(v.audience, n)}",
    e.WhistleCancelled: lambda v, _: f"撤哨:{v.reason}",
    e.WhistleReopened: lambda v, _: f"重新办理:{v.reason}",
}
