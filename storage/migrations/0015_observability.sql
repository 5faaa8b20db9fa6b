-- migrate:up

-- What failed for good of late is counted at every scrape; ordinarily this index is empty.
create index notice_delivery_failed on notice_delivery (settled_at) include (channel) where state = 'FAILED';

-- migrate:down
