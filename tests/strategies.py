"""Random but plausible commands for a whistle as it stands."""

from datetime import datetime, timedelta
from typing import Any

from hypothesis import strategies as st

from domain.commands import COMMANDS
from domain.whistle import Whistle
from tests.life import OFFICERS, SCORES

DEPARTMENTS = ("water", "police", "planning", "ecology", "power")
ACTORS = (
    "source@12345",
    "clerk@jinhaihu",
    "leader@jinhaihu",
    "clerk@mafang",
    "leader@mafang",
    "platform",
    "arbiter",
    "supervisor",
    "admin",
    *(f"department@{code}" for code in DEPARTMENTS),
)
EVIDENCE = [{"url": "https://example.org/1.jpg", "kind": "AFTER"}]


def some_responders(low: int, high: int) -> st.SearchStrategy[list[str]]:
    """Some departments, each once."""
    return st.lists(st.sampled_from(DEPARTMENTS), min_size=low, max_size=high, unique=True)


def bodies(name: str, whistle: Whistle, now: datetime) -> st.SearchStrategy[dict[str, Any]]:
    """Bodies of one command that are valid by themselves, on this whistle."""
    named = st.sampled_from(whistle.responders or DEPARTMENTS)
    ahead = st.integers(1, 60 * 24 * 20).map(lambda m: (now + timedelta(minutes=m)).isoformat())
    reason = st.just("情况如此")
    shapes: dict[str, st.SearchStrategy[dict[str, Any]]] = {
        "append": st.fixed_dictionaries(
            {"text": reason, "kind": st.sampled_from(["MORE", "REPEATED_CALL", "WITHDRAWN_BY_REPORTER"])}
        ),
        "review": st.one_of(
            st.fixed_dictionaries(
                {
                    "decision": st.just("WHISTLE"),
                    "kind": st.sampled_from(["DAILY", "ENFORCEMENT", "EMERGENCY", "KEY_WORK"]),
                    "urgency": st.sampled_from(["NORMAL", "URGENT", "CRITICAL"]),
                    "tier": st.sampled_from(["GENERAL", "COMPREHENSIVE", "EMERGENCY_RESPONSE"]),
                    "proposed_responders": some_responders(1, 4),
                }
            ),
            st.just({"decision": "SELF_HANDLE", "reason": "镇里能办"}),
            st.just({"decision": "MERGE", "reason": "同一事", "merge_into": "12345:other"}),
            st.just({"decision": "TRANSFER", "reason": "属马坊", "transfer_to": "mafang"}),
            st.just({"decision": "REJECT", "reason": "不属实", "rejection": "UNFOUNDED"}),
        ),
        "decline": st.fixed_dictionaries({"reason": reason}),
        "accept": some_responders(1, 4).map(
            lambda r: {"lead": r[0], "cooperating": r[1:], "change_reason": "按权责调整"}
        ),
        "return_whistle": st.fixed_dictionaries(
            {"reason": st.sampled_from(["INCOMPLETE", "WITHIN_TOWNSHIP_POWER", "DUPLICATE"])}
        ),
        "merge": st.just({"merge_into": "12345:other"}),
        "assign": st.fixed_dictionaries({"responder": named, "section": st.just("执法一队")}),
        "object": st.fixed_dictionaries(
            {"responder": named, "reason": st.sampled_from(["NOT_MY_POWER", "OVERLAP"]), "legal_basis": reason}
        ),
        "rule": st.one_of(
            st.fixed_dictionaries({"responder": named, "ruling": st.just("OVERRULED")}),
            st.fixed_dictionaries({"responder": named, "ruling": st.just("UPHELD")}),
            st.fixed_dictionaries({"responder": named, "ruling": st.just("UPHELD"), "reassign_to": st.just("power")}),
        ),
        "arrive": st.fixed_dictionaries({"responder": named, "officers": st.just(OFFICERS)}),
        "reject_arrival": st.fixed_dictionaries({"responder": named, "reason": reason}),
        "add_responder": st.fixed_dictionaries(
            {"responder": st.sampled_from(DEPARTMENTS), "role": st.sampled_from(["LEAD", "COOPERATING"])}
        ),
        "confer": st.just(
            {"held_at": now.isoformat(), "place": "镇政府", "attendees": ["李明"], "conclusion": "由水务牵头"}
        ),
        "report_progress": st.fixed_dictionaries({"responder": named, "text": reason}),
        "report_handling": st.fixed_dictionaries(
            {"responder": named, "result": st.sampled_from(["RESOLVED", "PARTLY"]), "summary": reason}
        ),
        "request_extension": st.fixed_dictionaries(
            {
                "responder": named,
                "phase": st.sampled_from(["ARRIVAL", "HANDLING"]),
                "until": ahead,
                "reason": reason,
            }
        ),
        "decide_extension": st.fixed_dictionaries({"responder": named, "granted": st.booleans()}),
        "request_suspension": st.fixed_dictionaries({"reason": reason}),
        "suspend": st.fixed_dictionaries({"reason": reason, "review_at": ahead}),
        "check": st.one_of(
            st.just({"passed": True, "outcome": "RESOLVED"}),
            st.just({"passed": False}),
            st.fixed_dictionaries({"passed": st.just(False), "failed_responders": named.map(lambda r: [r])}),
        ),
        "evaluate": st.fixed_dictionaries({"responder": named, "scores": st.just(SCORES)}),
        "appeal": st.fixed_dictionaries({"responder": named, "reason": reason}),
        "decide_appeal": st.fixed_dictionaries({"responder": named, "upheld": st.booleans()}),
        "feedback": st.just({"reply": "已处理", "via": "PHONE"}),
        "callback": st.one_of(
            st.just({"reached": False}),
            st.just({"reached": True, "solved": True, "satisfaction": "SATISFIED"}),
            st.just({"reached": True, "solved": False, "satisfaction": "DISSATISFIED"}),
        ),
        "supervise": st.fixed_dictionaries({"level": st.sampled_from(["URGE", "SUPERVISE", "CIRCULATE", "ACCOUNT"])}),
        "answer_supervision": st.just({"reply": "已安排"}),
        "cancel": st.fixed_dictionaries({"reason": reason}),
        "reopen": st.fixed_dictionaries({"reason": reason}),
        "release": st.fixed_dictionaries({"responder": named}),
        "sign": st.fixed_dictionaries({"responder": named}),
    }
    return shapes.get(name, st.just({}))


def commands() -> st.SearchStrategy[str]:
    """Any command's wire name."""
    return st.sampled_from(sorted(COMMANDS))
