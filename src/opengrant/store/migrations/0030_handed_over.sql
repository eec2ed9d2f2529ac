-- When the message of a request was handed to a mail server: a repeat after a crash must not send it again.
alter table idempotency add column handed_over_at bigint;
