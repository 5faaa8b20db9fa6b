-- migrate:up

-- Titles in their own order, so that a search looks through the newest without touching their whistles.
-- Its indexes are made anew: to follow every row of the update costs far more.
drop index whistle_title_grams;
drop index whistle_title_number_grams;
alter table whistle_title add column registered_at timestamptz;
update whistle_title t set registered_at = w.registered_at from whistle w where w.whistle_id = t.whistle_id;
alter table whistle_title alter column registered_at set not null;
create index whistle_title_newest on whistle_title (registered_at desc, whistle_id desc) include (title, serial);

create index whistle_title_grams on whistle_title using gin (grams);
create index whistle_title_number_grams on whistle_title using gin (number_grams);

create function sought_grams(words text) returns text[]
    language sql immutable parallel safe
    as $$
        select coalesce(array_agg(distinct substr(lower(words), place, size)), '{}')
        from (select least(length(words), 2)) as pair (size), generate_series(1, length(words) + 1 - size) as place
    $$;
comment on function sought_grams is
    'The pairs of neighbours in what is searched for; of one character, itself. Single ones would only be looked up in vain.';

create function sought_number_grams(number text) returns text[]
    language sql immutable parallel safe
    as $$
        select array_agg(distinct substr(lower(number), place, 4))
        from generate_series(1, length(number) - 3) as place where place % 2 = 1 or place = length(number) - 3
    $$;
comment on function sought_number_grams is
    'Every second of number_grams, and the last: each that many numbers share costs a walk through them.';

-- Every responder is a party, and the parties' index has the order of the list.
drop index whistle_by_responder;

-- migrate:down
