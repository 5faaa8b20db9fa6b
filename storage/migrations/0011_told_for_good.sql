-- migrate:up

-- What somebody was told stays on record ------------------------------------------------------------------------------

alter table notice_delivery add column tried_anew_at timestamptz;
comment on column notice_delivery.tried_anew_at is
    'When one that had failed for good was taken up again by hand; from then on it is given up after a day.';

create trigger notice_delivery_is_kept
    before delete or truncate on notice_delivery
    for each statement execute function refuse_change();
create trigger notice_delivery_is_settled_once
    before update on notice_delivery
    for each row
    when (old.state in ('DELIVERED', 'DROPPED') or (old.state = 'FAILED' and new.state <> 'PENDING'))
    execute function refuse_change();
create trigger notice_failure_is_append_only
    before update or delete or truncate on notice_failure
    for each statement execute function refuse_change();
alter table notice_delivery enable always trigger notice_delivery_is_kept;
alter table notice_delivery enable always trigger notice_delivery_is_settled_once;
alter table notice_failure enable always trigger notice_failure_is_append_only;
comment on table notice_delivery is
    'One notice to one recipient by one channel: the trail of what was told to whom, and when. Settled rows never change.';
comment on table notice_failure is
    'Every attempt that did not succeed, and whether its message may have arrived all the same. Append-only.';

-- migrate:down
