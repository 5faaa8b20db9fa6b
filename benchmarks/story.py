"""The life that is measured: one DAILY whistle of three departments through all steps, 18 commands."""

from datetime import UTC, datetime
from typing import Any

OFFICERS = [{"name": "李明"}]
RESPONDERS = ("water", "police", "planning")
CLERK, LEADER, PLATFORM, SOURCE = "clerk@jinhaihu", "leader@jinhaihu", "platform", "source@12345"
Step = tuple[str, str, dict[str, Any]]


def registration(external_id: str) -> dict[str, Any]:
    """What the hotline registers."""
    return {
        "source_system": "12345",
        "external_id": external_id,
        "channel": "HOTLINE_12345",
        "received_at": datetime.now(UTC),
        "title": "村口暴露垃圾",
        "description": "垃圾堆放多日",
        "township": "jinhaihu",
        "place": {"address": "海子村口"},
        "reporter": {"name": "王女士", "phone": "13800000000"},
    }


def steps() -> list[Step]:
    """Every command after registration, in order, with who makes it."""
    scores = {"cooperation": 90, "result": 95}
    each = [(f"department@{code}", code) for code in RESPONDERS]
    review = {
        "decision": "WHISTLE",
        "kind": "DAILY",
        "urgency": "NORMAL",
        "tier": "COMPREHENSIVE",
        "proposed_responders": list(RESPONDERS),
    }
    return [
        (CLERK, "append", {"text": "又来电催办", "kind": "REPEATED_CALL"}),
        (CLERK, "review", review),
        (LEADER, "blow", {}),
        (PLATFORM, "accept", {"lead": RESPONDERS[0], "cooperating": list(RESPONDERS[1:])}),
        *[(who, "sign", {"responder": code}) for who, code in each],
        *[(who, "arrive", {"responder": code, "officers": OFFICERS}) for who, code in each],
        (each[0][0], "report_progress", {"responder": RESPONDERS[0], "text": "已开始清运"}),
        *[(who, "report_handling", {"responder": c, "result": "RESOLVED", "summary": "已清运"}) for who, c in each],
        (CLERK, "check", {"passed": True, "outcome": "RESOLVED"}),
        (LEADER, "evaluate", {"responders": list(RESPONDERS), "scores": scores, "comment": "迅速"}),
        (CLERK, "feedback", {"reply": "已处理完毕", "via": "PHONE"}),
        (SOURCE, "callback", {"reached": True, "solved": True, "satisfaction": "SATISFIED"}),
    ]
