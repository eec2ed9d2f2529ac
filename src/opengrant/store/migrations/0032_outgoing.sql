-- Messages that are sent later. The message itself is sealed, in pieces: secrets with owner_kind outgoing and its id as
-- owner. run_at: when it is tried next, or when the claim of `owner` ends. handed_at: since when it may have been sent.
create table outgoing (
    application_id text not null,
    grant_id text not null,
    id text not null,
    message_id text not null,
    host text not null,
    size bigint not null,
    state text not null,
    send_at bigint not null,
    run_at bigint not null,
    owner text,
    attempts integer not null,
    handed_at bigint,
    outcome text,
    closed_at bigint,
    created_at bigint not null,
    primary key (application_id, grant_id, id)
);
create index outgoing_due on outgoing (run_at, grant_id, host, size) where state = 'pending';
create index outgoing_room on outgoing (application_id, grant_id, size) where state = 'pending';
create index outgoing_closed on outgoing (application_id, send_at) where state <> 'pending';
