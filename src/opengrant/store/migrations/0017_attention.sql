-- Since when a person has to look at a grant that is valid and has only failed for days. Written by what writes its
-- trouble, and without that it means nothing.
alter table grants add column attention_at bigint;
create index grants_needing_attention on grants (attention_at)
where attention_at is not null and trouble is not null and status = 'valid';
