"""An example of every body, which the embedded stack takes as it stands: one matter of 金海湖镇, for 水务 and 公安."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any

from domain.working_time import BEIJING
from starter.gateway.inputs import EXAMPLE_ID

SOON = "2000-01-01T00:00:00+08:00"
"""Stands for a moment some days ahead, which `with_dates` puts in."""
_AHEAD = timedelta(days=9)
_PHOTO = {
    "url": "https://photos.example.cn/20261124/1.jpg",
    "kind": "DURING",
    "lng": 117.31,
    "lat": 40.18,
    "crs": "GCJ02",
}
_RESPONDERS = ["water", "police"]

REGISTRATION: dict[str, Any] = {
    "source_system": EXAMPLE_ID.split(":")[0],
    "external_id": EXAMPLE_ID.split(":")[1],
    "channel": "HOTLINE_12345",
    "received_at": "2026-11-24T08:30:00+08:00",
    "title": "河道内违法倾倒渣土",
    "description": "上宅村西侧河道内有人倾倒渣土,约三车。",
    "township": "jinhaihu",
    "place": {"address": "金海湖镇上宅村西", "lng": 117.31, "lat": 40.18, "crs": "WGS84"},
    "demand_type": "REPORT",
    "reporter": {"name": "张女士", "phone": "13800000000", "confidential": True},
}

COMMANDS: dict[str, dict[str, Any]] = {
    "append": {"text": "渣土仍在增加。", "kind": "MORE", "evidence": [_PHOTO]},
    "review": {
        "decision": "WHISTLE",
        "kind": "DAILY",
        "urgency": "NORMAL",
        "tier": "COMPREHENSIVE",
        "proposed_responders": _RESPONDERS,
    },
    "blow": {},
    "decline": {"reason": "本镇可以自行处置。"},
    "ratify": {},
    "accept": {"lead": "water", "cooperating": ["police"], "assembly_place": "上宅村村委会"},
    "return_whistle": {"reason": "INCOMPLETE", "note": "请补充现场照片。"},
    "resubmit": {"description": "已补充照片与车牌。", "evidence": [_PHOTO]},
    "merge": {"merge_into": "12345:20261124000456", "reason": "同一地点同一问题。"},
    "sign": {"responder": "water"},
    "assign": {"responder": "water", "section": "水政监察大队", "officer": "李工"},
    "object": {"responder": "water", "reason": "OWNER_UNCLEAR", "legal_basis": "河道管理范围尚未划定。"},
    "rule": {"responder": "water", "ruling": "OVERRULED"},
    "arrive": {
        "responder": "water",
        "officers": [{"name": "李工", "certificate_no": "SW-0421"}],
        "location": {"lng": 117.3101, "lat": 40.1802, "crs": "WGS84"},
        "evidence": [_PHOTO | {"kind": "SIGN_IN"}],
    },
    "reject_arrival": {"responder": "water", "reason": "现场未见其人员。"},
    "start_action": {},
    "add_responder": {"responder": "ecology", "role": "COOPERATING"},
    "confer": {
        "held_at": "2026-11-24T15:00:00+08:00",
        "place": "上宅村村委会",
        "attendees": ["李工", "王警官"],
        "conclusion": "水务牵头清运,公安查找车辆。",
    },
    "report_progress": {"responder": "water", "text": "已调挖掘机到场清运。"},
    "report_handling": {
        "responder": "water",
        "result": "RESOLVED",
        "summary": "渣土已清运,河道恢复原状。",
        "documents": [{"type": "责令改正通知书", "number": "京平水责改字〔2026〕12号"}],
    },
    "request_extension": {"responder": "water", "phase": "HANDLING", "until": SOON, "reason": "需等待机械。"},
    "decide_extension": {"responder": "water", "granted": True},
    "request_suspension": {"reason": "汛期不具备清运条件。"},
    "suspend": {"reason": "汛期不具备清运条件。", "review_at": SOON},
    "resume": {},
    "check": {"passed": True, "outcome": "RESOLVED"},
    "release": {"responder": "police"},
    "evaluate": {"responders": _RESPONDERS, "scores": {"cooperation": 95, "result": 90}, "comment": "到场及时。"},
    "appeal": {"responder": "water", "reason": "得分与事实不符。"},
    "decide_appeal": {"responder": "water", "upheld": False},
    "feedback": {"reply": "渣土已清运完毕,感谢监督。", "via": "PHONE"},
    "callback": {"reached": True, "solved": True, "satisfaction": "SATISFIED"},
    "supervise": {"level": "URGE", "responder": "water", "reason": "请尽快到场。"},
    "answer_supervision": {"reply": "人员已出发。"},
    "cancel": {"reason": "经核实渣土为施工暂存,手续齐全。"},
    "reopen": {"reason": "渣土再次出现。"},
}


def filled(found: dict[str, Any]) -> dict[str, Any]:
    """Give examples with moments that lie ahead now."""
    return dict(json.loads(with_dates(json.dumps(found))))


def with_dates(document: str) -> str:
    """Put moments into a document's examples that lie ahead now."""
    ahead = (datetime.now(UTC) + _AHEAD).astimezone(BEIJING).replace(hour=10, minute=0, second=0, microsecond=0)
    return document.replace(SOON, ahead.isoformat())
