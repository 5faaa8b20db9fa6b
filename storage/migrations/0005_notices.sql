-- migrate:up

-- What a notice says and when it has nothing more to say -------------------------------------------------------------

alter table outbox
    add column template text not null default 'public',
    add column levels text[] not null default '{OFFICER}',
    add column cause jsonb,
    add column fields jsonb not null default '{}',
    add column climbs boolean not null default false,
    add column climbs_at timestamptz,
    add column climbed_to text;
create index outbox_climbing on outbox (climbs_at) where climbs_at is not null;
comment on table outbox is 'Notices, one for each event and audience; due_at is when one may be claimed by whoever addresses it.';
comment on column outbox.delivered_at is 'When it was addressed: from then on notice_delivery tells how it fares.';
comment on column outbox.levels is 'The levels of the duty roster that are told first.';
comment on column outbox.cause is 'What ends it; null: nothing does.';
comment on column outbox.fields is 'What its template names beside the whistle''s own columns; no personal data.';
comment on column outbox.climbs_at is 'When, unanswered, it goes to the next level of the roster.';
comment on column outbox.climbed_to is 'The level that it has climbed to.';

-- Who is told --------------------------------------------------------------------------------------------------------

create table duty_contact (
    organisation text not null,
    person text not null,
    channel text not null,
    position integer not null,
    name text not null,
    address text not null,
    urgent_only boolean not null,
    primary key (organisation, person, channel)
);
comment on table duty_contact is
    'How each person, duty room or group of an organisation is reached. Personal data; addresses of robots are secrets.';

create table duty_shift (
    organisation text not null,
    position integer not null,
    days text not null,
    opens time not null,
    closes time not null,
    officer text[] not null,
    backup text[] not null,
    leader text[] not null,
    primary key (organisation, position)
);
comment on table duty_shift is 'The duty roster (值班表): officer, backup and leader of an organisation by days and hours in Beijing.';

alter table catalogue_import drop constraint catalogue_import_name_check;
alter table catalogue_import add constraint catalogue_import_name_check
    check (name in ('organisations', 'limits', 'calendar', 'contacts', 'roster'));

-- How each delivery fares --------------------------------------------------------------------------------------------

create table notice_delivery (
    id bigint generated always as identity primary key,
    outbox_id bigint not null references outbox (id),
    whistle_id text not null references whistle (whistle_id),
    recipient text not null,
    level text not null,
    channel text not null,
    urgent boolean not null,
    state text not null default 'PENDING' check (state in ('PENDING', 'DELIVERED', 'DROPPED', 'FAILED')),
    created_at timestamptz not null default clock_timestamp(),
    due_at timestamptz default clock_timestamp(),
    claimed_at timestamptz,
    settled_at timestamptz,
    attempts integer not null default 0,
    in_doubt boolean not null default false,
    last_error text,
    unique (outbox_id, recipient, channel),
    check ((state = 'PENDING') = (due_at is not null))
);
create index notice_delivery_due on notice_delivery (channel, urgent, due_at) where due_at is not null;
create index notice_delivery_claimed on notice_delivery (id) where claimed_at is not null;
create index notice_delivery_by_whistle on notice_delivery (whistle_id, id);
create index notice_delivery_newest on notice_delivery (created_at);
comment on table notice_delivery is 'One notice to one recipient by one channel: the trail of what was told to whom, and when.';
comment on column notice_delivery.recipient is 'An organisation and a person of its roster, water/li-ming; the address is looked up at each attempt.';
comment on column notice_delivery.due_at is 'When the next attempt is due, or the running one given up as lost; null: settled.';
comment on column notice_delivery.in_doubt is
    'An attempt may have reached its recipient without our knowing, in a channel that cannot tell a repetition: it may have been seen twice.';

create table notice_failure (
    delivery_id bigint not null references notice_delivery (id),
    attempt integer not null,
    channel text not null,
    error text not null,
    doubtful boolean not null,
    at timestamptz not null default clock_timestamp(),
    primary key (delivery_id, attempt)
);
create index notice_failure_newest on notice_failure (at);
comment on table notice_failure is 'Every attempt that did not succeed, and whether its message may have arrived all the same.';

-- migrate:down
