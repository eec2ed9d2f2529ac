-- What an application wants of its mail, a JSON object.
alter table applications add column mail_settings text not null default '{}';
