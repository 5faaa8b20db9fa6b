"""钉钉群机器人,加签: the address is `TOKEN` or `TOKEN:SECRET`. It cannot tell a repetition."""

import base64
import hashlib
import hmac
import time
from typing import ClassVar
from urllib.parse import quote

import httpx

from activities.channels.answers import Codes, call, judge
from activities.channels.protocol import Message, clipped

BASE = "https://oapi.dingtalk.com"
CODES = Codes(("errcode",), frozenset({"-1", "130101", "130102", "410100", "90018", "90030"}), undone=frozenset({"-1"}))
"""-1 the system is busy; the others are too many messages (open.dingtalk.com, 自定义机器人发送群消息, 错误码)."""
_TEXT_BYTES = 18_000


class DingtalkRobot:
    """Group robots of DingTalk, or of a private deployment at another base address."""

    keyed: ClassVar[bool] = False
    by_address: ClassVar[bool] = True
    text_bytes: ClassVar[int | None] = _TEXT_BYTES

    def __init__(self, client: httpx.AsyncClient, base: str = BASE) -> None:
        """Speak through this client."""
        self._client = client
        self._url = f"{base.rstrip('/')}/robot/send"

    async def send(self, message: Message) -> None:
        """Send a text; an urgent one calls everybody in the group."""
        token, _, secret = message.address.partition(":")
        query = f"access_token={quote(token, safe='')}" + (
            signed(secret, time.time_ns() // 1_000_000) if secret else ""
        )
        text = {"content": clipped(message.text, _TEXT_BYTES)}
        body = {"msgtype": "text", "text": text, "at": {"isAtAll": message.urgent}}
        response, found = await call(self._client, "POST", f"{self._url}?{query}", body=body)
        judge(response, found, CODES)

    async def close(self) -> None:
        """Close its connections."""
        await self._client.aclose()


def signed(secret: str, at_ms: int) -> str:
    """Give the query that proves the secret at this time, in milliseconds."""
    digest = hmac.new(secret.encode(), f"{at_ms}\n{secret}".encode(), hashlib.sha256).digest()
    return f"&timestamp={at_ms}&sign={quote(base64.b64encode(digest), safe='')}"
