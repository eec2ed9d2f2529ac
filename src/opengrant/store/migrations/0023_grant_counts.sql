-- Numbers of grants, kept by triggers: every write of a grant changes them in its own transaction, also one of the release
-- before this one. docs/decisions/0018-grant-counts.md has the reasons.

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
) without rowid;

-- The same of each mail host. There may be as many hosts as grants, so no sum of an application reads this table.
create table host_counts (
    application_id text not null,
    source text not null,
    host text not null,
    state text not null,
    grants bigint not null,
    primary key (application_id, source, host, state)
) without rowid;

-- What each grant counts as. The host is spelled as in 0019_blame.sql.
create view counted_grants as
select application_id, created_at, coalesce(credential_id, connector_id) as source, provider,
       (instr(settings, '"imap_host":"') > 0 or instr(settings, '"ews_host":"') > 0) as hosted,
       case when instr(settings, '"imap_host":"') > 0 then substr(substr(settings, instr(settings, '"imap_host":"') + 13), 1, instr(substr(settings, instr(settings, '"imap_host":"') + 13), '"') - 1) when instr(settings, '"ews_host":"') > 0 then substr(substr(settings, instr(settings, '"ews_host":"') + 12), 1, instr(substr(settings, instr(settings, '"ews_host":"') + 12), '"') - 1) end as host,
       case when status <> 'valid' then 'invalid' when trouble is null then 'valid' else 'troubled'
            || case when trouble like '%"held":true%' then ' held' else '' end
            || case when trouble like '%"suspected":true%' then ' suspected' else '' end end as state
from grants;

insert into grant_counts (application_id, source, provider, hosted, state, grants)
select application_id, source, provider, hosted, state, count(*) from counted_grants
group by application_id, source, provider, hosted, state;
insert into host_counts (application_id, source, host, state, grants)
select application_id, source, host, state, count(*) from counted_grants
where host is not null group by application_id, source, host, state;

-- Two triggers for each kind of write: most grants have no host. They read old and new themselves, which costs 3
-- microseconds with a grant and not 10, as with a query of the view.
create trigger count_added_grant after insert on grants begin
    insert into grant_counts (application_id, source, provider, hosted, state, grants)
    values (new.application_id, coalesce(new.credential_id, new.connector_id), new.provider,
            (instr(new.settings, '"imap_host":"') > 0 or instr(new.settings, '"ews_host":"') > 0),
            case when new.status <> 'valid' then 'invalid' when new.trouble is null then 'valid' else 'troubled'
            || case when new.trouble like '%"held":true%' then ' held' else '' end
            || case when new.trouble like '%"suspected":true%' then ' suspected' else '' end end, 1)
    on conflict (application_id, source, provider, hosted, state) do update set grants = grants + excluded.grants;
end;
create trigger count_added_host after insert on grants
when (instr(new.settings, '"imap_host":"') > 0 or instr(new.settings, '"ews_host":"') > 0) begin
    insert into host_counts (application_id, source, host, state, grants)
    values (new.application_id, coalesce(new.credential_id, new.connector_id),
            case when instr(new.settings, '"imap_host":"') > 0 then substr(substr(new.settings, instr(new.settings, '"imap_host":"') + 13), 1, instr(substr(new.settings, instr(new.settings, '"imap_host":"') + 13), '"') - 1) when instr(new.settings, '"ews_host":"') > 0 then substr(substr(new.settings, instr(new.settings, '"ews_host":"') + 12), 1, instr(substr(new.settings, instr(new.settings, '"ews_host":"') + 12), '"') - 1) end,
            case when new.status <> 'valid' then 'invalid' when new.trouble is null then 'valid' else 'troubled'
            || case when new.trouble like '%"held":true%' then ' held' else '' end
            || case when new.trouble like '%"suspected":true%' then ' suspected' else '' end end, 1)
    on conflict (application_id, source, host, state) do update set grants = grants + excluded.grants;
end;
create trigger count_deleted_grant after delete on grants begin
    insert into grant_counts (application_id, source, provider, hosted, state, grants)
    values (old.application_id, coalesce(old.credential_id, old.connector_id), old.provider,
            (instr(old.settings, '"imap_host":"') > 0 or instr(old.settings, '"ews_host":"') > 0),
            case when old.status <> 'valid' then 'invalid' when old.trouble is null then 'valid' else 'troubled'
            || case when old.trouble like '%"held":true%' then ' held' else '' end
            || case when old.trouble like '%"suspected":true%' then ' suspected' else '' end end, -1)
    on conflict (application_id, source, provider, hosted, state) do update set grants = grants + excluded.grants;
