"""Outbound webhooks over HTTP: subscriptions, the log of what was delivered, and replay by hand."""

import secrets
from datetime import datetime, timedelta
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Path, Response
from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from activities.lookups import Lookups, Resolve
from domain.errors import InvalidError, MoveNotAllowedError, NotFoundError
from domain.submission import content_hash
from domain.values import ID_PART_PATTERN, Printable
from domain.webhooks import EVERYTHING, unknown_events
from starter.availability import within_reach
from starter.gateway.callers import Caller
from starter.gateway.context import Here
from starter.gateway.inputs import Cursor, IdempotencyKey, JsonOnly, Limit, problems, sequence_of
from starter.gateway.routing import OrderlyRoute, for_roles
from starter.signing import fresh_secret
from starter.subscribing import SUBSCRIBERS, enable, no_webhook, rotate, source_of
from storage.keys import Principal
from storage.webhook_deliveries import Delivery, list_deliveries, replay
from storage.webhooks import NewWebhook, Webhook, delete_webhook, find_webhook, list_webhooks, subscribe

_LONGEST_URL = 2_000
_MOST_EVENTS = 100
_EXAMPLE: dict[str, Any] = {"url": "https://hotline.example.org/whistles", "events": ["WhistleBlown", "FeedbackGiven"]}


router = APIRouter(
    prefix="/v1/webhooks",
    tags=["webhooks"],
    dependencies=[JsonOnly],
    route_class=OrderlyRoute,
)
_lookups = Lookups()
_for_subscribers = for_roles(*SUBSCRIBERS)


def resolver() -> Resolve:
    """Give the way in which names are resolved."""
    return _lookups.resolve


WebhookId = Annotated[str, Path(pattern=r"^[A-Za-z0-9_]{1,64}$", examples=["wh_0123456789abcdef0123456789abcdef"])]
DeliveryId = Annotated[int, Path(ge=1, le=2**63 - 1)]


class WebhookRequest(BaseModel):
    """Where to send which events; `organisation` keeps it to whistles that this organisation has a part in."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"examples": [_EXAMPLE]})

    url: Annotated[str, StringConstraints(strip_whitespace=True, max_length=_LONGEST_URL), Printable]
    events: Annotated[tuple[str, ...], Field(min_length=1, max_length=_MOST_EVENTS)]
    organisation: Annotated[str, StringConstraints(pattern=ID_PART_PATTERN)] | None = None


class WebhookCreated(BaseModel):
    """A subscription's id, and the secret that its messages are signed with: shown this once."""

    id: str
    secret: str


class WebhookView(BaseModel):
    """A subscription; one that was answered 410 is disabled."""

    id: str
    owner: str
    source_system: str | None = None
    organisation: str | None = None
    url: str
    events: tuple[str, ...]
    created_at: datetime
    disabled_at: datetime | None = None
    disabled_reason: str | None = None


class RotationRequest(BaseModel):
    """For how many hours messages are signed with the secret before too."""

    model_config = ConfigDict(extra="forbid")

    grace_hours: Annotated[float, Field(ge=0, le=30 * 24)] = 24


class WebhookRotated(WebhookCreated):
    """The new secret, and until when messages are signed with the one before too."""

    previous_until: datetime


class WebhookList(BaseModel):
    """A caller's subscriptions, the newest first."""

    items: list[WebhookView]
    next_cursor: str | None = None


class DeliveryList(BaseModel):
    """A page of the delivery log, the newest first."""

    items: list[Delivery]
    next_cursor: str | None = None


@router.post(
    "",
    status_code=201,
    responses=problems(403, 408, 409, 413, 415),
    summary="订阅 Subscribe",
)
@_for_subscribers
async def create_webhook(
    *,
    body: WebhookRequest,
    response: Response,
    here: Here,
    caller: Caller,
    resolve: Annotated[Resolve, Depends(resolver)],
    idempotency_key: IdempotencyKey = None,
) -> WebhookCreated:
    """Subscribe to events, of all whistles for an administrator, of its own for a source.

    The same request again under one Idempotency-Key gives the same subscription and secret. The message and its
    signature are those of Standard Webhooks.
    """
    _known_events(body.events)
    from starter.gateway.receivers import must_be_allowed  # noqa: PLC0415 - its library costs every start much

    await must_be_allowed(body.url, here.settings.webhook_allow, resolve)
    new = NewWebhook(
        id=f"wh_{secrets.token_hex(16)}",
        owner=caller.name,
        source_system=source_of(caller),
        organisation=body.organisation,
        url=body.url,
        events=body.events,
        secret=fresh_secret(),
        request_key=idempotency_key,
        request_hash=content_hash("webhook", body.model_dump(mode="json")),
    )
    async with within_reach():
        made = await subscribe(here.door.pool, new)
    response.headers["Location"] = f"/v1/webhooks/{made.id}"
    return WebhookCreated(id=made.id, secret=made.secret)


