-- The twin of 0023_grant_counts.sql. Here triggers append changes, and a job adds them to the counts: transactions that
-- write the same count would wait for each other, and those that write two could block each other for good.

-- source: a grant's credential, or its connector. hosted: 1 for grants with a mail host. state: invalid, valid, or of a
-- valid grant with a trouble: troubled, followed by held, suspected, or both. Rows with 0 stay until they are swept.
create table grant_counts (
    application_id text not null,
    source text not null,
    provider text not null,
    hosted integer not null,
    state text not null,
    grants bigint not null,
    primary key (application_id, source, provider, hosted, state)
);

-- The same of each mail host. There may be as many hosts as grants, so no sum of an application reads this table.
create table host_counts (
    application_id text not null,
    source text not null,
    host text not null,
    state text not null,
    grants bigint not null,
    primary key (application_id, source, host, state)
);

create table grant_count_changes (
    application_id text not null,
    source text not null,
    provider text not null,
    host text,
    state text not null,
    change bigint not null
);
create index grant_count_changes_by_source on grant_count_changes (application_id, source);

create function grant_host(settings text) returns text language sql immutable
return coalesce(settings::json ->> 'imap_host', settings::json ->> 'ews_host');
create function grant_state(status text, trouble text) returns text language sql immutable
return case when status <> 'valid' then 'invalid' when trouble is null then 'valid' else 'troubled'
            || case when trouble like '%"held":true%' then ' held' else '' end
            || case when trouble like '%"suspected":true%' then ' suspected' else '' end end;

-- What each grant counts as.
create view counted_grants as
select application_id, created_at, coalesce(credential_id, connector_id) as source, provider,
       case when grant_host(settings) is null then 0 else 1 end as hosted, grant_host(settings) as host,
       grant_state(status, trouble) as state
from grants;

create function count_grant() returns trigger language plpgsql as $$
begin
    if tg_op <> 'INSERT' then
        insert into grant_count_changes (application_id, source, provider, host, state, change)
        values (old.application_id, coalesce(old.credential_id, old.connector_id), old.provider,
                grant_host(old.settings), grant_state(old.status, old.trouble), -1);
    end if;
    if tg_op <> 'DELETE' then
        insert into grant_count_changes (application_id, source, provider, host, state, change)
        values (new.application_id, coalesce(new.credential_id, new.connector_id), new.provider,
                grant_host(new.settings), grant_state(new.status, new.trouble), 1);
    end if;
    return null;
end $$;

-- From here on no other transaction writes a grant until this migration is committed, so the first counts are complete.
create trigger count_grant after insert or delete on grants for each row execute function count_grant();
create trigger count_changed_grant after update of status, trouble, connector_id, credential_id, settings on grants for each row
when (old.status <> new.status or old.trouble is distinct from new.trouble or old.connector_id <> new.connector_id
      or old.credential_id is distinct from new.credential_id or old.settings <> new.settings)
execute function count_grant();

insert into grant_counts (application_id, source, provider, hosted, state, grants)
select application_id, source, provider, hosted, state, count(*) from counted_grants
group by application_id, source, provider, hosted, state;
insert into host_counts (application_id, source, host, state, grants)
select application_id, source, host, state, count(*) from counted_grants
where host is not null group by application_id, source, host, state;

create view grant_numbers as
select application_id, source, provider, hosted, state, grants from grant_counts
union all
select application_id, source, provider, case when host is null then 0 else 1 end, state, change
from grant_count_changes;
create view host_numbers as
select application_id, source, host, state, grants from host_counts
union all
select application_id, source, host, state, change from grant_count_changes where host is not null;
