-- migrate:up

-- What the figures read ----------------------------------------------------------------------------------------------

create index event_ending on event (at, whistle_id)
    where type in ('WhistleClosed', 'WhistleMerged', 'WhistleRejected', 'WhistleCancelled');
create index event_blowing on event (at, whistle_id) where type = 'WhistleBlown';

-- Rules and scorecards -----------------------------------------------------------------------------------------------

create table scoring_rules (
    edition text primary key,
    valid_from date not null,
    content jsonb not null,
    sha256 text not null,
    imported_at timestamptz not null default now()
);
comment on table scoring_rules is
    'Every edition of the scoring rules ever put in force, for periods that begin on or after valid_from. Append-only.';
create trigger scoring_rules_is_append_only
    before update or delete or truncate on scoring_rules
    for each statement execute function refuse_change();
alter table scoring_rules enable always trigger scoring_rules_is_append_only;

create table scorecard (
    kind text not null check (kind in ('MONTH', 'QUARTER', 'YEAR')),
    period text not null,
    version integer not null check (version > 0),
    reason text not null check (reason in ('FIRST', 'CORRECTION')),
    edition text not null,
    as_of timestamptz not null,
    known_at timestamptz not null,
    content jsonb not null,
    content_hash text not null,
    frozen_at timestamptz not null default now(),
    primary key (kind, period, version)
);
comment on table scorecard is
    'The figures of a period, frozen with their rules; a correction is the next version. Append-only.';
comment on column scorecard.as_of is 'How far the audit trail was read: the end of the period.';
comment on column scorecard.known_at is 'Until when corrections of what stood by then were read.';
create trigger scorecard_is_append_only
    before update or delete or truncate on scorecard
    for each statement execute function refuse_change();
alter table scorecard enable always trigger scorecard_is_append_only;

-- migrate:down
