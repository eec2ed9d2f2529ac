-- A hosted sign-in from the first redirect to its end. ask: what the application wants, as JSON; browser and secret:
-- keyed digests of the cookie and of the state that only this user's browser has; provider: the one that was chosen.
create table logins (
    application_id text not null,
    id text not null,
    ask text not null,
    browser text not null,
    secret text not null,
    provider text,
    created_at bigint not null,
    expires_at bigint not null,
    used_at bigint,
    primary key (application_id, id)
);
create index logins_by_expiry on logins (application_id, expires_at);

-- What a sign-in has proven, until the application collects it with the one-time code whose keyed digest this is. The
-- proof itself is a secret of owner_kind login.
create table login_codes (
    application_id text not null,
    id text not null,
    login_id text not null,
    ask text not null,
    provider text not null,
    asked_at bigint not null,
    expires_at bigint not null,
    used_at bigint,
    primary key (application_id, id)
);
create index login_codes_by_expiry on login_codes (application_id, expires_at);
