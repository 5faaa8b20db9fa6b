"""What `whistle notices ID` shows: a line in the log is no delivery that anybody heard."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from domain.duty import DutyLevel
from starter.cli.notices import _lines
from storage.notice_deliveries import DeliveryState
from storage.notice_trail import DeliveryEntry, NoticeEntry

AT = datetime(2026, 11, 24, 2, 0, tzinfo=UTC)


def shown(**delivery: Any) -> str:
    """Show a notice with one delivery."""
    given = {"recipient": "water/a", "level": DutyLevel.OFFICER, "channel": "robots", "state": DeliveryState.DELIVERED}
    given |= {"created_at": AT, "settled_at": AT, "next_attempt_at": None, "attempts": 1, "in_doubt": False}
    one = DeliveryEntry.model_validate(given | {"last_error": None, "failures": ()} | delivery)
    notice = NoticeEntry(
        id=1,
        sequence=5,
        kind="ASSEMBLE",
        audience="water",
        urgent=True,
        text="【应急哨】盗采砂石:集结哨",
        created_at=AT,
        addressed_at=AT,
        climbs_at=AT + timedelta(minutes=5),
        deliveries=(one,),
    )
    return "\n".join(line.plain for line in _lines(notice))


@pytest.mark.parametrize(
    ("delivery", "words"),
    [
        ({}, "water/a robots 已送达 11月24日 10:00:00"),
        ({"channel": "log"}, "water/a log 仅记日志 heard by nobody"),
        ({"attempts": 3, "in_doubt": True}, "第 3 次  可能重复 in doubt"),
        ({"state": DeliveryState.PENDING, "settled_at": None, "last_error": "HTTP 503"}, "待送达  HTTP 503"),
        ({"state": DeliveryState.DROPPED, "last_error": "cause-ended"}, "已失效未发"),
        ({"state": DeliveryState.FAILED, "last_error": "code 93000"}, "失败 11月24日 10:00:00  code 93000"),
    ],
)
def test_each_delivery_says_how_it_fared(delivery: dict[str, Any], words: str):
    """In Chinese first, with when, how often and why not."""
    assert words in shown(**delivery)


def test_a_notice_says_what_whom_and_when_it_climbs():
    """In one line."""
    assert shown().splitlines()[0] == (
        "11月24日 10:00:00  急 【应急哨】盗采砂石:集结哨  → water  未应答将于 11月24日 10:05:00 升级"
    )
