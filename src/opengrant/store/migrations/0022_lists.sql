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
