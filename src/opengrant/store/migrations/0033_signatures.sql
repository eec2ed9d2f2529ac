-- Signatures that a grant's messages end with; body: HTML, sanitised before it is stored.
create table signatures (
    application_id text not null,
    grant_id text not null,
    id text not null,
    name text not null,
    body text not null,
    created_at bigint not null,
    updated_at bigint not null,
    primary key (application_id, grant_id, id)
);
