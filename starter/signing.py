"""Standard Webhooks on the way in: secrets, and whether a message was signed with one of them."""

import base64
import secrets
from collections.abc import Iterable, Mapping

from standardwebhooks import Webhook, WebhookVerificationError

SECRET_PREFIX = "whsec_"  # noqa: S105 - what every secret begins with
ID_HEADER = "webhook-id"
HEADERS = (ID_HEADER, "webhook-timestamp", "webhook-signature")
_SECRET_BYTES = 32


def fresh_secret() -> str:
    """Make a secret to sign with."""
    return SECRET_PREFIX + base64.b64encode(secrets.token_bytes(_SECRET_BYTES)).decode("ascii")


def is_signed(body: bytes, headers: Mapping[str, str], good: Iterable[str]) -> bool:
    """Tell whether a body, as it came, was signed with a good secret within the last five minutes."""
    return any(_is_signed(body, headers, secret) for secret in good)


def _is_signed(body: bytes, headers: Mapping[str, str], secret: str) -> bool:
    try:
        Webhook(secret).verify(body, {name: headers.get(name, "") for name in HEADERS}, json_parse=False)
    except (WebhookVerificationError, ValueError, OverflowError):
        return False
    return True
