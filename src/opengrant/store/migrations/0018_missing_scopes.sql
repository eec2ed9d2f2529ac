-- Which of the scopes that were asked for a grant's provider did not grant: a JSON list.
-- The release before names the columns that it writes, so the default serves it.
alter table grants add column missing_scopes text not null default '[]';
