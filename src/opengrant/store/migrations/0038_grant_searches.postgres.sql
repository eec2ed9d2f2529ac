-- The twin of 0038_grant_searches.sql: JSON is read with other words here. External ids are found by their beginning,
-- which takes an index in the order of bytes.
create index grants_by_trouble on grants (application_id, (trouble::json ->> 'kind'), created_at, id)
where trouble is not null;
create index grants_by_external_beginning on grants (application_id, external_id collate "C")
where external_id is not null;
