"""短信: any gateway that takes JSON over HTTP; its form is configuration, its repetitions are known by `{key}`."""

import re
from collections.abc import Mapping
from typing import ClassVar

import httpx

from activities.channels.answers import Codes, asked_of, call, judge, judge_status
from activities.channels.protocol import Message, clipped

DEFAULT_BODY: Mapping[str, object] = {"phone": "{address}", "text": "{text}", "id": "{key}"}
_TEXT_BYTES = 1500
_PLACE = re.compile(r"\{(\w+)\}")


class SmsGateway:
    """One account at one gateway."""

    keyed: ClassVar[bool] = True
    by_address: ClassVar[bool] = False
    text_bytes: ClassVar[int | None] = None

    def __init__(
        self,
        client: httpx.AsyncClient,
        url: str,
        *,
        body: Mapping[str, object] = DEFAULT_BODY,
        headers: Mapping[str, str] | None = None,
        codes: Codes | None = None,
    ) -> None:
        """Send this body there; without codes the HTTP status alone tells."""
        self._client = client
        self._url = url
        self._body = body
        self._headers = dict(headers or {})
        self._codes = codes

    async def send(self, message: Message) -> None:
        """Send the short form."""
        words = {"address": message.address, "text": clipped(message.short, _TEXT_BYTES), "key": message.key}
        headers = {"idempotency-key": message.key} | self._headers
        response, found = await call(self._client, "POST", self._url, body=filled(self._body, words), headers=headers)
        if self._codes:
            judge(response, found, self._codes)
        else:
            judge_status(response.status_code, asked_of(response))

    async def close(self) -> None:
        """Close its connections."""
        await self._client.aclose()


def filled(form: object, words: Mapping[str, str]) -> object:
    """Put words into every text of a form, at any depth."""
    if isinstance(form, Mapping):
        return {name: filled(value, words) for name, value in form.items()}
    if isinstance(form, list | tuple):
        return [filled(value, words) for value in form]
    if isinstance(form, str):
        # In one pass: what people write may look like a place.
        return _PLACE.sub(lambda place: words.get(place[1], place[0]), form)
    return form
