-- The admin plane. What belongs to it is found by its organization, as everything else by its application;
-- service accounts and nonces are the exceptions: they are how the organization of a request is found.

-- One row, named default, made when it is first needed. Every application belongs to it.
create table organizations (
    name text not null primary key,
    id text not null unique,
    region text not null,
    created_at bigint not null
);

-- public_key: a DER SubjectPublicKeyInfo. The private half was shown once and is not here.
create table service_accounts (
    id text not null primary key,
    organization_id text not null references organizations (id),
    name text not null,
    public_key bytea not null,
    permissions text not null,
    created_at bigint not null,
    revoked_at bigint
);
create index service_accounts_by_organization on service_accounts (organization_id, created_at, id);

-- Nonces of accepted signatures, for as long as their timestamps could be accepted again.
create table nonces (
    account_id text not null,
    nonce text not null,
    seen_at bigint not null,
    primary key (account_id, nonce)
);
create index nonces_by_age on nonces (account_id, seen_at);

create table domains (
    organization_id text not null references organizations (id),
    id text not null,
    address text not null,
    name text not null,
    verified_ownership integer not null default 0,
    verified_mx integer not null default 0,
    verified_spf integer not null default 0,
    verified_dkim integer not null default 0,
    verified_feedback integer not null default 0,
    created_at bigint not null,
    updated_at bigint not null,
    primary key (organization_id, id)
);
create unique index domains_by_address on domains (organization_id, address);
create index domains_by_creation on domains (organization_id, created_at, id);

-- The DNS record that was asked for, one a kind, and what became of it. A DKIM record's private key is a
-- secret of owner_kind domain, whose application_id is the organization's id.
create table domain_checks (
    organization_id text not null,
    domain_id text not null,
    kind text not null,
    host text not null,
    type text not null,
    value text not null,
    status text not null,
    message text not null,
    created_at bigint not null,
    expires_at bigint not null,
    primary key (organization_id, domain_id, kind)
);
