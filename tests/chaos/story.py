"""Two lives from the first step to the last: an ordinary one, and an emergency in which one department is late."""

from datetime import UTC, datetime
from typing import Any, NamedTuple
from uuid import uuid4

SOURCE, CLERK, LEADER, PLATFORM = "source@12345", "clerk@jinhaihu", "leader@jinhaihu", "platform"
RESPONDERS = ("planning", "water", "police")
LATE = "police"
OFFICERS = [{"name": "李明"}]


class Act(NamedTuple):
    """Who does what; `once_late` waits until the late department is marked overdue."""

    who: str
    command: str
    body: dict[str, Any]
    once_late: bool = False


def matter(**changes: Any) -> dict[str, Any]:
    """Describe a matter that nobody registered yet."""
    return {
        "source_system": "12345",
        "external_id": uuid4().hex,
        "channel": "HOTLINE_12345",
        "received_at": datetime.now(UTC).isoformat(),
        "title": "盗采砂石",
        "description": "夜间有人用挖掘机盗采砂石",
        "township": "jinhaihu",
        "place": {"address": "海子村东"},
        "reporter": {"name": "王女士", "phone": "13800000000"},
    } | changes


def review(kind: str = "DAILY", urgency: str = "NORMAL", responders: tuple[str, ...] = RESPONDERS) -> Act:
    """The township's clerk decides to whistle."""
    tier = "EMERGENCY_RESPONSE" if kind == "EMERGENCY" else "COMPREHENSIVE"
    decided = {"decision": "WHISTLE", "kind": kind, "urgency": urgency, "tier": tier}
    return Act(CLERK, "review", {**decided, "proposed_responders": list(responders)})


def accept(responders: tuple[str, ...] = RESPONDERS) -> Act:
    """The platform dispatches."""
    return Act(PLATFORM, "accept", {"lead": responders[0], "cooperating": list(responders[1:])})


def of_each(command: str, responders: tuple[str, ...] = RESPONDERS, **body: Any) -> list[Act]:
    """Every responder does the same."""
    return [Act(f"department@{code}", command, {"responder": code, **body}) for code in responders]


def conclusion() -> list[Act]:
    """From the check to the resident's word."""
    scores = {"cooperation": 90, "result": 95}
    return [
        *of_each("report_handling", result="RESOLVED", summary="已清运"),
        Act(CLERK, "check", {"passed": True, "outcome": "RESOLVED"}),
        Act(LEADER, "evaluate", {"responders": list(RESPONDERS), "scores": scores, "comment": "迅速"}),
        Act(CLERK, "feedback", {"reply": "已处理完毕", "via": "PHONE"}),
        Act(SOURCE, "callback", {"reached": True, "solved": True, "satisfaction": "SATISFIED"}),
    ]


def ordinary() -> list[Act]:
    """One DAILY whistle of three departments."""
    return [
        Act(CLERK, "append", {"text": "又来电催办", "kind": "REPEATED_CALL"}),
        review(),
        Act(LEADER, "blow", {}),
        accept(),
        *of_each("sign"),
        *of_each("arrive", officers=OFFICERS),
        Act("department@planning", "report_progress", {"responder": "planning", "text": "已开始清运"}),
        *conclusion(),
    ]


def self_handled() -> list[Act]:
    """One that the township settles by itself."""
    return [
        Act(CLERK, "review", {"decision": "SELF_HANDLE", "reason": "镇内可办"}),
        Act(CLERK, "feedback", {"reply": "已处理完毕", "via": "PHONE"}),
        Act(SOURCE, "callback", {"reached": True, "solved": True, "satisfaction": "SATISFIED"}),
    ]


def rejected() -> list[Act]:
    """One that is no matter at all."""
    return [Act(CLERK, "review", {"decision": "REJECT", "rejection": "UNFOUNDED", "reason": "经查无此事"})]


def cancelled() -> list[Act]:
    """One that is called off once it was blown."""
    return [review(), Act(LEADER, "blow", {}), Act(LEADER, "cancel", {"reason": "险情已排除"})]


def emergency() -> list[Act]:
    """One EMERGENCY whose police come only after both their limits' first has struck."""
    late = of_each("arrive", (LATE,), officers=OFFICERS)[0]._replace(once_late=True)
    return [
        review("EMERGENCY", "CRITICAL"),
        accept(),
        Act(LEADER, "ratify", {}),
        *of_each("arrive", ("planning", "water"), officers=OFFICERS),
        late,
        *conclusion(),
    ]
