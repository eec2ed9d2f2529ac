-- The twin of 0015_order.sql: the numbers come from a sequence, which no transaction waits for.
alter table grants add column asked bigint not null default 0;

create sequence asked as bigint;

-- The latest time that was seen here: when it lies ahead, the clock was set back. One row.
create table clock (
    id bigint not null primary key,
    seen_at bigint not null
);
