-- Imports: many grants at once, from rows that the caller holds. An import has batches of rows of one source, which the
-- nodes lease, and one row for each line of its input, which says what became of it.

-- digest: SHA-256 of the whole input; null while it is not known. lines: lines of the input that are stored.
-- cut_over: 1 if rows whose refresh token ends with its use wait for the cut-over. cut_over_at: when it comes by itself.
-- hold_refresh: 1 if grants are not refreshed before the cut-over. cut_at: when all of it was cut over. released: the
-- line up to which grants that were held are refreshed again.
create table imports (
    application_id text not null,
    id text not null,
    name text not null,
    state text not null,
    digest text,
    lines bigint not null,
    cut_over bigint not null,
    hold_refresh bigint not null,
    cut_over_at bigint,
    created_at bigint not null,
    started_at bigint,
    finished_at bigint,
    updated_at bigint not null,
    cut_at bigint,
    released bigint not null,
    primary key (application_id, id)
);
create unique index imports_by_digest on imports (application_id, digest);
create index imports_by_time on imports (application_id, created_at, id);

-- source: the credential, connector or mail host that the rows are verified at. state: open, staged or done.
-- paused_until, trouble: the source does not work; trouble is JSON with class, reason, remedy and since.
-- streak: failures in a row of the source that say the same.
create table import_sources (
    application_id text not null,
    import_id text not null,
    source text not null,
    provider text not null,
    state text not null,
    paused_until bigint,
    trouble text,
    streak bigint not null,
    primary key (application_id, import_id, source)
);

-- state: staged (waits for the cut-over), waiting, done. round: how often its rows have been tried; lower rounds come first.
-- The sealed rows are in secrets: owner "import", the import's id, purpose "rows <number>". When the batch is done, only
-- those rows stay that can be imported again: the refused and the failed ones.
-- owner, until: the lease. The counts are of its rows, by outcome.
create table import_batches (
    application_id text not null,
    import_id text not null,
    number bigint not null,
    source text not null,
    provider text not null,
    state text not null,
    round bigint not null,
    due_at bigint not null,
    owner text,
    until bigint not null,
    rows bigint not null,
    created bigint not null,
    renewed bigint not null,
    unchanged bigint not null,
    sign_in bigint not null,
    refused bigint not null,
    failed bigint not null,
    updated_at bigint not null,
    primary key (application_id, import_id, number)
);
create index import_batches_due on import_batches (application_id, import_id, state, round, number);

-- batch: 0 for lines that were refused as they were read. key: the caller's id of the row. grant_id: the one that the
-- row asks for, then the one that it got.
create table import_rows (
    application_id text not null,
    import_id text not null,
    line bigint not null,
    batch bigint not null,
    provider text,
    key text,
    grant_id text,
    outcome text not null,
    class text,
    reason text,
    remedy text,
    attempts bigint not null,
    at bigint,
    primary key (application_id, import_id, line)
);
create index import_rows_by_batch on import_rows (application_id, import_id, batch);
