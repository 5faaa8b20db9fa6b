"""飞书群机器人,签名校验: the address is `TOKEN` or `TOKEN:SECRET`. It cannot tell a repetition."""

import base64
import hashlib
import hmac
import time
from typing import ClassVar
from urllib.parse import quote

import httpx

from activities.channels.answers import Codes, call, judge
from activities.channels.protocol import Message, clipped

BASE = "https://open.feishu.cn"
CODES = Codes(("code", "StatusCode"), frozenset({"11232", "9499", "230020", "99991400"}))
"""Too many messages (open.feishu.cn, 自定义机器人使用指南 and 频控策略); it may say so with HTTP 400."""
_TEXT_BYTES = 18_000


class FeishuRobot:
    """Group robots of Feishu or Lark, or of a private deployment at another base address."""

    keyed: ClassVar[bool] = False
    by_address: ClassVar[bool] = True
    text_bytes: ClassVar[int | None] = _TEXT_BYTES

    def __init__(self, client: httpx.AsyncClient, base: str = BASE) -> None:
        """Speak through this client."""
        self._client = client
        self._url = f"{base.rstrip('/')}/open-apis/bot/v2/hook/"

    async def send(self, message: Message) -> None:
        """Send a text; an urgent one calls everybody in the group."""
        token, _, secret = message.address.partition(":")
        calls = '<at user_id="all">所有人</at> ' if message.urgent else ""
        # What people write calls nobody.
        words = message.text.replace("<at", "\N{FULLWIDTH LESS-THAN SIGN}at")
        text = {"text": calls + clipped(words, _TEXT_BYTES)}
        body: dict[str, object] = {"msg_type": "text", "content": text}
        body |= signed(secret, int(time.time())) if secret else {}
        response, found = await call(self._client, "POST", self._url + quote(token, safe=""), body=body)
        judge(response, found, CODES)

    async def close(self) -> None:
        """Close its connections."""
        await self._client.aclose()


def signed(secret: str, at: int) -> dict[str, str]:
    """Give the fields that prove the secret at this time, in seconds: it is part of the key, the message is empty."""
    digest = hmac.new(f"{at}\n{secret}".encode(), b"", hashlib.sha256).digest()
    return {"timestamp": str(at), "sign": base64.b64encode(digest).decode()}
