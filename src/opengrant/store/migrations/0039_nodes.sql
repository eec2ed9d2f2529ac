-- The processes of an installation. Each writes its row twice a minute; rows of processes that have ended are swept.
create table nodes (
    id text not null primary key,
    host text not null,
    pid bigint not null,
    version text not null,
    started_at bigint not null,
    seen_at bigint not null
);
