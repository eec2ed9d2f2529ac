-- The audit trail by type, and by actor with or without a type, in the order of its pages.
create index events_by_type on events (application_id, type, created_at, id);
create index events_by_actor on events (application_id, actor, type, created_at, id);

-- Deliveries of a webhook in each state, in the order of their pages. It replaces three indexes, two of which SQLite could
-- not use for a state that is a parameter.
create index deliveries_by_state on deliveries (application_id, webhook_id, state, seq);
drop index deliveries_by_webhook;
drop index deliveries_by_age;
drop index deliveries_by_failure;
