-- migrate:up

-- Who may see what ---------------------------------------------------------------------------------------------------

create table whistle_party (
    whistle_id text not null references whistle (whistle_id) on delete cascade,
    organisation text not null,
    whistle_registered_at timestamptz not null,
    primary key (whistle_id, organisation)
);
create index whistle_party_newest on whistle_party (organisation, whistle_registered_at desc, whistle_id desc);
comment on table whistle_party is
    'Every organisation that has or had a part in a whistle: its source, township, caller, responders. They may see it, then and later.';

create function note_parties() returns trigger
    language plpgsql
    as $$
        begin
            insert into whistle_party (whistle_id, organisation, whistle_registered_at)
            select distinct new.whistle_id, organisation, new.registered_at
            from unnest(array[new.source_system, new.township, new.caller] || new.responders) as organisation
            where organisation is not null
            on conflict do nothing;
            return null;
        end
    $$;
create trigger whistle_has_parties
    after insert on whistle
    for each row execute function note_parties();
create trigger whistle_gains_parties
    after update on whistle
    for each row
    when ((new.township, new.caller, new.responders) is distinct from (old.township, old.caller, old.responders))
    execute function note_parties();

insert into whistle_party (whistle_id, organisation, whistle_registered_at)
select distinct w.whistle_id, o.organisation, w.registered_at
from whistle w, unnest(array[w.source_system, w.township, w.caller] || w.responders) as o (organisation)
where o.organisation is not null;

create table private_view (
    id bigint generated always as identity primary key,
    at timestamptz not null default now(),
    whistle_id text not null references whistle (whistle_id),
    subject text not null,
    role text not null,
    organisation text,
    what text not null
);
create index private_view_by_whistle on private_view (whistle_id, at);
comment on table private_view is 'Every time somebody was shown the private part of a whistle: who, when, what. Append-only.';
create trigger private_view_is_append_only
    before update or delete or truncate on private_view
    for each statement execute function refuse_change();
alter table private_view enable always trigger private_view_is_append_only;

-- Keys that are rotated ----------------------------------------------------------------------------------------------

alter table api_key
    add column other_roles text[] not null default '{}',
    add column former_hash text unique,
    add column former_until timestamptz;
comment on column api_key.former_hash is 'The key before the last rotation, good until former_until.';

-- The feed -----------------------------------------------------------------------------------------------------------

alter table event add column position bigint generated always as identity;
create unique index event_position on event (position);
comment on column event.position is
    'A place in the feed over all whistles. Given before commit, so readers go no further than where every earlier transaction has ended.';

create function announce_event() returns trigger
    language plpgsql
    as $$
        begin
            perform pg_notify('whistle_event', '');
            return null;
        end
    $$;
create trigger event_announces
    after insert on event
    for each statement execute function announce_event();

-- migrate:down
