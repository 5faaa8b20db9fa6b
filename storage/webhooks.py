"""Subscriptions to events (webhooks), and telling them what was committed."""

from datetime import datetime, timedelta
from urllib.parse import urlsplit

from pydantic import Field

from domain.errors import IdempotencyConflictError, InvalidError
from domain.notices import PUBLIC
from domain.values import Frozen
from storage.pool import Pool

MOST_OF_ONE_OWNER = 100

_PUBLIC = [event.__name__ for event in PUBLIC]
_COLUMNS = "id, owner, source_system, organisation, url, events, created_at, disabled_at, disabled_reason"
_COUNT = "select count(*) from webhook where owner = $1 and deleted_at is null"
_INSERT = """
insert into webhook (id, owner, source_system, organisation, url, events, secret, request_key, request_hash)
values ($1, $2, $3, $4, $5, $6, $7, $8, $9) on conflict (owner, request_key) do nothing
"""
_KNOWN = "select id, secret, request_hash from webhook where owner = $1 and request_key = $2"
_LIST = f"""
select {_COLUMNS} from webhook where deleted_at is null and ($1::text is null or source_system = $1)
order by created_at desc, id
"""  # noqa: S608 - a constant
_FIND = f"""
select {_COLUMNS} from webhook where id = $1 and deleted_at is null and ($2::text is null or source_system = $2)
"""  # noqa: S608 - a constant
_DELETE = """
with ended as (
    update webhook set deleted_at = now()
    where id = $1 and deleted_at is null and ($2::text is null or source_system = $2)
    returning id
), given_up as (
    update webhook_delivery d set due_at = null from ended where d.webhook_id = ended.id and d.due_at is not null
)
select id from ended
"""
_ROTATE = """
update webhook set previous_secret = secret, previous_until = now() + $4::interval, secret = $3, rotation_key = $5
where id = $1 and deleted_at is null and ($2::text is null or source_system = $2)
    and ($5::text is null or rotation_key is distinct from $5)
returning id, secret, previous_until
"""
_ROTATED = """
select id, secret, previous_until from webhook
where id = $1 and deleted_at is null and ($2::text is null or source_system = $2) and rotation_key = $3
"""
_ENABLE = f"""
update webhook set disabled_at = null, disabled_reason = null
where id = $1 and deleted_at is null and ($2::text is null or source_system = $2)
returning {_COLUMNS}
"""  # noqa: S608 - a constant
_ACTIVE = "select exists (select from webhook where disabled_at is null and deleted_at is null)"

# One statement: a commit leaves the queue in the transaction that makes its deliveries.
_TELL = """
with taken as (
    delete from webhook_commit where id in (
        select id from webhook_commit order by id limit $1 for update skip locked
    )
    returning id, whistle_id, first_sequence, last_sequence, followers, at
)
insert into webhook_delivery (webhook_id, whistle_id, sequence, followers)
select s.id, e.whistle_id, e.sequence, own.followers
from taken t
join event e on e.whistle_id = t.whistle_id and e.sequence between t.first_sequence and t.last_sequence
join whistle w on w.whistle_id = t.whistle_id
join webhook s on s.disabled_at is null and s.deleted_at is null and s.created_at <= t.at
    and (s.events = array['*'] or e.type = any (s.events))
cross join lateral (
    select coalesce(array_agg(follower ->> 0), '{}') as followers from jsonb_array_elements(t.followers) as follower
    where e.type = any ($2::text[]) and follower ->> 1 = s.source_system
) as own
where (s.source_system is null or s.source_system = w.source_system or own.followers <> '{}')
    and (s.organisation is null or exists (
        select from whistle_party p where p.whistle_id = t.whistle_id and p.organisation = s.organisation
    ))
order by t.id, e.sequence
on conflict (webhook_id, whistle_id, sequence) do nothing
"""
_WAITING = "select count(*) from webhook_commit where at <= now() - $1::interval"
_STRUGGLING = """
select w.id, w.url, w.disabled_reason as disabled, count(d.id) as waiting, min(d.created_at) as since
from webhook w
left join webhook_delivery d on d.webhook_id = w.id and d.due_at is not null and d.created_at <= now() - $1::interval
where w.deleted_at is null
group by w.id having count(d.id) > 0 or w.disabled_at is not null
order by min(d.created_at), w.id
"""


class Webhook(Frozen):
    """A subscription, without its secret; `source_system` and `organisation` None mean all whistles."""

    id: str
    owner: str
    source_system: str | None = None
    organisation: str | None = None
    url: str
    events: tuple[str, ...]
    created_at: datetime
    disabled_at: datetime | None = None
    disabled_reason: str | None = None


