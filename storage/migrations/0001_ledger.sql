-- migrate:up

-- Catalogues ---------------------------------------------------------------------------------------------------------

create table catalogue_import (
    version bigint generated always as identity primary key,
    name text not null check (name in ('organisations', 'limits', 'calendar')),
    sha256 text not null,
    source text not null,
    counts jsonb not null,
    imported_at timestamptz not null default now()
);
create index catalogue_import_by_name on catalogue_import (name, version desc);
comment on table catalogue_import is
    'Every catalogue ever put in force; the highest version names the rules of this moment, and caches go by it.';

create table organisation (
    code text primary key,
    position integer not null,
    name text not null,
    type text not null,
    parent text references organisation (code) deferrable initially deferred,
    initials text unique deferrable initially deferred
);
comment on table organisation is 'Who may whistle and who must report, in the order of the catalogue.';

create table limit_rule (
    profile text not null,
    position integer not null,
    kind text,
    urgency text,
    phase text not null,
    amount numeric not null check (amount > 0),
    unit text not null,
    source text not null,
    unique nulls not distinct (profile, kind, urgency, phase)
);
comment on table limit_rule is 'How long each phase may last, by profile; kind or urgency null means any.';

create table calendar_day (
    date date primary key,
    workday boolean not null,
    note text not null,
    source text not null
);
comment on table calendar_day is 'The days off and make-up workdays (调休) of the yearly notices; all others follow the week.';

-- Who may come in ----------------------------------------------------------------------------------------------------

create table api_key (
    name text primary key,
    key_hash text not null unique,
    role text not null,
    organisation text,
    created_at timestamptz not null default now(),
    revoked_at timestamptz
);
comment on table api_key is 'Bearers by the SHA-256 of their keys; the keys themselves are nowhere in here.';

-- Whistles -----------------------------------------------------------------------------------------------------------

create table serial_counter (
    initials text not null,
    year integer not null,
    last integer not null check (last > 0),
    primary key (initials, year)
);
comment on table serial_counter is 'The last serial number (哨单号) given by a township in a year, JHH-2026-000123.';

create table whistle (
    whistle_id text primary key,
    source_system text not null,
    external_id text not null,
    content_hash text not null,
    serial text not null unique,
    sequence integer not null check (sequence > 0),
    value jsonb not null,
    title text not null,
    state text not null,
    step integer not null,
    kind text,
    urgency text,
    tier text,
    chain text not null,
    township text not null,
    grid text,
    caller text,
    lead text,
    source_channel text not null,
    responders text[] not null default '{}',
    overdue_responders text[] not null default '{}',
    overdue boolean not null generated always as (overdue_responders <> '{}') stored,
    supervision_level text not null,
    next_deadline timestamptz,
    merged_into text references whistle (whistle_id),
    registered_at timestamptz not null,
    blown_at timestamptz,
    updated_at timestamptz not null,
    closed_at timestamptz,
    started_at timestamptz,
    unique (source_system, external_id)
);
comment on table whistle is
    'One row a whistle: its value as its events have made it, the columns that lists filter by, and the lock that every command takes.';
comment on column whistle.content_hash is 'Hash of the whole registration, personal data included.';
comment on column whistle.value is 'The domain value; equal to the fold of its events.';
comment on column whistle.updated_at is 'When its last event was.';
comment on column whistle.started_at is 'When Temporal acknowledged the start of its workflow.';

create index whistle_newest on whistle (registered_at desc, whistle_id desc);
create index whistle_by_state on whistle (state, registered_at desc, whistle_id desc);
create index whistle_by_township on whistle (township, registered_at desc, whistle_id desc);
create index whistle_by_kind on whistle (kind, registered_at desc, whistle_id desc);
create index whistle_overdue on whistle (registered_at desc, whistle_id desc) where overdue;
create index whistle_by_responder on whistle using gin (responders);
create index whistle_merged on whistle (merged_into) where merged_into is not null;
create index whistle_unstarted on whistle (registered_at) where started_at is null;

create function title_grams(title text) returns text[]
    language sql immutable parallel safe
    as $$
        select coalesce(array_agg(distinct substr(lower(title), place, size)), '{}')
        from generate_series(1, 2) as size, generate_series(1, length(title) + 1 - size) as place
    $$;
comment on function title_grams is
    'Every character and every pair of neighbours: trigrams cannot find the two characters that a Chinese word has.';

