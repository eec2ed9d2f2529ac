-- Calendars that this server keeps, of virtual-calendar and nylas grants. Times are seconds: "wall" as the zone's clock
-- shows it, "…_at" in UTC, derived from it with the rules of tz_version.
create table calendars (
    application_id text not null,
    grant_id text not null,
    id text not null,
    name text not null,
    description text,
    location text,
    timezone text,
    hex_color text,
    hex_foreground_color text,
    metadata text,
    notetaker text,
    is_primary integer not null,
    version bigint not null,
    created_at bigint not null,
    updated_at bigint not null,
    primary key (application_id, grant_id, id)
);
create unique index calendars_primary on calendars (application_id, grant_id) where is_primary = 1;

-- Ids of calendars and grants are unique by themselves: keys and indexes without the application's are half as large. All
-- queries name the application too.
create table calendar_events (
    application_id text not null,
    grant_id text not null,
    calendar_id text not null,
    id text not null,
    kind text not null,
    master_id text,
    original bigint,
    ical_uid text not null,
    whole_days integer not null,
    wall bigint not null,
    zone text not null,
    later integer not null,
    duration bigint not null,
    start_zone text,
    end_zone text,
    start_at bigint not null,
    end_at bigint not null,
    tz_version text not null,
    recurrence text not null,
    series_end bigint,
    status text not null,
    busy integer not null,
    body text not null,
    metadata text,
    sequence bigint not null,
    created_at bigint not null,
    updated_at bigint not null,
    primary key (calendar_id, id)
);
-- A window of a calendar is three ranges: events of a day at most begin in it or a day before; of the few that last
-- longer, those that have not ended; and series likewise.
create index calendar_events_short on calendar_events (calendar_id, start_at, id)
    where kind <> 'series' and duration <= 86400;
create index calendar_events_long on calendar_events (calendar_id, end_at)
    where kind <> 'series' and duration > 86400;
create index calendar_events_series on calendar_events (calendar_id, end_at) where kind = 'series';
create index calendar_events_occurrences on calendar_events (calendar_id, master_id, original)
    where master_id is not null;
create index calendar_events_changed on calendar_events (calendar_id, original)
    where master_id is not null;
create index calendar_events_uid on calendar_events (calendar_id, ical_uid);
create index calendar_events_zone on calendar_events (tz_version);

-- The values of key1 to key5 of metadata, which can be searched for. kind: calendar or event.
create table calendar_keys (
    application_id text not null,
    grant_id text not null,
    kind text not null,
    calendar_id text not null,
    id text not null,
    name text not null,
    value text not null,
    start_at bigint not null,
    primary key (calendar_id, kind, id, name)
);
create index calendar_keys_value on calendar_keys (grant_id, kind, name, value, start_at, id);

-- The secret address of a calendar's feed; digest: keyed, of the token in it.
create table calendar_feeds (
    application_id text not null,
    grant_id text not null,
    calendar_id text not null,
    digest text not null,
    created_at bigint not null,
    primary key (application_id, calendar_id)
);
create unique index calendar_feeds_digest on calendar_feeds (application_id, digest);
