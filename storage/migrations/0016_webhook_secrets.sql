-- migrate:up

alter table webhook
    add column previous_secret text,
    add column previous_until timestamptz,
    add column rotation_key text;
comment on column webhook.previous_secret is 'The secret before the last rotation; messages are signed with it too until previous_until.';
comment on column webhook.rotation_key is 'The Idempotency-Key of the last rotation: the same again gives the same secret.';

-- migrate:down
