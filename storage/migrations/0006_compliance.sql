-- migrate:up

-- The sweep: what it looked at, what it found, and what became of that -----------------------------------------------

create table compliance_run (
    run_id text primary key,
    scheduled_at timestamptz not null,
    started_at timestamptz not null default clock_timestamp(),
    finished_at timestamptz,
    checked integer,
    found integer,
    healed integer
);
create index compliance_run_newest on compliance_run (started_at desc);
comment on table compliance_run is
    'Every run of the compliance sweep; one without finished_at failed, and a gap between two means runs that never came.';
comment on column compliance_run.checked is 'How many whistles it compared.';

create table compliance_finding (
    id bigint generated always as identity primary key,
    kind text not null,
    subject text not null,
    detail text not null,
    first_run text not null references compliance_run (run_id),
    last_run text not null references compliance_run (run_id),
    found_at timestamptz not null default clock_timestamp(),
    last_found_at timestamptz not null default clock_timestamp(),
    times integer not null default 1,
    healed_at timestamptz,
    last_error text,
    alerted_at timestamptz,
    resolved_at timestamptz
);
create unique index compliance_finding_open on compliance_finding (kind, subject) where resolved_at is null;
create index compliance_finding_by_run on compliance_finding (last_run) where resolved_at is null;
create index compliance_finding_newest on compliance_finding (found_at desc);
comment on table compliance_finding is 'What sweeps found amiss, once for each fault however often it is seen again.';
comment on column compliance_finding.subject is 'A whistle, known here or not, or the run of the sweep that it speaks of.';
comment on column compliance_finding.healed_at is 'When the remedy was last applied; whether it helped, the next run tells.';
comment on column compliance_finding.resolved_at is 'When a run found it no more.';

-- The predicate stands word for word in storage/faults.py. whistle_id never changes, so commands do not pay for it.
create index whistle_open on whistle (whistle_id)
    where state <> all ('{CLOSED,MERGED,REJECTED,CANCELLED}'::text[]);

-- The digest ---------------------------------------------------------------------------------------------------------

create table daily_digest (
    day date not null,
    organisation text not null,
    due_today integer not null,
    overdue integer not null,
    awaiting_evaluation integer not null,
    dormant integer not null,
    outbox_id bigint not null references outbox (id),
    sent_at timestamptz not null default clock_timestamp(),
    primary key (day, organisation)
);
comment on table daily_digest is 'The digest (每日提要) that each organisation was sent: one a day, however often the schedule fires.';

-- The documents of supervision (催办单、督办单、通报批评、提请问责) -----------------------------------------------------------

create table supervision_document (
    whistle_id text not null references whistle (whistle_id),
    sequence integer not null,
    level text not null,
    year integer not null,
    number integer,
    primary key (whistle_id, sequence),
    unique (level, year, number),
    foreign key (whistle_id, sequence) references event (whistle_id, sequence)
);
create index supervision_document_unnumbered on supervision_document (level, year) where number is null;
comment on table supervision_document is
    'Which event each document of supervision speaks of; its text follows from that event and the whistle.';
comment on column supervision_document.number is
    'Counted by level and year, without gaps; given after the commit, since a counter would make all strikes wait in one line.';

create function note_supervisions() returns trigger
    language plpgsql
    as $$
        begin
            insert into supervision_document (whistle_id, sequence, level, year)
            select whistle_id, sequence, data ->> 'level', extract(year from at at time zone 'Asia/Shanghai')::integer
            from fresh where type = 'SupervisionRaised' and data ->> 'level' <> 'REMIND';
            return null;
        end
    $$;
create trigger event_notes_supervisions
    after insert on event
    referencing new table as fresh
    for each statement execute function note_supervisions();

insert into supervision_document (whistle_id, sequence, level, year)
select whistle_id, sequence, data ->> 'level', extract(year from at at time zone 'Asia/Shanghai')::integer
from event where type = 'SupervisionRaised' and data ->> 'level' <> 'REMIND';

create index supervision_oldest on supervision (raised_at, whistle_id, number);

-- migrate:down
