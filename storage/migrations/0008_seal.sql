-- migrate:up

-- The seal of the trail (domain/seal.py, docs/reference/audit-trail.md) ------------------------------------------------

alter table event
    add column hash bytea not null default '\x',
    add column commitments jsonb not null default '{}';
comment on column event.hash is 'SHA-256 over this row and the hash of the row before; empty: written by a release that did not seal yet.';
comment on column event.commitments is 'Salted hashes of the private fields that came with this event; they outlive those fields.';
alter table whistle add column head bytea not null default '\x';
comment on column whistle.head is 'The hash of its last event.';

-- Volatile, so every row that is here already gets a salt of its own.
alter table command_private add column salt uuid default gen_random_uuid();
alter table matter add column salt uuid default gen_random_uuid();
alter table reporter add column salt uuid default gen_random_uuid();
comment on column command_private.salt is 'Without it nobody can guess the fields from their hash; set to null where they are erased or masked.';
comment on column matter.salt is 'As in command_private.';
comment on column reporter.salt is 'As in command_private.';

create index event_first on event (position) where sequence = 1;
comment on index event_first is 'All whistles in the order of their registration, for exports of the heads.';

-- What stands here already is sealed as domain/seal.py seals: canonical JSON by RFC 8785, once, in this transaction ------

create function pg_temp.jcs(value jsonb) returns text
    language plpgsql immutable
    as $$
        begin
            case jsonb_typeof(value)
                when 'object' then
                    return '{' || coalesce((
                        select string_agg(to_jsonb(key)::text || ':' || pg_temp.jcs(held), ',' order by key collate "C")
                        from jsonb_each(value) as pair (key, held)), '') || '}';
                when 'array' then
                    return '[' || coalesce((
                        select string_agg(pg_temp.jcs(held), ',' order by place)
                        from jsonb_array_elements(value) with ordinality as element (held, place)), '') || ']';
                when 'number' then
                    return (
                        select case when n = trunc(n) then trunc(n)::text
                            when abs(n) < 0.000001 then regexp_replace(n::double precision::text, 'e-0*', 'e-')
                            else trim_scale(n)::text end
                        from (select (value #>> '{}')::numeric) as number (n));
                else
                    return value::text;
            end case;
        end
    $$;

create function pg_temp.digest(value jsonb) returns text
    language sql immutable
    as $$ select encode(sha256(convert_to(pg_temp.jcs(value), 'UTF8')), 'hex') $$;

create function pg_temp.commitment(salt uuid, fields jsonb) returns text
    language sql immutable
    as $$ select pg_temp.digest(jsonb_build_object('salt', salt, 'fields', fields)) $$;

alter table event disable trigger event_is_append_only;

update event e set commitments = jsonb_build_object('fields', pg_temp.commitment(p.salt, p.body))
from command c join command_private p
    on p.whistle_id = c.whistle_id and p.command_id = c.command_id and p.private_ref = c.content_hash
where e.whistle_id = c.whistle_id and e.sequence = c.first_sequence;

update event e set commitments = e.commitments || jsonb_build_object('matter', pg_temp.commitment(m.salt,
    jsonb_build_object('description', m.description, 'evidence', m.evidence, 'place', jsonb_strip_nulls(
        jsonb_build_object('address', m.address, 'lng', m.lng, 'lat', m.lat, 'crs', m.crs)))))
from matter m where m.whistle_id = e.whistle_id and e.sequence = 1;

update event e set commitments = e.commitments || jsonb_build_object('reporter', pg_temp.commitment(r.salt,
    jsonb_build_object('name', r.name, 'phone', r.phone, 'confidential', r.confidential)))
from reporter r where r.whistle_id = e.whistle_id and e.sequence = 1;

do $$
declare
    one record;
    previous text := '';
begin
    for one in select * from event order by whistle_id, sequence loop
        if one.sequence = 1 then
            previous := '';
        end if;
        previous := pg_temp.digest(jsonb_build_object(
            'form', 'whistle-trail/1', 'previous', previous, 'whistle_id', one.whistle_id, 'sequence', one.sequence,
            'type', one.type, 'at', to_char(one.at at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"'),
            'actor', jsonb_build_object('subject', one.actor_subject, 'role', one.actor_role,
                'organisation', one.actor_organisation),
            'command_id', one.command_id, 'summary', one.summary, 'data', one.data, 'commitments', one.commitments));
        update event set hash = decode(previous, 'hex')
        where whistle_id = one.whistle_id and sequence = one.sequence;
    end loop;
end
$$;

alter table event enable always trigger event_is_append_only;

update whistle w set head = e.hash from event e where e.whistle_id = w.whistle_id and e.sequence = w.sequence;

-- migrate:down
