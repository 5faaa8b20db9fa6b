"""What needs no network: the schedule, the signature, the addresses, and what an answer means."""

import base64
import hashlib
import hmac
from datetime import UTC, datetime, timedelta
from ipaddress import ip_network

import httpx
import pytest
from standardwebhooks import Webhook

from activities.receivers import AddressRefusedError, Reply, allowed_addresses, retry_after
from activities.webhooks import ending_of, signed
from domain.addresses import is_allowed
from domain.events import EVENTS
from domain.webhooks import RETRIES, retry_in, unknown_events
from starter.signing import fresh_secret, is_signed

NOW = datetime(2026, 11, 24, 2, 0, tzinfo=UTC)
SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
VECTOR_AT = datetime.fromtimestamp(1614265330, UTC)


def test_the_schedule_is_the_published_one():
    """0, 5 s, 5 min, 30 min, 2 h, 5 h, 10 h, 14 h, 20 h, 24 h; the tenth failure is the last."""
    pauses = [retry_in(tries, 0) for tries in range(1, 11)]
    hours = [timedelta(hours=h) for h in (2, 5, 10, 14, 20, 24)]
    assert pauses == [timedelta(seconds=5), timedelta(minutes=5), timedelta(minutes=30), *hours, None]


@pytest.mark.parametrize("tries", range(1, 10))
def test_chance_only_lengthens_a_pause_and_by_a_tenth_at_most(tries: int):
    """So a thousand deliveries that failed together do not come back together, and none comes early."""
    assert [retry_in(tries, chance) for chance in (0, 1)] == [RETRIES[tries - 1], RETRIES[tries - 1] * 1.1]


def test_a_retry_after_lengthens_a_pause_within_a_day():
    """It never shortens it, and counts with 429 and 503 alone."""
    minute, year = timedelta(minutes=1), timedelta(days=365)
    assert retry_in(1, 0, minute, 429) == retry_in(1, 0, minute, 503) == minute
    assert retry_in(2, 0, minute, 429) == timedelta(minutes=5)
    assert retry_in(1, 0, minute, 500) == timedelta(seconds=5)
    assert retry_in(1, 0, year, 503) == timedelta(hours=24)
    assert retry_in(10, 0, minute, 503) is None


@pytest.mark.parametrize(
    ("value", "asked"),
    [
        (None, None),
        ("120", timedelta(minutes=2)),
        (" 7 ", timedelta(seconds=7)),
        ("9" * 50, timedelta(days=2)),
        ("Tue, 24 Nov 2026 02:01:00 GMT", timedelta(minutes=1)),
        ("Tue, 24 Nov 2026 01:00:00 GMT", timedelta()),
        ("soon", None),
        ("-5", None),
        ("²", None),
        ("", None),
    ],
)
def test_a_retry_after_is_read_in_both_its_forms(value: str | None, asked: timedelta | None):
    """Seconds, or a date; anything else is as if it were not there."""
    assert retry_after(value, NOW) == asked


def test_the_signature_is_that_of_the_specification():
    """The vector that every Standard Webhooks library is tested with."""
    headers = signed([SECRET], "msg_p5jXN8AQM9LWM0D4loKWxJek", VECTOR_AT, b'{"test": 2432232314}')
    assert headers["webhook-signature"] == "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="
    assert headers["webhook-timestamp"] == "1614265330"


def test_a_signature_can_be_checked_without_any_library():
    """HMAC-SHA256 over id.timestamp.body with the decoded secret."""
    secret, body = fresh_secret(), '{"哨":1}'.encode()
    headers = signed([secret], "msg_1", NOW, body)
    key = base64.b64decode(secret.removeprefix("whsec_"))
    content = b".".join((b"msg_1", headers["webhook-timestamp"].encode(), body))
    expected = base64.b64encode(hmac.new(key, content, hashlib.sha256).digest()).decode()
    assert headers["webhook-signature"] == f"v1,{expected}"


