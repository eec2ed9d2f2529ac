-- What a grant fails together with: its credential or connector and, of a password, the mail host. As store/blame.py
-- spells it; grants of a source that is held to blame are found by it, in the order of a listing.
create index grants_by_source on grants (
    application_id,
    (coalesce(credential_id, connector_id) || coalesce('/' || case when instr(settings, '"imap_host":"') > 0 then substr(substr(settings, instr(settings, '"imap_host":"') + 13), 1, instr(substr(settings, instr(settings, '"imap_host":"') + 13), '"') - 1) when instr(settings, '"ews_host":"') > 0 then substr(substr(settings, instr(settings, '"ews_host":"') + 12), 1, instr(substr(settings, instr(settings, '"ews_host":"') + 12), '"') - 1) end, '')),
    status, created_at, id
);
