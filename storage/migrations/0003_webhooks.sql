-- migrate:up

-- Outbound webhooks --------------------------------------------------------------------------------------------------

create table webhook (
    id text primary key,
    owner text not null,
    source_system text,
    organisation text,
    url text not null,
    events text[] not null check (events <> '{}'),
    secret text not null,
    request_key text,
    request_hash text,
    created_at timestamptz not null default now(),
    disabled_at timestamptz,
    disabled_reason text,
    deleted_at timestamptz,
    unique (owner, request_key)
);
create index webhook_active on webhook (id) where disabled_at is null and deleted_at is null;
comment on table webhook is 'Who is told of events at which address, and the secret that signs what is sent there.';
comment on column webhook.source_system is 'Told of this source''s whistles alone, and of public events of those they were merged into; null: of all.';
comment on column webhook.organisation is 'Told of whistles that this organisation has a part in; null: of all.';
comment on column webhook.request_key is 'The Idempotency-Key it was made with.';

create table webhook_commit (
    id bigint generated always as identity primary key,
    whistle_id text not null,
    first_sequence integer not null,
    last_sequence integer not null,
    followers jsonb,
    at timestamptz not null default now()
);
comment on table webhook_commit is
    'Commits that subscriptions were not told of yet: one row a command, in its own transaction, while there is a subscription.';
comment on column webhook_commit.followers is 'Whistles merged into this one at that moment: pairs of whistle and source.';

create table webhook_delivery (
    id bigint generated always as identity primary key,
    webhook_id text not null references webhook (id),
    whistle_id text not null references whistle (whistle_id),
    sequence integer not null,
    followers text[] not null default '{}',
    message_id uuid not null default gen_random_uuid(),
    created_at timestamptz not null default now(),
    due_at timestamptz default now(),
    attempts integer not null default 0,
    tries integer not null default 0,
    delivered_at timestamptz,
    unique (webhook_id, whistle_id, sequence)
);
create index webhook_delivery_due on webhook_delivery (webhook_id, due_at) where due_at is not null;
create index webhook_delivery_newest on webhook_delivery (webhook_id, id desc);
create index webhook_delivery_settled on webhook_delivery (created_at) where due_at is null;
comment on table webhook_delivery is 'One event for one subscription, delivered at least once; what is sent is read from event and command.';
comment on column webhook_delivery.followers is 'The subscriber''s own whistles that were merged into this one.';
comment on column webhook_delivery.message_id is 'The webhook-id, the same on each attempt.';
comment on column webhook_delivery.due_at is 'When the next attempt is due, or the running one given up as lost; null: delivered or given up.';
comment on column webhook_delivery.attempts is 'All attempts; tries counts those since the last replay by hand.';

create table webhook_attempt (
    delivery_id bigint not null references webhook_delivery (id) on delete cascade,
    attempt integer not null,
    started_at timestamptz not null default clock_timestamp(),
    ended_at timestamptz,
    status integer,
    error text,
    primary key (delivery_id, attempt)
);
create index webhook_attempt_running on webhook_attempt (delivery_id) where ended_at is null;
comment on table webhook_attempt is 'The delivery log: every attempt with its HTTP status, or why there was none.';

-- Signed intake ------------------------------------------------------------------------------------------------------

create table hook_secret (
    source_system text primary key,
    secret text not null,
    previous_secret text,
    previous_until timestamptz,
    changed_at timestamptz not null default now()
);
comment on table hook_secret is
    'The secrets that sources sign with; symmetric, so kept as they are. The one before is good until previous_until.';

create table hook_message (
    source_system text not null,
    message_id text not null,
    body_sha256 text not null,
    whistle_id text not null references whistle (whistle_id),
    answer jsonb not null,
    received_at timestamptz not null default now(),
    primary key (source_system, message_id)
);
create index hook_message_oldest on hook_message (received_at);
comment on table hook_message is 'Messages of sources that were taken in, by webhook-id, with the answer that each was given.';

-- migrate:down