class NewWebhook(Frozen):
    """A subscription that is asked for; under one `request_key` of one owner it is made once."""

    id: str
    owner: str
    source_system: str | None
    organisation: str | None
    url: str
    events: tuple[str, ...]
    secret: str = Field(repr=False)
    request_key: str | None = None
    request_hash: str


class Struggling(Frozen):
    """A subscription that does not get what it asked for: how much waits and since when, or why it was disabled."""

    id: str
    url: str
    waiting: int
    since: datetime | None
    disabled: str | None

    @property
    def host(self) -> str:
        """Where it is; the rest of an address may hold a secret."""
        return urlsplit(self.url).hostname or ""


class Subscribed(Frozen):
    """A subscription's id and secret."""

    id: str
    secret: str = Field(repr=False)


class Rotated(Subscribed):
    """A subscription's new secret; until then its messages are signed with the one before too."""

    previous_until: datetime


async def subscribe(pool: Pool, new: NewWebhook) -> Subscribed:
    """Store a subscription; the same request again under its key gives what it gave first.

    Raises IdempotencyConflictError for other content under the key, and InvalidError when the owner has too many.
    """
    if new.request_key and (known := await _known(pool, new)):
        return known
    if await pool.fetchval(_COUNT, new.owner) >= MOST_OF_ONE_OWNER:
        raise InvalidError.of("", f"{new.owner} has {MOST_OF_ONE_OWNER} webhooks; delete one first")
    status = await pool.execute(
        _INSERT,
        new.id,
        new.owner,
        new.source_system,
        new.organisation,
        new.url,
        list(new.events),
        new.secret,
        new.request_key,
        new.request_hash,
    )
    if status.endswith(" 1"):
        return Subscribed(id=new.id, secret=new.secret)
    return await _known(pool, new) or Subscribed(id=new.id, secret=new.secret)


async def list_webhooks(pool: Pool, source_system: str | None) -> list[Webhook]:
    """List subscriptions, the newest first: those of one source, or for None all."""
    return [Webhook(**row) for row in await pool.fetch(_LIST, source_system)]


async def find_webhook(pool: Pool, webhook_id: str, source_system: str | None) -> Webhook | None:
    """Find a subscription of one source, or for None any."""
    row = await pool.fetchrow(_FIND, webhook_id, source_system)
    return Webhook(**row) if row else None


async def delete_webhook(pool: Pool, webhook_id: str, source_system: str | None) -> bool:
    """End a subscription, nothing being sent any more; tell whether there was one."""
    return await pool.fetchval(_DELETE, webhook_id, source_system) is not None


async def rotate_secret(
    pool: Pool, webhook_id: str, source_system: str | None, secret: str, grace: timedelta, key: str | None = None
) -> Rotated | None:
    """Sign with a new secret, and for `grace` with the one before too; the same again under its key gives the same.

    None without such a subscription of one source, or for None of any.
    """
    row = await pool.fetchrow(_ROTATE, webhook_id, source_system, secret, grace, key)
    if row is None and key:
        row = await pool.fetchrow(_ROTATED, webhook_id, source_system, key)
    return Rotated(**row) if row else None


async def enable_webhook(pool: Pool, webhook_id: str, source_system: str | None) -> Webhook | None:
    """Tell a subscription of events again, from now on; idempotent. None where there is none."""
    row = await pool.fetchrow(_ENABLE, webhook_id, source_system)
    return Webhook(**row) if row else None


async def any_active(pool: Pool) -> bool:
    """Tell whether anybody is to be told of anything."""
    return bool(await pool.fetchval(_ACTIVE))


async def tell_subscribers(pool: Pool, limit: int = 200) -> int:
    """Turn the oldest commits into deliveries, all or none of them; give the number of deliveries made."""
    status = await pool.execute(_TELL, limit, _PUBLIC)
    return int(status.rsplit(" ", 1)[-1])


async def waiting_commits(pool: Pool, longer_than: timedelta = timedelta()) -> int:
    """Count the commits that subscribers were not told of yet, though they are older than this."""
    return int(await pool.fetchval(_WAITING, longer_than))


async def struggling(pool: Pool, longer_than: timedelta) -> list[Struggling]:
    """List the subscriptions that keep deliveries waiting for longer than this, or that were disabled."""
    return [Struggling(**row) for row in await pool.fetch(_STRUGGLING, longer_than)]


async def _known(pool: Pool, new: NewWebhook) -> Subscribed | None:
    row = await pool.fetchrow(_KNOWN, new.owner, new.request_key)
    if row is None:
        return None
    if row["request_hash"] != new.request_hash:
        message = "the Idempotency-Key is known with another webhook"
        raise IdempotencyConflictError(message)
    return Subscribed(id=row["id"], secret=row["secret"])
