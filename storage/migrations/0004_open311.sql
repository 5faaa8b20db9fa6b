-- migrate:up

create table open311_request (
    whistle_id text primary key,
    content_hash text not null,
    service_code text not null,
    confidential boolean not null,
    token text unique,
    received_at timestamptz not null
);
create index open311_request_newest on open311_request (received_at desc, whistle_id desc);
comment on table open311_request is
    'Requests that came in through Open311, noted before they are registered; open to everyone once a whistle of that id and content stands.';
comment on column open311_request.content_hash is
    'Hash of the registration that follows; what is registered under the id by another way has another, and stays closed.';
comment on column open311_request.received_at is 'When it came in first; a retry registers with the same time, hence the same content.';
comment on column open311_request.token is 'For services of the type batch, which answer with it in place of the id.';

-- migrate:down
