-- Listings read a page in the order of an index, whichever filters are given: an index for each way to sort, with the
-- provider and the standing in front. standing: invalid, or valid and in trouble or not.
alter table grants add column standing text generated always as (
    case when status <> 'valid' then 'invalid' when trouble is null then 'sound' else 'troubled' end
) virtual;

drop index grants_by_status;
drop index grants_by_provider;
drop index grants_by_workspace;
drop index grants_by_update;
drop index grants_by_email;
drop index grants_by_ip;
create index grants_by_kind on grants (application_id, provider, standing, created_at, id);
create index grants_by_kind_update on grants (application_id, provider, standing, updated_at, id, created_at);
create index grants_by_workspace on grants (application_id, workspace_id, provider, standing, created_at, id);
create index grants_by_workspace_update on grants (
    application_id, workspace_id, provider, standing, updated_at, id, created_at
);

-- The columns behind the order of these are read in the index, without the rows.
create index grants_by_update on grants (application_id, updated_at, id, created_at);
create index grants_by_email on grants (application_id, email_key, id, created_at, updated_at, provider, standing);
create index grants_by_ip on grants (application_id, ip, created_at, id, updated_at, provider, standing)
where ip is not null;

-- Addresses in the order of commits, and an index of their parts, which a job brings up to date.
create table grant_addresses (
    number integer not null primary key autoincrement,
    application_id text not null,
    grant_id text not null,
    email_key text not null
);
create unique index grant_addresses_by_grant on grant_addresses (application_id, grant_id);
create virtual table address_parts using fts5 (email_key, content = '', tokenize = 'trigram', detail = 'none');
insert into numbers (name, last) values ('addresses', 0);
-- Addresses that are gone, as long as the index has their parts.
create table forgotten_addresses (
    number integer not null primary key,
    email_key text not null
);
insert into grant_addresses (application_id, grant_id, email_key) select application_id, id, email_key from grants;

create trigger address_of_new_grant after insert on grants begin
    insert into grant_addresses (application_id, grant_id, email_key)
    values (new.application_id, new.id, new.email_key);
end;
create trigger address_of_gone_grant after delete on grants begin
    insert into forgotten_addresses (number, email_key)
    select number, email_key from grant_addresses where application_id = old.application_id and grant_id = old.id;
    delete from grant_addresses where application_id = old.application_id and grant_id = old.id;
end;
create trigger address_of_changed_grant after update of email_key on grants when old.email_key <> new.email_key begin
    insert into forgotten_addresses (number, email_key)
    select number, email_key from grant_addresses where application_id = old.application_id and grant_id = old.id;
    delete from grant_addresses where application_id = old.application_id and grant_id = old.id;
    insert into grant_addresses (application_id, grant_id, email_key)
    values (new.application_id, new.id, new.email_key);
end;
