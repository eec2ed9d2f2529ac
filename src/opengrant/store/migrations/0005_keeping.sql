-- What keeps a grant alive. due_at: when it is next refreshed or probed (null: never); proven_at: when its provider
-- last accepted the credential; used_at: when its token was last asked for, to the hour; generation: rises with every
-- new live secret, and writers of secrets compare and swap on it; trouble: why it does not work, as JSON.
alter table grants add column due_at bigint;
alter table grants add column proven_at bigint;
alter table grants add column used_at bigint;
alter table grants add column generation bigint not null default 1;
alter table grants add column trouble text;
update grants set proven_at = updated_at, used_at = updated_at;
update grants set due_at = coalesce(token_expires_at, updated_at + 86400000000)
where status = 'valid' and provider not in ('virtual-calendar', 'nylas');

-- A source is what fails together: a credential, or a connector whose grants bring their own passwords.
create index grants_by_due on grants (application_id, coalesce(credential_id, connector_id), due_at)
where due_at is not null;

-- Who works on a subject (a grant's id, or `spent:` and the digest of a refresh token) until when. The row is written
-- before the provider is asked and goes away with the answer: one that is left says that an answer may have been lost.
create table leases (
    application_id text not null,
    subject text not null,
    owner text not null,
    until bigint not null,
    attempts bigint not null,
    primary key (application_id, subject)
);

-- Sources in trouble: how many different grants failed alike in a row, and since when everything is held.
create table brakes (
    application_id text not null,
    source text not null,
    kind text not null,
    reason text not null,
    members text not null,
    since bigint not null,
    degraded_at bigint,
    paused_until bigint,
    probe_at bigint,
    evidence text not null,
    primary key (application_id, source)
);

-- Until when the budget of a source, or of a provider (application_id ''), is spent.
create table paces (
    application_id text not null,
    name text not null,
    spent_until bigint not null,
    primary key (application_id, name)
);

-- The outbox is the audit trail too: who did it, and what receivers are not told.
alter table events add column actor text;
alter table events add column detail text;
