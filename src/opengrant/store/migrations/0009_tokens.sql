-- What one sign-in, or one call with an API key, handed out: it is revoked as a whole. The id is that of the one-time
-- code where there was one. The absolute lifetime of refresh tokens counts from created_at, the idle one from used_at.
create table token_families (
    application_id text not null references applications (id),
    id text not null,
    grant_id text not null,
    scope text not null,
    created_at bigint not null,
    used_at bigint not null,
    revoked_at bigint,
    primary key (application_id, id)
);
create index token_families_by_grant on token_families (application_id, grant_id);
create index token_families_by_use on token_families (application_id, used_at);

-- Access and refresh tokens, by keyed digest. spent_at: when a refresh token was rotated away; it is kept for a while
-- to notice that somebody still has it.
create table tokens (
    application_id text not null references applications (id),
    digest text not null,
    family_id text not null,
    kind text not null,
    created_at bigint not null,
    expires_at bigint,
    spent_at bigint,
    primary key (application_id, digest)
);
create index tokens_by_family on tokens (application_id, family_id);
create index tokens_by_expiry on tokens (application_id, expires_at) where expires_at is not null;
