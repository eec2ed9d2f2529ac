-- vouched: 0 where the address is only what a foreign tenant, or a server named on a sign-in page, claims. Look-ups by
-- address prefer the others. Of grants made on a sign-in page before, nothing tells which server was named there.
alter table grants add column vouched integer not null default 1;
update grants set vouched = 0 where settings like '%"email_verified":false%';

-- name_given: 1 where the caller chose the name, so that the provider's profile does not replace it.
alter table grants add column name_given integer not null default 0;