def test_one_good_signature_of_several_is_enough():
    """A sender that rotates signs with both secrets, separated by a space."""
    at, old, new = datetime.now(UTC), fresh_secret(), fresh_secret()
    both = " ".join(Webhook(secret).sign("msg_1", at, "{}") for secret in (new, old))
    headers = {"webhook-id": "msg_1", "webhook-timestamp": str(int(at.timestamp())), "webhook-signature": both}
    assert is_signed(b"{}", headers, [old])
    assert is_signed(b"{}", headers, [fresh_secret(), new])
    assert not is_signed(b"{}", headers, [fresh_secret()])
    assert not is_signed(b"{}", headers, [])


@pytest.mark.parametrize(
    "address",
    [
        "127.0.0.1",
        "10.1.2.3",
        "172.16.0.1",
        "192.168.0.1",
        "169.254.169.254",
        "100.64.0.1",
        "0.0.0.0",
        "255.255.255.255",
        "224.0.0.1",
        "192.0.2.1",
        "198.18.0.1",
        "240.0.0.1",
        "::",
        "::1",
        "fc00::1",
        "fe80::1",
        "fe80::1%eth0",
        "fec0::1",
        "ff02::1",
        "2001:db8::1",
        "::ffff:10.0.0.1",
        "::ffff:7f00:1",
        "2002:a00:1::",
        "64:ff9b::a00:1",
        "2001:0:0:0:0:0:f5ff:fffe",
    ],
)
def test_an_address_that_is_not_public_is_refused(address: str):
    """Private, loopback, link-local, reserved, and each of them wrapped in IPv6."""
    assert not is_allowed(address, ())


@pytest.mark.parametrize(
    "address", ["93.184.215.14", "2606:2800:220:1::1", "::ffff:93.184.215.14", "64:ff9b::5db8:d70e"]
)
def test_a_public_address_is_allowed(address: str):
    """In each of its forms."""
    assert is_allowed(address, ())


def test_a_listed_network_is_allowed_and_no_other():
    """Of both families, also where IPv4 is written as IPv6."""
    listed = (ip_network("10.0.0.0/8"), ip_network("fd00::/8"))
    assert all(is_allowed(address, listed) for address in ("10.1.1.1", "::ffff:10.1.1.1", "fd00::1"))
    assert not any(is_allowed(address, listed) for address in ("192.168.0.1", "::ffff:192.168.0.1", "fe80::1"))


async def test_of_a_names_addresses_only_allowed_ones_are_connected_to():
    """One that is left is enough, none is a refusal; an address in the URL is resolved by nobody."""

    async def resolve(host: str, _port: int) -> list[str]:
        return {"mixed.example": ["10.0.0.1", "93.184.215.14"], "private.example": ["10.0.0.1"]}[host]

    assert await allowed_addresses(httpx.URL("https://mixed.example/"), (), resolve) == ["93.184.215.14"]
    for url in ("https://private.example/", "https://127.0.0.1/", "https://[::1]/"):
        with pytest.raises(AddressRefusedError):
            await allowed_addresses(httpx.URL(url), (), resolve)


@pytest.mark.parametrize(
    ("reply", "delivered", "disabled", "again"),
    [
        (Reply(200), True, False, False),
        (Reply(299), True, False, False),
        (Reply(199), False, False, True),
        (Reply(301), False, False, True),
        (Reply(404), False, False, True),
        (Reply(410), False, True, False),
        (Reply(500), False, False, True),
        (Reply(error="timeout"), False, False, True),
    ],
)
def test_two_hundreds_alone_are_success_and_gone_alone_is_the_end(
    reply: Reply, delivered: bool, disabled: bool, again: bool
):
    """Everything else is tried again."""
    ending = ending_of(reply, 1, 0)
    assert (ending.delivered, ending.disable is not None, ending.retry_in is not None) == (delivered, disabled, again)


def test_event_types_are_those_of_the_domain():
    """A star stands alone."""
    assert unknown_events(tuple(EVENTS)) == unknown_events(("*",)) == []
    assert unknown_events(("*", "WhistleBlown")) == ["*"]
    assert unknown_events(("whistleblown", "WhistleBlown")) == ["whistleblown"]
