-- In which order verifications began to ask: the one that made a grant's stored credential has this number. No clock takes
-- part in it. 0: from before there were numbers, and so earlier than any.
alter table grants add column asked bigint not null default 0;

-- The last number that was given away. PostgreSQL has a sequence instead.
create table numbers (
    name text not null primary key,
    last bigint not null
);
insert into numbers (name, last) values ('asked', 0);

-- The latest time that was seen here: when it lies ahead, the clock was set back. One row.
create table clock (
    id bigint not null primary key,
    seen_at bigint not null
);