end;
create trigger count_deleted_host after delete on grants
when (instr(old.settings, '"imap_host":"') > 0 or instr(old.settings, '"ews_host":"') > 0) begin
    insert into host_counts (application_id, source, host, state, grants)
    values (old.application_id, coalesce(old.credential_id, old.connector_id),
            case when instr(old.settings, '"imap_host":"') > 0 then substr(substr(old.settings, instr(old.settings, '"imap_host":"') + 13), 1, instr(substr(old.settings, instr(old.settings, '"imap_host":"') + 13), '"') - 1) when instr(old.settings, '"ews_host":"') > 0 then substr(substr(old.settings, instr(old.settings, '"ews_host":"') + 12), 1, instr(substr(old.settings, instr(old.settings, '"ews_host":"') + 12), '"') - 1) end,
            case when old.status <> 'valid' then 'invalid' when old.trouble is null then 'valid' else 'troubled'
            || case when old.trouble like '%"held":true%' then ' held' else '' end
            || case when old.trouble like '%"suspected":true%' then ' suspected' else '' end end, -1)
    on conflict (application_id, source, host, state) do update set grants = grants + excluded.grants;
end;
create trigger count_changed_grant after update of status, trouble, connector_id, credential_id, settings on grants
when (old.status <> new.status or old.trouble is not new.trouble or old.connector_id <> new.connector_id
      or old.credential_id is not new.credential_id or old.settings <> new.settings) begin
    insert into grant_counts (application_id, source, provider, hosted, state, grants)
    values (old.application_id, coalesce(old.credential_id, old.connector_id), old.provider,
            (instr(old.settings, '"imap_host":"') > 0 or instr(old.settings, '"ews_host":"') > 0),
            case when old.status <> 'valid' then 'invalid' when old.trouble is null then 'valid' else 'troubled'
            || case when old.trouble like '%"held":true%' then ' held' else '' end
            || case when old.trouble like '%"suspected":true%' then ' suspected' else '' end end, -1)
    on conflict (application_id, source, provider, hosted, state) do update set grants = grants + excluded.grants;
    insert into grant_counts (application_id, source, provider, hosted, state, grants)
    values (new.application_id, coalesce(new.credential_id, new.connector_id), new.provider,
            (instr(new.settings, '"imap_host":"') > 0 or instr(new.settings, '"ews_host":"') > 0),
            case when new.status <> 'valid' then 'invalid' when new.trouble is null then 'valid' else 'troubled'
            || case when new.trouble like '%"held":true%' then ' held' else '' end
            || case when new.trouble like '%"suspected":true%' then ' suspected' else '' end end, 1)
    on conflict (application_id, source, provider, hosted, state) do update set grants = grants + excluded.grants;
end;
create trigger count_left_host after update of status, trouble, connector_id, credential_id, settings on grants
when (instr(old.settings, '"imap_host":"') > 0 or instr(old.settings, '"ews_host":"') > 0)
  and (old.status <> new.status or old.trouble is not new.trouble or old.connector_id <> new.connector_id
      or old.credential_id is not new.credential_id or old.settings <> new.settings) begin
    insert into host_counts (application_id, source, host, state, grants)
    values (old.application_id, coalesce(old.credential_id, old.connector_id),
            case when instr(old.settings, '"imap_host":"') > 0 then substr(substr(old.settings, instr(old.settings, '"imap_host":"') + 13), 1, instr(substr(old.settings, instr(old.settings, '"imap_host":"') + 13), '"') - 1) when instr(old.settings, '"ews_host":"') > 0 then substr(substr(old.settings, instr(old.settings, '"ews_host":"') + 12), 1, instr(substr(old.settings, instr(old.settings, '"ews_host":"') + 12), '"') - 1) end,
            case when old.status <> 'valid' then 'invalid' when old.trouble is null then 'valid' else 'troubled'
            || case when old.trouble like '%"held":true%' then ' held' else '' end
            || case when old.trouble like '%"suspected":true%' then ' suspected' else '' end end, -1)
    on conflict (application_id, source, host, state) do update set grants = grants + excluded.grants;
end;
create trigger count_entered_host after update of status, trouble, connector_id, credential_id, settings on grants
when (instr(new.settings, '"imap_host":"') > 0 or instr(new.settings, '"ews_host":"') > 0)
  and (old.status <> new.status or old.trouble is not new.trouble or old.connector_id <> new.connector_id
      or old.credential_id is not new.credential_id or old.settings <> new.settings) begin
    insert into host_counts (application_id, source, host, state, grants)
    values (new.application_id, coalesce(new.credential_id, new.connector_id),
            case when instr(new.settings, '"imap_host":"') > 0 then substr(substr(new.settings, instr(new.settings, '"imap_host":"') + 13), 1, instr(substr(new.settings, instr(new.settings, '"imap_host":"') + 13), '"') - 1) when instr(new.settings, '"ews_host":"') > 0 then substr(substr(new.settings, instr(new.settings, '"ews_host":"') + 12), 1, instr(substr(new.settings, instr(new.settings, '"ews_host":"') + 12), '"') - 1) end,
            case when new.status <> 'valid' then 'invalid' when new.trouble is null then 'valid' else 'troubled'
            || case when new.trouble like '%"held":true%' then ' held' else '' end
            || case when new.trouble like '%"suspected":true%' then ' suspected' else '' end end, 1)
    on conflict (application_id, source, host, state) do update set grants = grants + excluded.grants;
end;

-- What queries read. On PostgreSQL it is more than the tables.
create view grant_numbers as select application_id, source, provider, hosted, state, grants from grant_counts;
create view host_numbers as select application_id, source, host, state, grants from host_counts;
