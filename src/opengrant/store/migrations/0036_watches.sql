-- Mailboxes whose changes webhooks want to be told. due_at: when the mailbox is looked at next, null while a process has it
-- (owner); fence: grows with each owner, so that a former one cannot write; asked_at: when its server was last logged in
-- to; looked_at: up to when changes are known; folders: what is known of its folders, as JSON, null before the first look.
create table mail_watches (
    application_id text not null,
    grant_id text not null,
    due_at bigint,
    owner text,
    fence bigint not null default 0,
    failures bigint not null default 0,
    asked_at bigint not null default 0,
    looked_at bigint,
    folders text,
    primary key (application_id, grant_id)
);
create index mail_watches_by_due on mail_watches (application_id, due_at) where due_at is not null;
create index mail_watches_by_owner on mail_watches (application_id, owner) where owner is not null;

-- The known messages of a folder, 128 numbers to a page: uid, flags and id of each, packed.
create table mail_pages (
    application_id text not null,
    grant_id text not null,
    folder bigint not null,
    page bigint not null,
    messages bytea not null,
    primary key (application_id, grant_id, folder, page)
);

-- Processes that watch mailboxes, and until when they are taken to be alive.
create table mail_watchers (
    owner text not null primary key,
    until bigint not null
);
