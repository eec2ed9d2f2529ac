-- What each attempt to deliver sent, and what the receiver answered: the latest ten, as a JSON list, oldest first.
alter table deliveries add column history text;

-- Why the latest attempt at a destination failed and since when attempts fail, as JSON; null after one that went well.
alter table webhooks add column failure text;

-- The requests of the last day, many to a row: what a process has answered in a few seconds, as compressed JSON.
-- application_id: '' for requests without one. failed: 1 for those that were answered with an error. since, until: times
-- of the first and the last request in it. size: bytes of entries.
create table request_batches (
    application_id text not null,
    failed bigint not null,
    until bigint not null,
    id text not null,
    since bigint not null,
    size bigint not null,
    entries bytea not null,
    primary key (application_id, failed, until, id)
);
