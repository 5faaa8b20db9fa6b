-- migrate:up

-- For gateways of the release before search, which register on until they are replaced.
alter table whistle_title alter column registered_at set default now();

-- migrate:down