@router.get("", responses=problems(403), summary="订阅列表 Subscriptions")
@_for_subscribers
async def show_webhooks(here: Here, caller: Caller) -> WebhookList:
    """List the caller's subscriptions, for an administrator all; secrets are not shown again."""
    async with within_reach():
        found = await list_webhooks(here.door.pool, source_of(caller))
    return WebhookList(items=[_view(webhook) for webhook in found])


@router.get("/{webhook_id}", responses=problems(403, 404), summary="查看订阅 One subscription")
@_for_subscribers
async def show_webhook(webhook_id: WebhookId, here: Here, caller: Caller) -> WebhookView:
    """Show one subscription."""
    return _view(await _own(here, caller, webhook_id))


@router.delete(
    "/{webhook_id}",
    status_code=204,
    responses=problems(403, 404),
    summary="退订 Unsubscribe",
)
@_for_subscribers
async def end_webhook(webhook_id: WebhookId, here: Here, caller: Caller) -> None:
    """End a subscription; what was not delivered yet is not sent any more."""
    async with within_reach():
        if not await delete_webhook(here.door.pool, webhook_id, source_of(caller)):
            raise no_webhook(webhook_id)


@router.post("/{webhook_id}/rotate", responses=problems(403, 404, 408, 413, 415), summary="轮换密钥 Rotate the secret")
@_for_subscribers
async def rotate_webhook(
    webhook_id: WebhookId,
    here: Here,
    caller: Caller,
    body: RotationRequest = RotationRequest(),  # noqa: B008 - a value that nobody changes
    idempotency_key: IdempotencyKey = None,
) -> WebhookRotated:
    """Sign with a new secret, shown this once, and for the grace time with the one before too.

    The same request again under one Idempotency-Key gives the same secret.
    """
    made = await rotate(here.door.pool, caller, webhook_id, timedelta(hours=body.grace_hours), idempotency_key)
    return WebhookRotated(id=made.id, secret=made.secret, previous_until=made.previous_until)


@router.post("/{webhook_id}/enable", responses=problems(403, 404, 408, 413, 415), summary="恢复推送 Enable again")
@_for_subscribers
async def reenable_webhook(webhook_id: WebhookId, here: Here, caller: Caller) -> WebhookView:
    """Tell a subscription that was answered 410 of events from now on; what it missed can be replayed by hand."""
    return _view(await enable(here.door.pool, caller, webhook_id))


@router.get(
    "/{webhook_id}/deliveries",
    responses=problems(403, 404),
    summary="投递记录 Delivery log",
)
@_for_subscribers
async def show_deliveries(
    webhook_id: WebhookId,
    here: Here,
    caller: Caller,
    cursor: Cursor = None,
    limit: Limit = 50,
) -> DeliveryList:
    """List what was sent, with every attempt and its outcome, and when the next attempt is due; kept for 30 days."""
    await _own(here, caller, webhook_id)
    before = sequence_of(cursor) or None
    async with within_reach():
        found = await list_deliveries(here.door.pool, webhook_id, before=before, limit=limit + 1)
    more = str(found[limit - 1].id) if len(found) > limit else None
    return DeliveryList(items=found[:limit], next_cursor=more)


@router.post(
    "/{webhook_id}/deliveries/{delivery_id}/replay",
    status_code=202,
    responses=problems(403, 404, 409),
    summary="重新投递 Replay",
)
@_for_subscribers
async def replay_delivery(webhook_id: WebhookId, delivery_id: DeliveryId, here: Here, caller: Caller) -> Delivery:
    """Send an event once more, at once and under the same webhook-id, whatever became of it before."""
    webhook = await _own(here, caller, webhook_id)
    if webhook.disabled_at:
        message = f"the webhook is disabled ({webhook.disabled_reason}); enable it first"
        raise MoveNotAllowedError(message)
    async with within_reach():
        delivery = await replay(here.door.pool, webhook_id, delivery_id)
    if delivery is None:
        message = f"{webhook_id} has no delivery {delivery_id}"
        raise NotFoundError(message)
    return delivery


async def _own(here: Here, caller: Principal, webhook_id: str) -> Webhook:
    async with within_reach():
        webhook = await find_webhook(here.door.pool, webhook_id, source_of(caller))
    if webhook is None:
        raise no_webhook(webhook_id)
    return webhook


def _view(webhook: Webhook) -> WebhookView:
    return WebhookView(**webhook.model_dump())


def _known_events(events: tuple[str, ...]) -> None:
    if unknown := unknown_events(events):
        message = f"no event types: {', '.join(unknown)[:200]}; {EVERYTHING} alone stands for all"
        raise InvalidError.of("events", message)
