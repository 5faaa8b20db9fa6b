"""What a provider's answer means: taken, later, or never; and whether it may have been taken all the same."""

import base64
import hashlib
import hmac
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from urllib.parse import unquote

import httpx
import pytest

from activities.channels import (
    MisconfiguredError,
    PermanentError,
    TransientError,
    dingtalk_robot,
    feishu_robot,
    wecom_robot,
)
from activities.channels.answers import Codes, judge, network_errors
from activities.channels.protocol import MENDED_AFTER, clipped
from activities.channels.sms_gateway import filled

WECOM, FEISHU, DINGTALK = wecom_robot.CODES, feishu_robot.CODES, dingtalk_robot.CODES


def answered(codes: Codes, status: int = 200, headers: dict[str, str] | None = None, **body: object) -> None:
    """Judge an answer."""
    judge(httpx.Response(status, headers=headers), body, codes)


@pytest.mark.parametrize("codes", [WECOM, DINGTALK])
def test_a_zero_is_success(codes: Codes):
    """As text too."""
    answered(codes, errcode=0)
    answered(codes, errcode="0")


def test_feishu_says_success_in_two_ways():
    """The older field is still sent by some."""
    answered(FEISHU, code=0)
    answered(FEISHU, StatusCode=0, StatusMessage="success")


@pytest.mark.parametrize(
    ("codes", "field", "code"), [(WECOM, "errcode", 93000), (DINGTALK, "errcode", 310000), (FEISHU, "code", 19021)]
)
def test_a_200_whose_body_refuses_is_a_failure_for_good(codes: Codes, field: str, code: int):
    """A wrong key, a wrong signature: no repetition helps."""
    with pytest.raises(PermanentError, match=str(code)):
        answered(codes, **{field: code})


@pytest.mark.parametrize(
    ("codes", "status", "body", "doubtful"),
    [
        (WECOM, 200, {"errcode": 45009}, False),
        (WECOM, 200, {"errcode": -1}, True),
        (DINGTALK, 200, {"errcode": 130101}, False),
        (DINGTALK, 200, {"errcode": 410100}, False),
        (DINGTALK, 200, {"errcode": -1}, True),
        (FEISHU, 200, {"code": 11232}, False),
        (FEISHU, 400, {"code": 11232}, False),
        (WECOM, 429, {}, False),
        (WECOM, 503, {}, False),
        (WECOM, 500, {}, True),
        (WECOM, 502, {"errcode": 93000}, True),
        (WECOM, 408, {}, True),
        (WECOM, 200, {}, True),
        (WECOM, 200, {"html": "login"}, True),
    ],
)
def test_what_may_pass_is_tried_again_and_its_doubt_is_told(
    codes: Codes, status: int, body: dict[str, object], *, doubtful: bool
):
    """Limits and refusals leave no doubt; errors of a server and strange pages do."""
    with pytest.raises(TransientError) as failed:
        answered(codes, status, **body)
    assert failed.value.doubtful is doubtful


@pytest.mark.parametrize("status", [400, 410, 413, 422])
def test_a_message_that_the_server_refuses_is_refused_for_good(status: int):
    """No repetition helps."""
    with pytest.raises(PermanentError):
        answered(WECOM, status)


@pytest.mark.parametrize("status", [301, 401, 403, 404, 405])
def test_a_way_that_the_server_refuses_is_waited_for_until_somebody_mends_it(status: int):
    """A wrong path or a proxy between: redirects are not followed, and who asks often may be locked out."""
    with pytest.raises(MisconfiguredError) as failed:
        answered(WECOM, status)
    assert failed.value.retry_after == MENDED_AFTER
    assert not failed.value.doubtful


@pytest.mark.parametrize(
    ("codes", "status", "header", "body"),
    [
        (WECOM, 429, "retry-after", {}),
        (WECOM, 200, "retry-after", {"errcode": 45009}),
        (FEISHU, 429, "x-ogw-ratelimit-reset", {"code": 99991400, "msg": "request trigger frequency limit"}),
        (FEISHU, 400, "x-ogw-ratelimit-reset", {"code": 99991400}),
    ],
)
def test_a_request_for_patience_is_heard_with_a_status_and_with_a_code(
    codes: Codes, status: int, header: str, body: dict[str, object]
):
    """In seconds; Feishu's gateway has a header of its own."""
    with pytest.raises(TransientError) as failed:
        answered(codes, status, {header: "7"}, **body)
    assert failed.value.retry_after.total_seconds() == 7


def test_a_request_for_patience_may_be_a_date():
    """As HTTP allows."""
    at = datetime.now(UTC) + timedelta(seconds=90)
    with pytest.raises(TransientError) as failed:
        answered(WECOM, 429, {"retry-after": format_datetime(at, usegmt=True)})
    assert 80 < failed.value.retry_after.total_seconds() <= 90


@pytest.mark.parametrize(
    ("codes", "body"),
    [
        (WECOM, {"errcode": 45099, "errmsg": "api freq out of limit: too frequent"}),
        (DINGTALK, {"errcode": 130199, "errmsg": "send too fast, exceed 20 times per minute"}),
        (DINGTALK, {"errcode": 410199, "errmsg": "发送速度太快而限流"}),
        (FEISHU, {"code": 11299, "msg": "frequency limited psm[x]"}),
    ],
)
def test_a_code_that_nobody_knew_and_that_speaks_of_too_much_passes(codes: Codes, body: dict[str, object]):
    """Providers add codes; a call to an emergency is not lost for it."""
    with pytest.raises(TransientError):
        answered(codes, **body)


@pytest.mark.parametrize(
    ("error", "doubtful"),
    [
        (httpx.ConnectError("x"), False),
        (httpx.ConnectTimeout("x"), False),
        (httpx.PoolTimeout("x"), False),
        (httpx.ReadTimeout("x"), True),
        (httpx.ReadError("x"), True),
        (httpx.RemoteProtocolError("x"), True),
        (OSError("x"), True),
    ],
)
def test_a_broken_line_is_in_doubt_once_the_request_may_have_been_read(error: Exception, *, doubtful: bool):
    """Before that it is not."""
    with pytest.raises(TransientError) as failed, network_errors():
        raise error
    assert failed.value.doubtful is doubtful


def test_dingtalk_and_feishu_are_signed_as_their_pages_say():
    """DingTalk: the secret is the key. Feishu: time and secret are the key, of nothing."""
    query = dingtalk_robot.signed("SEC1", 1700000000000)
    digest = hmac.new(b"SEC1", b"1700000000000\nSEC1", hashlib.sha256).digest()
    assert unquote(query) == f"&timestamp=1700000000000&sign={base64.b64encode(digest).decode()}"
    digest = hmac.new(b"1700000000\nSEC1", b"", hashlib.sha256).digest()
    assert feishu_robot.signed("SEC1", 1700000000)["sign"] == base64.b64encode(digest).decode()


def test_a_text_is_cut_on_a_character():
    """Providers count bytes."""
    assert clipped("集结" * 10, 20) == "集结集结集…"
    assert len(clipped("集" * 1000, 2048).encode()) <= 2048


def test_a_form_is_filled_at_any_depth_and_what_people_write_is_not_a_form():
    """Only the places that the form has."""
    form = {"to": ["{address}"], "p": {"msg": "【区】{text}", "n": 1}}
    words = {"address": "138", "text": "{key}", "key": "n1"}
    assert filled(form, words) == {"to": ["138"], "p": {"msg": "【区】{key}", "n": 1}}