create table whistle_title (
    whistle_id text primary key references whistle (whistle_id),
    title text not null,
    grams text[] not null generated always as (title_grams(title)) stored
);
create index whistle_title_grams on whistle_title using gin (grams);
comment on table whistle_title is 'Titles for searching, apart from whistle so that commands do not rewrite their index.';

create table matter (
    whistle_id text primary key references whistle (whistle_id),
    description text not null,
    address text not null,
    lng double precision,
    lat double precision,
    crs text,
    evidence jsonb not null
);
comment on table matter is 'What was told at registration. Private: never in Temporal, in a log or in a search attribute.';

create table reporter (
    whistle_id text primary key references whistle (whistle_id),
    name text not null,
    phone text not null,
    confidential boolean not null
);
comment on table reporter is 'The resident behind a matter. Personal data.';

-- The ledger ---------------------------------------------------------------------------------------------------------

create table event (
    whistle_id text not null references whistle (whistle_id),
    sequence integer not null check (sequence > 0),
    type text not null,
    at timestamptz not null,
    actor_subject text not null,
    actor_role text not null,
    actor_organisation text,
    command_id text not null,
    summary text not null,
    data jsonb not null,
    primary key (whistle_id, sequence)
);
comment on table event is 'The audit trail (吹哨全留痕): append-only, gap-free from 1 for each whistle, without personal data.';

create function refuse_change() returns trigger
    language plpgsql
    as $$
        begin
            raise exception '% on % is refused: the audit trail is append-only', tg_op, tg_table_name
                using errcode = 'insufficient_privilege';
        end
    $$;
create trigger event_is_append_only
    before update or delete or truncate on event
    for each statement execute function refuse_change();
-- Always: also in a session that sets session_replication_role.
alter table event enable always trigger event_is_append_only;

create table command (
    whistle_id text not null references whistle (whistle_id),
    command_id text not null,
    name text not null,
    content_hash text not null,
    actor_subject text not null,
    actor_role text not null,
    actor_organisation text,
    at timestamptz not null,
    first_sequence integer,
    last_sequence integer not null,
    state text not null,
    primary key (whistle_id, command_id)
);
comment on table command is 'Every command once, for ever, with the answer it was given: last_sequence and state.';
comment on column command.first_sequence is 'Null when it left no event.';

create table command_private (
    whistle_id text not null references whistle (whistle_id),
    command_id text not null,
    private_ref text not null,
    body jsonb not null,
    stored_at timestamptz not null default now(),
    primary key (whistle_id, command_id, private_ref)
);
comment on table command_private is
    'The private fields of commands, stored before them; private_ref is the hash of the whole command. Personal data.';

create table clock (
    whistle_id text not null references whistle (whistle_id),
    phase text not null,
    responder text not null default '',
    organisation text not null,
    started_at timestamptz not null,
    due_at timestamptz not null,
    struck integer not null,
    next_strike_at timestamptz,
    primary key (whistle_id, phase, responder)
);
create index clock_by_organisation on clock (organisation, due_at, whistle_id, phase, responder);
create index clock_next_strike on clock (next_strike_at) where next_strike_at is not null;
comment on table clock is 'The clocks that run now, whom each binds and when it strikes next; responder is empty for the whistle''s own.';

create table supervision (
    whistle_id text not null references whistle (whistle_id),
    number integer not null,
    level text not null,
    organisation text not null,
    phase text,
    responder text,
    raised_at timestamptz not null,
    answered_at timestamptz,
    primary key (whistle_id, number)
);
create index supervision_by_organisation on supervision (organisation, raised_at, whistle_id, number) where answered_at is null;
comment on table supervision is 'The supervisions that are open now.';

create table outbox (
    id bigint generated always as identity primary key,
    whistle_id text not null references whistle (whistle_id),
    sequence integer not null,
    kind text not null,
    audience text not null,
    urgent boolean not null,
    text text not null,
    created_at timestamptz not null default now(),
    due_at timestamptz not null default now(),
    delivered_at timestamptz,
    attempts integer not null default 0,
    last_error text
);
create index outbox_pending on outbox (urgent desc, id) where delivered_at is null;
create index outbox_by_whistle on outbox (whistle_id, sequence);
comment on table outbox is 'Notices to be delivered at least once; due_at is when one may be claimed, again or for the first time.';

create function announce_outbox() returns trigger
    language plpgsql
    as $$
        begin
            if exists (select from fresh) then
                perform pg_notify('whistle_outbox', '');
            end if;
            return null;
        end
    $$;
create trigger outbox_announces
    after insert on outbox
    referencing new table as fresh
    for each statement execute function announce_outbox();

-- migrate:down
