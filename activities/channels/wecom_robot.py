"""企业微信群机器人: the address is a robot's key. It cannot tell a repetition."""

from typing import ClassVar
from urllib.parse import quote

import httpx

from activities.channels.answers import Codes, call, judge
from activities.channels.protocol import Message, clipped

BASE = "https://qyapi.weixin.qq.com"
CODES = Codes(("errcode",), frozenset({"-1", "45009", "45033"}), undone=frozenset({"-1"}))
"""-1 the system is busy; 45009 and 45033 too many calls (developer.work.weixin.qq.com, 全局错误码)."""
_TEXT_BYTES = 2048


class WecomRobot:
    """Group robots of WeCom, or of a private deployment at another base address."""

    keyed: ClassVar[bool] = False
    by_address: ClassVar[bool] = True
    text_bytes: ClassVar[int | None] = _TEXT_BYTES

    def __init__(self, client: httpx.AsyncClient, base: str = BASE) -> None:
        """Speak through this client."""
        self._client = client
        self._url = f"{base.rstrip('/')}/cgi-bin/webhook/send"

    async def send(self, message: Message) -> None:
        """Send a text; an urgent one calls everybody in the group."""
        text: dict[str, object] = {"content": clipped(message.text, _TEXT_BYTES)}
        if message.urgent:
            text["mentioned_list"] = ["@all"]
        url = f"{self._url}?key={quote(message.address, safe='')}"
        response, found = await call(self._client, "POST", url, body={"msgtype": "text", "text": text})
        judge(response, found, CODES)

    async def close(self) -> None:
        """Close its connections."""
        await self._client.aclose()
