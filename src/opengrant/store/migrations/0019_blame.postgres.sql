-- The twin of 0019_blame.sql, which says what it is for: JSON is read with other words here.
create index grants_by_source on grants (
    application_id,
    (coalesce(credential_id, connector_id) || coalesce('/' || coalesce(settings::json ->> 'imap_host', settings::json ->> 'ews_host'), '')),
    status, created_at, id
);
