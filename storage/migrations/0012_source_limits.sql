-- migrate:up

-- The predicate stands word for word in storage/digests.py. A township changes by a transfer alone, so commands do not pay for it.
create index whistle_open_of_township on whistle (township)
    where state <> all ('{CLOSED,MERGED,REJECTED,CANCELLED}'::text[]);

alter table daily_digest add column source_due integer not null default 0;
comment on column daily_digest.source_due is 'How many matters were due to be answered by their source''s own limit (来单时限).';

-- migrate:down
