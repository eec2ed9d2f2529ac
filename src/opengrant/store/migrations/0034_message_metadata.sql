-- What callers keep beside messages and drafts, by the id of a message. kind: message or draft. date: seconds, of the
-- message, when it was written. key1 to key5: their values in metadata, which can be searched for.
create table message_metadata (
    application_id text not null,
    grant_id text not null,
    message_id text not null,
    kind text not null,
    date bigint not null,
    metadata text not null,
    key1 text,
    key2 text,
    key3 text,
    key4 text,
    key5 text,
    updated_at bigint not null,
    primary key (application_id, grant_id, message_id)
);
-- Without the id, which may be long: PostgreSQL takes no more than 2,700 bytes.
create index message_metadata_key1 on message_metadata (application_id, grant_id, key1, date) where key1 is not null;
create index message_metadata_key2 on message_metadata (application_id, grant_id, key2, date) where key2 is not null;
create index message_metadata_key3 on message_metadata (application_id, grant_id, key3, date) where key3 is not null;
create index message_metadata_key4 on message_metadata (application_id, grant_id, key4, date) where key4 is not null;
create index message_metadata_key5 on message_metadata (application_id, grant_id, key5, date) where key5 is not null;
