-- Where events go. triggers is a JSON list; status: active, failing, failed, pause, or deleted (its deliveries are being
-- removed, nobody sees it). The window_ columns count how attempts ended since window_at, to judge by.
create table webhooks (
    application_id text not null references applications (id),
    id text not null,
    url text not null,
    triggers text not null,
    description text,
    emails text not null,
    compressed integer not null,
    status text not null,
    status_updated_at bigint not null,
    created_at bigint not null,
    updated_at bigint not null,
    window_at bigint,
    window_failed bigint not null default 0,
    window_all bigint not null default 0,
    primary key (application_id, id)
);

-- The twin of 0006_webhooks.sql: here a sequence numbers the deliveries.
-- One event on its way to one destination, written with the event. state: pending, delivered or failed. subject: what
-- keeps its order, a grant's id or ''. due_at: when a pending one is taken up next; whoever takes it moves it past the
-- time by which he is done, so that it comes again if he never is. queued_at: since when it is tried.
create table deliveries (
    application_id text not null,
    seq bigint not null generated always as identity,
    webhook_id text not null,
    event_id text not null,
    type text not null,
    subject text not null,
    payload text not null,
    created_at bigint not null,
    queued_at bigint not null,
    due_at bigint not null,
    state text not null,
    attempts bigint not null,
    owner text,
    outcome text,
    ended_at bigint,
    primary key (application_id, seq)
);
create index deliveries_by_due on deliveries (application_id, webhook_id, due_at, seq) where state = 'pending';
create index deliveries_by_subject on deliveries (application_id, webhook_id, subject, seq) where state = 'pending';
create index deliveries_by_age on deliveries (application_id, webhook_id, seq) where state = 'pending';
create index deliveries_by_webhook on deliveries (application_id, webhook_id, seq);
create index deliveries_by_event on deliveries (application_id, event_id);
create index deliveries_by_end on deliveries (application_id, ended_at) where ended_at is not null;
