"""Whose subscriptions (webhooks) a bearer keeps, at either door."""

from datetime import timedelta

from domain.errors import NotFoundError, RoleNotAllowedError
from domain.vocabulary import Role
from starter.availability import within_reach
from starter.signing import fresh_secret
from storage import webhooks as store
from storage.keys import Principal
from storage.pool import Pool
from storage.webhooks import Rotated, Webhook

SUBSCRIBERS = (Role.ADMIN, Role.SOURCE_SYSTEM)
GRACE = timedelta(days=1)


def source_of(bearer: Principal) -> str | None:
    """Name the source whose subscriptions a bearer keeps; None keeps all. Raises RoleNotAllowedError."""
    if not set(SUBSCRIBERS).intersection(bearer.roles):
        raise RoleNotAllowedError("webhooks are for administrators and source systems")
    return None if Role.ADMIN in bearer.roles else bearer.organisation or ""


async def rotate(
    pool: Pool, bearer: Principal, webhook_id: str, grace: timedelta = GRACE, key: str | None = None
) -> Rotated:
    """Sign a subscription's messages with a new secret, for `grace` with the one before too.

    Raises NotFoundError for one that is not the bearer's.
    """
    async with within_reach():
        made = await store.rotate_secret(pool, webhook_id, source_of(bearer), fresh_secret(), grace, key)
    if made is None:
        raise no_webhook(webhook_id)
    return made


async def enable(pool: Pool, bearer: Principal, webhook_id: str) -> Webhook:
    """Tell a subscription of events again that was disabled; idempotent. Raises NotFoundError."""
    async with within_reach():
        found = await store.enable_webhook(pool, webhook_id, source_of(bearer))
    if found is None:
        raise no_webhook(webhook_id)
    return found


def no_webhook(webhook_id: str) -> NotFoundError:
    """Say that there is no such subscription of the bearer's."""
    return NotFoundError(f"there is no webhook {webhook_id} of yours")
