-- The twin of 0022_lists.sql: the column is stored, so that an index may answer alone.
-- Listings read a page in the order of an index, whichever filters are given: an index for each way to sort, with the
-- provider and the standing in front. standing: invalid, or valid and in trouble or not.
alter table grants add column standing text generated always as (
    case when status <> 'valid' then 'invalid' when trouble is null then 'sound' else 'troubled' end
) stored;

drop index grants_by_status;
drop index grants_by_provider;
drop index grants_by_workspace;
drop index grants_by_update;
drop index grants_by_email;
drop index grants_by_ip;
create index grants_by_kind on grants (application_id, provider, standing, created_at, id);
create index grants_by_kind_update on grants (application_id, provider, standing, updated_at, id) include (created_at);
create index grants_by_workspace on grants (application_id, workspace_id, provider, standing, created_at, id);
create index grants_by_workspace_update on grants (
    application_id, workspace_id, provider, standing, updated_at, id
) include (created_at);

-- The columns behind the order of these are read in the index, without the rows.
create index grants_by_update on grants (application_id, updated_at, id) include (created_at);
create index grants_by_email on grants (application_id, email_key) include (
    id, created_at, updated_at, provider, standing
);
create index grants_by_ip on grants (application_id, ip, created_at, id)
include (updated_at, provider, standing)
where ip is not null;

-- The parts of an address, hashed with the application: so each entry of the index belongs to one.
create function address_parts(application_id text, email_key text) returns bigint[]
language sql immutable parallel safe as $$
    select coalesce(array_agg(hashtextextended(substr(email_key, n, 3), hashtextextended(application_id, 0))), '{}')
    from generate_series(1, length(email_key) - 2) n
$$;
create table grant_addresses (
    application_id text not null,
    grant_id text not null,
    parts bigint[] not null,
    primary key (application_id, grant_id)
);
insert into grant_addresses (application_id, grant_id, parts)
select application_id, id, address_parts(application_id, email_key) from grants;
create index grant_addresses_by_part on grant_addresses using gin (parts);

create function keep_address() returns trigger language plpgsql as $$
begin
    if tg_op <> 'INSERT' then
        delete from grant_addresses where application_id = old.application_id and grant_id = old.id;
    end if;
    if tg_op <> 'DELETE' then
        insert into grant_addresses (application_id, grant_id, parts)
        values (new.application_id, new.id, address_parts(new.application_id, new.email_key));
    end if;
    return null;
end $$;
create trigger keep_address after insert or delete on grants for each row execute function keep_address();
create trigger keep_changed_address after update of email_key on grants for each row
when (old.email_key <> new.email_key) execute function keep_address();
