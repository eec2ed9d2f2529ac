-- The twin of 0012_overview.sql: here addresses are ordered by their bytes from now on, as in SQLite, whatever the
-- collation of the database, so that those with one beginning lie together in the index. It is made anew with this.
alter table grants alter column email_key type text collate "C";

-- How often its provider has accepted a grant's credential again since it was last authenticated or in trouble.
alter table grants add column refreshes bigint not null default 0;

-- How many grants were proven, renewed, or refused, by the hour that began then; statistics, written some seconds late.
-- outcome: verified, refreshed, or the class of a failure.
create table activity (
    application_id text not null,
    began_at bigint not null,
    provider text not null,
    outcome text not null,
    times bigint not null,
    primary key (application_id, began_at, provider, outcome)
);

-- SQLite counts within an index only if each column that it looks at is in it, what the index itself is limited to too.
create index grants_in_trouble on grants (application_id, status, created_at, id) where trouble is not null;
create index grants_by_token_end on grants (application_id, status, token_expires_at)
where token_expires_at is not null;
create index deliveries_by_failure on deliveries (application_id, webhook_id, seq) where state = 'failed';
