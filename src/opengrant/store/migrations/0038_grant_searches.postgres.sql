-- The twin of 0038_grant_searches.sql: JSON is read with other words here. External ids are found by their beginning,
-- so their index must have the order of bytes, as in 0012_overview.postgres.sql.
create index grants_by_trouble on grants (application_id, (trouble::json ->> 'kind'), created_at, id)
where trouble is not null;
alter table grants alter column external_id type text collate "C";
