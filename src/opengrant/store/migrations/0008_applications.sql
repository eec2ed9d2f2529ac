-- What an application says about itself, each a JSON object; updated_at: when it last did.
alter table applications add column branding text not null default '{}';
alter table applications add column hosted_authentication text not null default '{}';
alter table applications add column idp_settings text not null default '{}';
alter table applications add column additional_settings text not null default '{}';
alter table applications add column domain text not null default '';
alter table applications add column updated_at bigint;

-- Where hosted sign-in may lead back to. url is compared byte for byte.
create table redirect_uris (
    application_id text not null references applications (id),
    id text not null,
    url text not null,
    platform text not null,
    settings text not null,
    created_at bigint not null,
    updated_at bigint not null,
    primary key (application_id, id)
);
create unique index redirect_uris_by_url on redirect_uris (application_id, url);

-- Which web pages may call from a browser; derived from redirect_uris and idp_settings, and written with them.
-- A preflight names no application: its origin is all there is to look for.
create table browser_origins (
    application_id text not null references applications (id),
    origin text not null,
    primary key (application_id, origin)
);
create index browser_origins_by_origin on browser_origins (origin);
