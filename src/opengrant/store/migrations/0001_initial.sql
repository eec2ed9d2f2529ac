-- One text for both engines. Every index starts with the application, so that a sharded PostgreSQL can
-- serve it; applications and api_keys are the small exceptions (they are how the application is found).
-- Times are microseconds UTC, lists and objects are JSON text, flags are 0 or 1.

create table applications (
    id text not null primary key,
    name text not null,
    identity_rule text not null default 'email',
    created_at bigint not null
);

create table api_keys (
    id text not null primary key,
    application_id text not null references applications (id),
    digest bytea not null unique,
    name text not null,
    permissions text not null,
    created_at bigint not null,
    updated_at bigint not null,
    expires_at bigint,
    revoked_at bigint,
    last_used_at bigint
);
create index api_keys_by_application on api_keys (application_id, created_at, id);

create table connectors (
    application_id text not null references applications (id),
    id text not null,
    provider text not null,
    name text not null,
    settings text not null,
    scope text not null,
    active_credential_id text,
    created_at bigint not null,
    updated_at bigint not null,
    primary key (application_id, id)
);
create unique index connectors_by_provider on connectors (application_id, provider);

create table credentials (
    application_id text not null references applications (id),
    id text not null,
    connector_id text not null,
    provider text not null,
    name text not null,
    type text not null,
    is_primary integer not null default 0,
    created_at bigint not null,
    updated_at bigint not null,
    primary key (application_id, id)
);
create unique index credentials_by_name on credentials (application_id, connector_id, name);

create table grants (
    application_id text not null references applications (id),
    id text not null,
    provider text not null,
    connector_id text not null,
    mailbox_key text not null,
    email text not null,
    email_key text not null,
    subject text,
    user_id text,
    name text,
    scope text not null,
    settings text not null,
    state text,
    status text not null,
    credential_id text,
    workspace_id text,
    ip text,
    user_agent text,
    blocked integer not null default 0,
    token_expires_at bigint,
    asked_at bigint not null,
    version bigint not null,
    created_at bigint not null,
    updated_at bigint not null,
    primary key (application_id, id)
);
create unique index grants_by_mailbox on grants (application_id, provider, mailbox_key);
create index grants_by_email on grants (application_id, email_key);
create index grants_by_creation on grants (application_id, created_at, id);
create index grants_by_update on grants (application_id, updated_at, id);
create index grants_by_status on grants (application_id, status, created_at, id);
create index grants_by_provider on grants (application_id, provider, created_at, id);
create index grants_by_connector on grants (application_id, connector_id, status);
create index grants_by_workspace on grants (application_id, workspace_id, created_at, id);

-- Every master key this database has seen, each with a canary that it sealed: a start without one of them,
-- or with another value under the same id, is noticed at once and not at the first grant that fails to open.
create table master_keys (
    id text not null primary key,
    canary bytea not null,
    created_at bigint not null,
    retired_at bigint
);

-- owner_kind: installation, credential, grant, rotation. An installation's secrets have application_id ''.
create table secrets (
    application_id text not null,
    owner_kind text not null,
    owner_id text not null,
    purpose text not null,
    key_id text not null,
    sealed bytea not null,
    updated_at bigint not null,
    primary key (application_id, owner_kind, owner_id, purpose)
);

-- The outbox: what happened, written in the transaction of its cause. Delivery reads it in order of (created_at, id).
create table events (
    application_id text not null,
    id text not null,
    type text not null,
    grant_id text,
    payload text not null,
    created_at bigint not null,
    primary key (application_id, created_at, id)
);

-- A refresh token that a verification spent (as a keyed digest, hex). Its successor is a secret of owner_kind
-- rotation, or in the grant once there is one, so that the same request sent again continues from there
-- instead of from a dead token.
create table rotations (
    application_id text not null,
    provider text not null,
    spent text not null,
    grant_id text,
    created_at bigint not null,
    primary key (application_id, provider, spent)
);
create index rotations_by_age on rotations (application_id, created_at);
