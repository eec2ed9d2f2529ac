-- domain: lower-cased ASCII (A-labels), '' where there is none. The default workspace of an application is made
-- when it is first needed, so applications of earlier releases get theirs the same way.
create table workspaces (
    application_id text not null references applications (id),
    id text not null,
    name text not null,
    domain text not null,
    auto_group integer not null,
    is_default integer not null,
    policy_id text,
    rule_ids text not null,
    created_at bigint not null,
    updated_at bigint not null,
    primary key (application_id, id)
);
create unique index workspaces_by_domain on workspaces (application_id, domain) where domain <> '';
create unique index workspaces_default on workspaces (application_id) where is_default = 1;

-- Calls that are rationed, counted per application over a fixed window: every node of an installation counts here.
create table rations (
    application_id text not null references applications (id),
    name text not null,
    began_at bigint not null,
    calls integer not null,
    primary key (application_id, name)
);
