-- migrate:up

create table codec_session (
    token_hash text primary key,
    reader text not null references api_key (name),
    key_hash text not null,
    created_at timestamptz not null default now(),
    expires_at timestamptz not null
);
comment on table codec_session is
    'Who is signed in at the codec server from a browser. It ends with its time, and with the key it was opened with.';

create table payload_access (
    id bigint generated always as identity primary key,
    at timestamptz not null default now(),
    act text not null check (act in ('DECODE', 'ENCODE')),
    reader text not null,
    via text not null check (via in ('KEY', 'TOKEN', 'SESSION')),
    namespace text not null,
    workflows text[] not null,
    keys text[] not null,
    payloads integer not null check (payloads > 0)
);
create index payload_access_newest on payload_access (at desc);
comment on table payload_access is
    'Every time the codec server opened encrypted payloads for somebody, or closed some. Append-only.';
create trigger payload_access_is_append_only
    before update or delete or truncate on payload_access
    for each statement execute function refuse_change();
alter table payload_access enable always trigger payload_access_is_append_only;

-- migrate:down
