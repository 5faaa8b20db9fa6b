"""企业微信应用消息: the address is a userid. The same request is shown once in four hours, so each names its key."""

import asyncio
import time
from collections.abc import Mapping
from typing import Any, ClassVar
from urllib.parse import quote

import httpx

from activities.channels.answers import Codes, call, judge
from activities.channels.protocol import Message, MisconfiguredError, PermanentError, TransientError, clipped
from activities.channels.wecom_robot import BASE, CODES

_TEXT_BYTES = 2048
_DUPLICATES_WITHIN_S = 4 * 60 * 60
_RENEW_BEFORE_S = 300
_EXPIRED = frozenset({"40014", "41001", "42001"})
_SENDING = Codes(CODES.fields, CODES.passing | _EXPIRED, undone=CODES.undone)


class WecomApp:
    """Messages of one application of one corporation."""

    keyed: ClassVar[bool] = True
    by_address: ClassVar[bool] = False
    text_bytes: ClassVar[int | None] = _TEXT_BYTES

    def __init__(self, client: httpx.AsyncClient, corp_id: str, agent_id: int, secret: str, base: str = BASE) -> None:
        """Speak through this client as this application."""
        self._client = client
        self._base = base.rstrip("/")
        self._corp_id, self._agent_id, self._secret = corp_id, agent_id, secret
        self._token, self._good_until = "", 0.0
        self._renewing = asyncio.Lock()

    async def send(self, message: Message) -> None:
        """Send a text to one person; a token that is refused is renewed once."""
        # Two notices may say the same: without it the second would count as a repetition of the first.
        mark = f"\n〔{message.key}〕"
        body = {
            "touser": message.address,
            "msgtype": "text",
            "agentid": self._agent_id,
            "text": {"content": clipped(message.text, _TEXT_BYTES - len(mark.encode())) + mark},
            "enable_duplicate_check": 1,
            "duplicate_check_interval": _DUPLICATES_WITHIN_S,
        }
        token = await self._access_token()
        response, found = await self._post(body, token)
        if str(found.get("errcode")) in _EXPIRED:
            response, found = await self._post(body, await self._access_token(refused=token))
        judge(response, found, _SENDING)
        if found.get("invaliduser") or found.get("unlicenseduser"):
            raise PermanentError("recipient-unknown")

    async def close(self) -> None:
        """Close its connections."""
        await self._client.aclose()

    async def _post(self, body: Mapping[str, object], token: str) -> tuple[httpx.Response, dict[str, Any]]:
        url = f"{self._base}/cgi-bin/message/send?access_token={quote(token, safe='')}"
        return await call(self._client, "POST", url, body=body)

    async def _access_token(self, *, refused: str | None = None) -> str:
        async with self._renewing:
            # Another may have renewed it meanwhile: what was refused is not what there is now.
            if time.monotonic() >= self._good_until or self._token == refused:
                await self._renew()
            return self._token

    async def _renew(self) -> None:
        query = f"corpid={quote(self._corp_id, safe='')}&corpsecret={quote(self._secret, safe='')}"
        try:
            response, found = await call(self._client, "GET", f"{self._base}/cgi-bin/gettoken?{query}")
            judge(response, found, CODES)
        except TransientError as error:
            # No message was sent yet.
            raise TransientError(error.reason, retry_after=error.retry_after) from None
        except PermanentError as error:
            raise MisconfiguredError(f"gettoken: {error.reason}") from None
        self._token = str(found.get("access_token", ""))
        lasts = max(float(found.get("expires_in", 0)) - _RENEW_BEFORE_S, 1.0)
        self._good_until = time.monotonic() + lasts
