"""Each channel against a peer that acts as its provider does, each with its own way to say yes, no and later."""

import asyncio
import email
from datetime import UTC, datetime
from email.header import decode_header, make_header
from ipaddress import ip_network
from urllib.parse import unquote

import httpx
import pytest
from standardwebhooks import Webhook

from activities.channels import Channel, Message, MisconfiguredError, PermanentError, TransientError
from activities.channels.answers import Codes
from activities.channels.dingtalk_robot import DingtalkRobot
from activities.channels.feishu_robot import FeishuRobot
from activities.channels.mail import Mail
from activities.channels.signed_webhook import SignedWebhook
from activities.channels.sms_gateway import SmsGateway
from activities.channels.wecom_app import WecomApp
from activities.channels.wecom_robot import WecomRobot
from activities.receivers import Receivers
from starter.signing import fresh_secret
from tests.integration.notices.peers import (
    CUT,
    HALF_AND_CUT,
    HALF_AND_HANG,
    HANG,
    Answer,
    Got,
    Mailbox,
    Peer,
)

OK = Answer(body={"errcode": 0, "code": 0})
MESSAGE = Message(
    key="n1-1",
    address="TOKEN",
    recipient="water/li-ming",
    subject="【集结哨】盗采砂石",
    text="【集结哨】请区水务局于 10:30 前到场报到",
    short="请到场",
    urgent=True,
    at=datetime(2026, 11, 24, 2, 0, tzinfo=UTC),
)
SECRET = fresh_secret()


def channel_at(kind: str, base: str) -> Channel:
    """Open a channel that speaks to a peer, patient for half a second."""
    client = httpx.AsyncClient(timeout=0.5)
    match kind:
        case "wecom-robot":
            return WecomRobot(client, base)
        case "dingtalk-robot":
            return DingtalkRobot(client, base)
        case "feishu-robot":
            return FeishuRobot(client, base)
        case "wecom-app":
            return WecomApp(client, "corp", 7, "secret", base)
        case "sms":
            return SmsGateway(client, base, codes=Codes(("code",), frozenset({"BUSY"})))
        case _:
            return SignedWebhook(Receivers([ip_network("127.0.0.0/8")]), SECRET)


def as_wecom(got: Got, answer: Answer) -> Answer:
    """Give out tokens, and answer all else."""
    return (
        Answer(body={"errcode": 0, "access_token": "T1", "expires_in": 7200})
        if got.path.endswith("gettoken")
        else answer
    )


KINDS = ("wecom-robot", "dingtalk-robot", "feishu-robot", "wecom-app", "sms", "webhook")


async def sent(kind: str, answer: Answer, message: Message = MESSAGE) -> Peer:
    """Send one message to a peer that gives this answer."""
    async with Peer(behaves=lambda got: as_wecom(got, answer)).listening() as peer:
        channel = channel_at(kind, peer.base)
        if kind == "webhook":
            message = message.model_copy(update={"address": f"{peer.base}/in"})
        try:
            await channel.send(message)
        finally:
            await channel.close()
    return peer


@pytest.mark.parametrize("kind", KINDS)
async def test_a_message_is_taken(kind: str):
    """The words arrive whole."""
    got = (await sent(kind, OK)).got[-1]
    assert (MESSAGE.short if kind == "sms" else MESSAGE.text) in str(got.json)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(
    ("answer", "doubtful"),
    [(Answer(429, headers={"retry-after": "9"}), False), (Answer(500), True), (CUT, True), (HALF_AND_CUT, True)],
    ids=["429", "500", "cut", "cut in the answer"],
)
async def test_what_may_pass_is_told_with_its_doubt(kind: str, answer: Answer, *, doubtful: bool):
    """Too many, an error of the server, a line that was cut after the request."""
    with pytest.raises(TransientError) as failed:
        await sent(kind, answer)
    assert failed.value.doubtful is doubtful
    if answer.status == 429:
        assert failed.value.retry_after.total_seconds() == 9


@pytest.mark.parametrize("kind", KINDS[:-1])
@pytest.mark.parametrize("how", [HANG, HALF_AND_HANG], ids=["silent", "in the answer"])
async def test_a_provider_that_hangs_is_left_in_time_and_in_doubt(kind: str, how: Answer):
    """The request was read: it may be shown yet."""
    with pytest.raises(TransientError, match="timeout") as failed:
        await sent(kind, how)
    assert failed.value.doubtful


@pytest.mark.parametrize("kind", KINDS[:-1])
async def test_nobody_listening_leaves_no_doubt(kind: str):
    """Nothing was sent."""
    channel = channel_at(kind, "http://127.0.0.1:1")
    with pytest.raises(TransientError, match="connection-failed") as failed:
        await channel.send(MESSAGE)
    assert not failed.value.doubtful


