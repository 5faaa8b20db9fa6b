"""通用 webhook: the address is a URL; signed as Standard Webhooks are, and known by its webhook-id."""

import json
from datetime import UTC, datetime
from math import floor
from typing import ClassVar

from standardwebhooks import Webhook

from activities.channels.answers import judge_status
from activities.channels.protocol import Message, PermanentError, TransientError
from activities.receivers import Receivers

_NEVER = {"address-refused"}
_UNSENT = {"connection-failed", "name-not-resolved", "tls-failed"}


class SignedWebhook:
    """Servers that take notices and show them in their own way."""

    keyed: ClassVar[bool] = True
    by_address: ClassVar[bool] = True
    text_bytes: ClassVar[int | None] = None

    def __init__(self, receivers: Receivers, secret: str) -> None:
        """Sign with this secret; the receivers refuse private addresses that are not listed."""
        self._receivers = receivers
        self._hook = Webhook(secret)

    async def send(self, message: Message) -> None:
        """Post it."""
        now = datetime.now(UTC)
        data = message.model_dump(mode="json", exclude={"address", "key", "at"})
        body = json.dumps(
            {"type": "whistle.notice", "timestamp": message.at.isoformat(), "data": data}, ensure_ascii=False
        )
        headers = {
            "content-type": "application/json",
            "webhook-id": message.key,
            "webhook-timestamp": str(floor(now.timestamp())),
            "webhook-signature": self._hook.sign(message.key, now, body),
        }
        reply = await self._receivers.post(message.recipient, message.address, headers, body.encode())
        if reply.status is not None:
            return judge_status(reply.status, reply.retry_after)
        if reply.error in _NEVER:
            raise PermanentError(reply.error or "")
        raise TransientError(reply.error or "no-answer", doubtful=reply.error not in _UNSENT)

    async def close(self) -> None:
        """Close its connections."""
        await self._receivers.close()
