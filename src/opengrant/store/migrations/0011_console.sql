-- Who is signed in to the console. digest: keyed, of the cookie. Without api_key_id it was begun with a link, by whoever
-- has the command line; with one it ends as the key does. Like a key it is found by its digest alone, since it is how
-- the application of a request is found. used_at is written about once a minute.
create table console_sessions (
    id text not null primary key,
    application_id text not null references applications (id),
    digest text not null unique,
    api_key_id text references api_keys (id),
    created_at bigint not null,
    used_at bigint not null,
    expires_at bigint not null
);
create index console_sessions_by_application on console_sessions (application_id, created_at, id);

-- Links that begin a session, by the keyed digest of their code. A link that was used is gone.
create table console_links (
    id text not null primary key,
    application_id text not null references applications (id),
    digest text not null unique,
    created_at bigint not null,
    expires_at bigint not null
);
create index console_links_by_expiry on console_links (application_id, expires_at);
