-- migrate:up

-- Requests that await a decision -------------------------------------------------------------------------------------

create table pending_request (
    whistle_id text not null references whistle (whistle_id),
    kind text not null,
    responder text not null default '',
    round integer not null,
    organisation text not null,
    asked_at timestamptz not null,
    due_at timestamptz not null default 'infinity',
    primary key (whistle_id, kind, responder, round)
);
create index pending_request_by_organisation on pending_request
    (organisation, due_at, whistle_id);
comment on table pending_request is
    'The requests that await a decision now and have no clock: for more time (延期), for a pause (挂账), against a score (申诉).';
comment on column pending_request.organisation is 'Who decides.';
comment on column pending_request.responder is 'Empty for the whistle''s own.';
comment on column pending_request.due_at is 'The limit that an extension would move; infinity: none.';

-- Those of whistles that no command has touched since; what follows is written with each command.
with part as (
    select w.whistle_id, w.state, w.township, w.caller, w.chain, r.value as r
    from whistle w, jsonb_array_elements(
        coalesce(w.value -> 'report_ins', '[]') || coalesce(w.value -> 'earlier_report_ins', '[]')) as r
    where w.state not in ('MERGED', 'REJECTED', 'CANCELLED') and not coalesce((w.value ->> 'archived')::boolean, false)
), asked as (
    select whistle_id, 'EXTENSION' as kind, r ->> 'responder' as responder, coalesce((r ->> 'round')::integer, 1) as round,
        case when chain in ('LEAD_DEPARTMENT_CALLS', 'DEPARTMENT_REQUIRES') then coalesce(caller, township)
            else township end as decides,
        (r #>> array['clocks', case r #>> '{extension,phase}' when 'ARRIVAL' then 'ARRIVE' else 'HANDLE' end,
            'deadline', 'due_at'])::timestamptz as due_at, 'ExtensionRequested' as event
    from part where state in ('ASSEMBLING', 'IN_ACTION') and jsonb_typeof(r -> 'extension') = 'object'
        and coalesce(r ->> 'state', 'NOTIFIED') in ('NOTIFIED', 'SIGNED', 'ARRIVED')
    union all
    select whistle_id, 'APPEAL', r ->> 'responder', coalesce((r ->> 'round')::integer, 1), 'platform', null, 'AppealMade'
    from part where (r ->> 'appeal_pending')::boolean and r ->> 'state' = 'EVALUATED'
        and state in ('ASSEMBLING', 'IN_ACTION', 'SUSPENDED', 'AWAITING_CHECK', 'EVALUATING', 'FEEDBACK', 'CLOSED')
    union all
    select whistle_id, 'SUSPENSION', '', coalesce((value ->> 'round')::integer, 1), 'platform', null, 'SuspensionRequested'
    from whistle where state in ('ASSEMBLING', 'IN_ACTION') and (value ->> 'suspension_requested')::boolean
)
insert into pending_request (whistle_id, kind, responder, round, organisation, asked_at, due_at)
select a.whistle_id, a.kind, a.responder, a.round, case when a.decides = a.responder then 'platform' else a.decides end,
    coalesce((select max(e.at) from event e where e.whistle_id = a.whistle_id and e.type = a.event
        and (a.responder = '' or e.data ->> 'responder' = a.responder)), w.updated_at),
    coalesce(a.due_at, 'infinity')
from asked a join whistle w using (whistle_id);

-- Finding a whistle by its numbers -----------------------------------------------------------------------------------

create function number_grams(number text) returns text[]
    language sql immutable parallel safe
    as $$
        select coalesce(array_agg(distinct substr(lower(number), place, 4)), '{}')
        from generate_series(1, length(number) - 3) as place
    $$;
comment on function number_grams is
    'Every four neighbouring characters: of digits, two or three stand in every number, and an index on them finds nothing.';

alter table whistle_title add column serial text;
update whistle_title t set serial = w.serial from whistle w where w.whistle_id = t.whistle_id;
alter table whistle_title
    add column numbers text not null generated always as (whistle_id || E'\x1f' || coalesce(serial, '')) stored,
    add column number_grams text[] not null
        generated always as (number_grams(whistle_id || E'\x1f' || coalesce(serial, ''))) stored;
create index whistle_title_number_grams on whistle_title using gin (number_grams);
comment on table whistle_title is
    'Titles and numbers for searching, apart from whistle so that commands do not rewrite their indexes.';
comment on column whistle_title.numbers is 'Id and serial number (哨单号), parted by what nobody can ask for.';

-- migrate:down