@pytest.mark.parametrize(
    ("kind", "body"),
    [
        ("wecom-robot", {"errcode": 93000, "errmsg": "invalid webhook url"}),
        ("dingtalk-robot", {"errcode": 310000, "errmsg": "sign not match"}),
        ("feishu-robot", {"code": 19021, "msg": "sign match fail"}),
        ("wecom-app", {"errcode": 60011, "errmsg": "no privilege"}),
        ("wecom-app", {"errcode": 0, "invaliduser": "TOKEN"}),
        ("sms", {"code": "ILLEGAL_SIGN"}),
    ],
)
async def test_a_200_that_says_no_is_a_failure_for_good(kind: str, body: dict[str, object]):
    """The trap of the robots."""
    with pytest.raises(PermanentError):
        await sent(kind, Answer(200, body))


async def test_robots_call_everybody_for_an_emergency_alone():
    """And are found by their token."""
    urgent = (await sent("wecom-robot", OK)).got[0]
    assert urgent.query == {"key": "TOKEN"}
    assert urgent.json["text"]["mentioned_list"] == ["@all"]
    calm = (await sent("wecom-robot", OK, MESSAGE.model_copy(update={"urgent": False}))).got[0]
    assert "mentioned_list" not in calm.json["text"]
    assert (await sent("dingtalk-robot", OK)).got[0].json["at"] == {"isAtAll": True}


async def test_robots_sign_where_their_address_has_a_secret():
    """`TOKEN:SECRET`."""
    signed = MESSAGE.model_copy(update={"address": "TOKEN:SEC9"})
    dingtalk = (await sent("dingtalk-robot", OK, signed)).got[0]
    assert dingtalk.query["access_token"] == "TOKEN"
    assert unquote(dingtalk.query["sign"])
    feishu = (await sent("feishu-robot", OK, signed)).got[0]
    assert feishu.path.endswith("/hook/TOKEN")
    assert {"timestamp", "sign"} <= set(feishu.json)


def wecom_of(*tokens: str, refuses: set[str]) -> Peer:
    """Give out tokens in their order, and refuse some of them."""
    left = list(tokens)

    def behave(got: Got) -> Answer:
        if got.path.endswith("gettoken"):
            return Answer(body={"errcode": 0, "access_token": left.pop(0), "expires_in": 7200})
        return Answer(body={"errcode": 42001 if got.query["access_token"] in refuses else 0})

    return Peer(behaves=behave)


def calls(peer: Peer) -> list[str]:
    """What was asked of a peer, in order."""
    return [got.path.rpartition("/")[2] for got in peer.got]


async def test_an_application_keeps_its_token_and_renews_one_that_is_refused_at_once():
    """One request for it; after 42001 another, and the same message again."""
    refused: set[str] = set()
    async with wecom_of("T1", "T2", refuses=refused).listening() as peer:
        channel = channel_at("wecom-app", peer.base)
        await channel.send(MESSAGE)
        await channel.send(MESSAGE)
        refused.add("T1")
        await channel.send(MESSAGE)
        await channel.close()
    assert calls(peer) == ["gettoken", "send", "send", "send", "gettoken", "send"]
    assert peer.got[0].query == {"corpid": "corp", "corpsecret": "secret"}
    assert peer.got[3].body == peer.got[5].body


async def test_an_application_renews_a_token_once_however_many_messages_it_was_refused_to():
    """What is fresh is not thrown away by an answer that was late."""
    refused: set[str] = set()
    async with wecom_of("T1", "T2", refuses=refused).listening() as peer:
        channel = channel_at("wecom-app", peer.base)
        await channel.send(MESSAGE)
        refused.add("T1")
        await asyncio.gather(*(channel.send(MESSAGE) for _ in range(5)))
        await channel.close()
    assert calls(peer).count("gettoken") == 2


async def test_an_application_whose_new_token_is_refused_too_tries_again_later():
    """Renewed once for a message, not for ever."""
    async with wecom_of("T1", "T2", refuses={"T1", "T2"}).listening() as peer:
        channel = channel_at("wecom-app", peer.base)
        with pytest.raises(TransientError, match="42001"):
            await channel.send(MESSAGE)
        await channel.close()
    assert calls(peer) == ["gettoken", "send", "gettoken", "send"]


async def test_an_application_that_is_refused_its_token_waits_for_its_secret_to_be_mended():
    """40001: the secret is wrong; no message is at fault."""
    async with Peer(Answer(body={"errcode": 40001, "errmsg": "invalid credential"})).listening() as peer:
        channel = channel_at("wecom-app", peer.base)
        with pytest.raises(MisconfiguredError, match="gettoken: code 40001"):
            await channel.send(MESSAGE)
        await channel.close()


