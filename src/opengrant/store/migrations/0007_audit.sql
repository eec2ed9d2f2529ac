-- What happened to one grant. The order is that of the primary key, by which everything else is found.
create index events_by_grant on events (application_id, grant_id, created_at, id) where grant_id is not null;
