-- Who uses a credential: asked when it is deleted.
create index grants_by_credential on grants (application_id, credential_id, status);

-- An id from the caller's own systems, by which a grant can be named too (`external:<id>`).
alter table grants add column external_id text;
create unique index grants_by_external on grants (application_id, external_id);

-- The first answer to a request that came with an Idempotency-Key, kept for a day. `answer` is null while the first
-- request is still under way; `request` is a keyed digest of the body, so that nothing can be read back from it.
create table idempotency (
    application_id text not null references applications (id),
    key text not null,
    request text not null,
    status integer,
    answer text,
    created_at bigint not null,
    primary key (application_id, key)
);
create index idempotency_by_age on idempotency (application_id, created_at);