async def test_an_application_asks_its_provider_to_show_a_repetition_once_and_another_notice_again():
    """The provider compares whole requests: two reminders in the same words differ by their key."""
    first = (await sent("wecom-app", OK)).got[-1].json
    again = (await sent("wecom-app", OK)).got[-1].json
    other = (await sent("wecom-app", OK, MESSAGE.model_copy(update={"key": "n2-1"}))).got[-1].json
    assert (first["touser"], first["msgtype"], first["agentid"]) == ("TOKEN", "text", 7)
    assert (first["enable_duplicate_check"], first["duplicate_check_interval"]) == (1, 14400)
    assert first == again != other
    long = MESSAGE.model_copy(update={"text": "集结" * 1000})
    content = (await sent("wecom-app", OK, long)).got[-1].json["text"]["content"]
    assert len(content.encode()) <= 2048
    assert content.endswith(f"〔{MESSAGE.key}〕")


async def test_a_webhook_is_signed_and_known_by_its_id():
    """As Standard Webhooks are."""
    got = (await sent("webhook", Answer(204))).got[0]
    assert Webhook(SECRET).verify(got.body, got.headers)["data"]["text"] == MESSAGE.text
    assert got.headers["webhook-id"] == MESSAGE.key


async def test_a_mail_has_the_same_message_id_at_every_attempt():
    """So that a mail server or a reader can tell a repetition."""
    async with Mailbox().listening() as mailbox:
        mail = Mail("127.0.0.1", mailbox.port, "吹哨 <whistle@example.org>", security="none")
        for _ in range(2):
            await mail.send(MESSAGE.model_copy(update={"address": "li@example.org"}))
    (to, first), (_, second) = mailbox.got
    read = email.message_from_bytes(first)
    assert to == "li@example.org"
    assert read["Message-ID"] == email.message_from_bytes(second)["Message-ID"] == "<n1-1@example.org>"
    assert str(make_header(decode_header(read["Subject"]))) == MESSAGE.subject
    assert MESSAGE.text in read.get_payload(decode=True).decode()


@pytest.mark.parametrize(("reply", "error"), [("450 try later", TransientError), ("550 no such user", PermanentError)])
async def test_a_mail_server_says_later_or_never(reply: str, error: type[Exception]):
    """4xx and 5xx."""
    async with Mailbox().listening() as mailbox:
        mailbox.refuses = reply
        with pytest.raises(error):
            await Mail("127.0.0.1", mailbox.port, "a@example.org", security="none").send(
                MESSAGE.model_copy(update={"address": "li@example.org"})
            )


@pytest.mark.parametrize("address", ["foo", "foo@", "@x", "a@x.org, b@x.org", "a@[", "(", "a@x.org\r\nBcc: z@z.org"])
async def test_an_address_that_is_none_fails_for_good_and_is_sent_to_nobody(address: str):
    """What somebody typed into a roster."""
    async with Mailbox().listening() as mailbox:
        with pytest.raises(PermanentError, match="address-invalid"):
            await Mail("127.0.0.1", mailbox.port, "a@example.org", security="none").send(
                MESSAGE.model_copy(update={"address": address})
            )
    assert mailbox.got == []


async def test_an_account_that_a_mail_server_refuses_waits_until_it_is_mended():
    """Every mail would fail for good otherwise, for one wrong password."""
    async with Mailbox(auth_require_tls=False, auth_callback=lambda *_: False).listening() as mailbox:
        account = {"username": "whistle", "password": "wrong"}
        mail = Mail("127.0.0.1", mailbox.port, "a@example.org", security="none", **account)
        with pytest.raises(MisconfiguredError, match="SMTP 535"):
            await mail.send(MESSAGE.model_copy(update={"address": "li@example.org"}))


async def test_a_mail_server_that_is_down_hangs_or_lacks_encryption_is_told_apart():
    """Nothing was handed over in any of these."""
    to_li = MESSAGE.model_copy(update={"address": "li@example.org"})
    with pytest.raises(TransientError, match="connection-failed"):
        await Mail("127.0.0.1", 1, "a@example.org", security="none").send(to_li)
    async with Peer(HANG).listening() as silent:
        with pytest.raises(TransientError) as failed:
            await Mail("127.0.0.1", silent.port, "a@example.org", security="none", timeout_s=0.3).send(to_li)
        assert not failed.value.doubtful
    async with Mailbox().listening() as mailbox:
        with pytest.raises(MisconfiguredError, match="lacks"):
            await Mail("127.0.0.1", mailbox.port, "a@example.org").send(to_li)
    assert mailbox.got == []
