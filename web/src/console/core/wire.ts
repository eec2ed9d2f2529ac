/** The answers of our public API, by web/wire.py from /openapi.json: do not edit. Times are Unix seconds. */

/** Statistics: a process that is killed loses the last seconds of its counts. */
export interface Activity {
    bucket_seconds: 3600 | 86400;
    /** Oldest first, empty ones too; the last one is under way. */
    buckets: ActivityBucket[];
}

/** What came out in an hour or a day. */
export interface ActivityBucket {
    /** Unix seconds of its beginning; days begin at midnight UTC. */
    at: number;
    /** Credentials that were proven: connect/custom, hosted sign-in, and changes of credentials. */
    verified: number;
    /** Stored credentials that were renewed or proven again. */
    refreshed: number;
    /** Attempts to renew or prove a stored credential that failed, all classes together. */
    failed: number;
    /** The same by class: reconnect, connector, provider_down, rate_limited, bad_request, unknown. */
    failures: Record<string, number>;
}

/** Where notifications come from, as far as the operator has said so. */
export interface Addresses {
    ip_addresses: string[];
    /** Unix seconds. */
    updated_at: number;
}

/** An API key, without its secret. */
export interface ApiKey {
    id: string;
    application_id: string;
    name: string;
    permissions: ("all" | "grants.token" | "grants.credential" | "grants.proxy" | "grants.mail")[];
    status: "active" | "expired" | "revoked";
    created_at: number;
    updated_at: number;
    /** Absent when it does not expire. */
    expires_at?: number;
    /** Seconds from its creation. */
    expires_in?: number;
    /** Unix seconds, some of them late; absent before its first use. */
    last_used_at?: number;
}

export type Assigned = Record<string, unknown>;

/** A part of a message that is no text to be shown. */
export interface Attachment {
    /** Of this message alone: pass `message_id` with it. */
    id: string;
    grant_id: string;
    filename?: string;
    content_type: string;
    /** Bytes as they were sent: encoded, a third more than the file where it is Base64. */
    size: number;
    /** By which the message's HTML shows it. */
    content_id?: string;
    content_disposition?: string;
    is_inline: boolean;
}

/** What is verified, and by which record. */
export interface Attempt {
    type: "ownership" | "mx" | "spf" | "dkim" | "feedback";
    options: RecordOptions;
}

/** Something that was done. */
export interface AuditEntry {
    id: string;
    /** Unix seconds. */
    at: number;
    /** What was done. */
    type:
        | "api_key.created"
        | "api_key.revoked"
        | "application.created"
        | "application.updated"
        | "calendar.feed_created"
        | "calendar.feed_revoked"
        | "connector.created"
        | "connector.degraded"
        | "connector.deleted"
        | "connector.recovered"
        | "connector.tested"
        | "connector.updated"
        | "console_link.created"
        | "console_session.created"
        | "console_session.ended"
        | "credential.created"
        | "credential.deleted"
        | "credential.updated"
        | "domain.created"
        | "domain.deleted"
        | "domain.record_issued"
        | "domain.updated"
        | "domain.verified"
        | "grant.blocked"
        | "grant.checked"
        | "grant.created"
        | "grant.credential_read"
        | "grant.deleted"
        | "grant.expired"
        | "grant.failing"
        | "grant.mail_read"
        | "grant.needs_attention"
        | "grant.proxied"
        | "grant.recovered"
        | "grant.restored"
        | "grant.token_read"
        | "grant.unblocked"
        | "grant.updated"
        | "master_key.resealing"
        | "redirect_uri.created"
        | "redirect_uri.deleted"
        | "redirect_uri.updated"
        | "service_account.created"
        | "service_account.revoked"
        | "signing_key.rotated"
        | "token.issued"
        | "token.reused"
        | "token.revoked"
        | "webhook.created"
        | "webhook.deleted"
        | "webhook.replayed"
        | "webhook.secret_rotated"
        | "webhook.updated"
        | "workspace.assigned"
        | "workspace.created"
        | "workspace.deleted"
        | "workspace.grouped"
        | "workspace.updated";
    /** Who did it: `key:<id>`, `service_account:<id>`, `console:<id>`, `cli:<user>`, `clock`, `start` or `anonymous`. */
    actor?: string;
    /** To which grant, if it was one. */
    grant_id?: string;
    /** The request that asked for it, as in the log. */
    request_id?: string;
    /** What else there is to know: ids, names of changed fields, reasons. Never a secret. */
    detail: Record<string, unknown>;
}

/** A grouping that has begun. */
export interface AutoGroupJob {
    /** Stands in the log when it is done. */
    job_id: string;
    message: string;
}

/** `order` only for a round robin: who is next comes first. */
export interface Availability {
    order?: string[];
    time_slots: AvailableSlot[];
}

export interface AvailableSlot {
    emails: string[];
    start_time: number;
    end_time: number;
}

/** What a page changes of the branding, so that it can be read. */
export interface BrandingRemark {
    /** As `hosted_authentication.color_primary`. */
    field: string;
    message: string;
}

/** A login at a CalDAV server. */
export interface CaldavLogin {
    principal_url: string;
    /** The collection of the calendars. */
    home_url?: string;
    username: string;
    password: string;
}

/** A calendar that this server keeps. */
export interface Calendar {
    id: string;
    grant_id: string;
    object: string;
    name: string;
    description?: string;
    location?: string;
    /** IANA name. Without one, whole days are those of UTC. */
    timezone?: string;
    hex_color?: string;
    hex_foreground_color?: string;
    is_primary: boolean;
    is_owned_by_user: boolean;
    read_only: boolean;
    metadata?: Record<string, string>;
    notetaker?: Record<string, unknown>;
}

/** The message is not sent. */
export interface Cancelled {
    message: string;
}

/** A message, and what it says by itself. */
export interface CleanMessage {
    /** Its Message-ID, where it has one. */
    id: string;
    grant_id: string;
    object: string;
    thread_id?: string;
    subject?: string;
    from?: MailAddress[];
    to?: MailAddress[];
    cc?: MailAddress[];
    bcc?: MailAddress[];
    reply_to?: MailAddress[];
    /** When the mail server received it. */
    date?: number;
    created_at?: number;
    unread?: boolean;
    starred?: boolean;
    /** The folder in which it was found. */
    folders?: string[];
    attachments?: Attachment[];
    /** HTML as it was sent, and plain text where there is no HTML. It was written by a stranger: sanitise it. */
    body?: string;
    /** The first 100 characters of the text. */
    snippet?: string;
    /** What was kept with it here. */
    metadata?: Record<string, string>;
    /** With `fields=include_headers` or `include_basic_headers`. */
    headers?: HeaderField[];
    /** With `fields=include_tracking_options`, and of what was sent with them. */
    tracking_options?: Tracking;
    /** With `fields=raw_mime`: the message, in URL-safe Base64. */
    raw_mime?: string;
    /** Text or Markdown: without quotations, signatures, and what is not visible in the message. */
    conversation: string;
}

/** In the order of the request. */
export type CleanMessages = CleanMessage[];

/** An application's settings for one provider. */
export interface Connector {
    name: string;
    provider: ProviderName;
    /** What may be read again: client_id, tenant, topic_name. */
    settings: Record<string, unknown>;
    /** Default scopes of grants made through it. */
    scope: string[];
    /** The credential used when a request names none. */
    active_credential_id?: string;
}

/** A console session. The session cookie is not part of it. */
export interface ConsoleSession {
    id: string;
    /** What it was begun with. */
    kind: "api_key" | "link";
    application_id: string;
    application_name: string;
    /** The key; absent with a link. */
    api_key_id?: string;
    /** Of the key as it is now; `all` with a link. */
    permissions: string[];
    /** True with a link: it may call what otherwise asks for a signature, for its own application. */
    operator: boolean;
    created_at: number;
    /** Its last use, to the minute. */
    used_at: number;
    /** When it ends at the latest. */
    expires_at: number;
    /** It ends earlier when it is not used for as long as this. */
    idle_seconds: number;
}

/** A person who wrote to the mailbox, or was written to. Fields that are not selected are left out. */
export interface Contact {
    id: string;
    grant_id: string;
    object: string;
    source?: string;
    /** As the last message names them. */
    display_name?: string;
    /** What comes before the last blank of the name. */
    given_name?: string;
    /** What follows it. */
    surname?: string;
    emails?: ContactEmail[];
    /** Empty, as the lists that follow. */
    phone_numbers?: string[];
    physical_addresses?: string[];
    im_addresses?: string[];
    web_pages?: string[];
    groups?: string[];
}

/** An address of a contact. */
export interface ContactEmail {
    email: string;
    type: "other";
}

/** A group of contacts. */
export interface ContactGroup {
    id: string;
    grant_id: string;
    object: string;
}

/** A credential of a connector. What it holds is never shown. */
export interface Credential {
    id: string;
    name: string;
    created_at: number;
    updated_at: number;
}

/** The database of the installation. */
export interface Database {
    engine: "sqlite" | "postgres";
    version: string;
    /** What it takes on its disk. */
    bytes: number;
}

/** A connector, a credential of it, or a mail host, whose grants fail alike and are held. */
export interface DegradedSource {
    provider: ProviderName;
    /** As events carry it in integration_id. */
    connector_id: string;
    /** Of the credential; absent where grants bring passwords of their own. */
    credential_id?: string;
    /** Of the mail host. */
    host?: string;
    since: number;
    class: string;
    reason: string;
    /** The provider's own word. */
    provider_code?: string;
    remedy: string;
    /** How many valid grants depend on it. */
    grants: number;
    /** Unix seconds when one or two of them try again. */
    probe_at?: number;
}

/** It is gone. */
export interface Deleted {
    status?: "success";
}

/** An event on its way to a webhook, or how that ended. */
export interface Delivery {
    /** What replaying names. */
    id: string;
    /** Where it goes. */
    webhook_id: string;
    /** The `id` of the notification, which stays the same however often it is sent. */
    event_id: string;
    /** What happened. */
    type:
        | "grant.created"
        | "grant.updated"
        | "grant.deleted"
        | "grant.expired"
        | "grant.imap_sync_completed"
        | "calendar.created"
        | "calendar.updated"
        | "calendar.deleted"
        | "event.created"
        | "event.updated"
        | "event.deleted"
        | "message.created"
        | "message.created.cleaned"
        | "message.updated"
        | "message.deleted"
        | "message.send_success"
        | "message.send_failed"
        | "message.bounce_detected"
        | "message.bounced"
        | "message.complaint"
        | "message.delivered"
        | "message.rejected"
        | "message.opened"
        | "message.opened.legacy"
        | "message.link_clicked"
        | "message.link_clicked.legacy"
        | "message.transactional.bounced"
        | "message.transactional.complaint"
        | "message.transactional.delivered"
        | "message.transactional.rejected"
        | "thread.replied"
        | "thread.replied.legacy"
        | "message.intelligence.order"
        | "message.intelligence.return"
        | "message.intelligence.tracking"
        | "message.intelligence.travel"
        | "contact.created"
        | "contact.updated"
        | "contact.deleted"
        | "folder.created"
        | "folder.updated"
        | "folder.deleted"
        | "booking.created"
        | "booking.pending"
        | "booking.rescheduled"
        | "booking.cancelled"
        | "booking.reminder"
        | "notetaker.created"
        | "notetaker.updated"
        | "notetaker.deleted"
        | "notetaker.meeting_state"
        | "notetaker.media"
        | "connector.degraded"
        | "connector.recovered";
    /** Whose event it is, if it is a grant's. */
    grant_id?: string;
    /** `pending`: it will be tried, now or later. `failed`: given up, until it is replayed. */
    state: "pending" | "delivered" | "failed";
    /** With the one under way. */
    attempts: number;
    /** How the last attempt ended: an HTTP status, or a word such as `timeout`. Absent before the first. */
    outcome?: string;
    /** Unix seconds of the event. */
    created_at: number;
    /** While it is pending: not before then. */
    next_try_at?: number;
    /** Once it is delivered or failed. */
    ended_at?: number;
}

/** An application. */
export interface Details {
    /** Also the client_id of hosted sign-in. */
    application_id: string;
    organization_id: string;
    region: "us" | "eu";
    environment: "production";
    default_workspace_id: string;
    branding: Record<string, unknown>;
    hosted_authentication: Record<string, unknown>;
    idp_settings?: Record<string, unknown>;
    mail_settings?: Record<string, unknown>;
    domain?: string;
    callback_uris: RedirectUri[];
    /** Unix seconds. */
    created_at: number;
    updated_at: number;
}

/** How the address can be connected, if anybody can tell. */
export interface Detection {
    /** As sent. */
    email_address: string;
    detected: boolean;
    provider?: ProviderName;
    /** With provider `imap`: the service behind it, where it has a name. */
    type?: string;
}

/** A registered domain. All fields are always there. */
export interface Domain {
    id: string;
    name: string;
    /** A subdomain lent by the service; here never. */
    branded: boolean;
    domain_address: string;
    organization_id: string;
    region: "us" | "eu";
    verified_ownership: boolean;
    verified_dkim: boolean;
    verified_spf: boolean;
    verified_mx: boolean;
    verified_feedback: boolean;
    /** Never checked. */
    verified_dmarc: boolean;
    /** Never checked. */
    verified_arc: boolean;
    created_at: number;
    updated_at: number;
}

/** A draft. Fields that were not asked for are left out. */
export interface Draft {
    /** Its Message-ID, where it has one. It stays the same when the draft is changed. */
    id: string;
    grant_id: string;
    object: string;
    thread_id?: string;
    subject?: string;
    from?: MailAddress[];
    to?: MailAddress[];
    cc?: MailAddress[];
    bcc?: MailAddress[];
    reply_to?: MailAddress[];
    /** When the mail server received it. */
    date?: number;
    created_at?: number;
    unread?: boolean;
    starred?: boolean;
    /** The folder in which it was found. */
    folders?: string[];
    attachments?: Attachment[];
    /** HTML as it was sent, and plain text where there is no HTML. It was written by a stranger: sanitise it. */
    body?: string;
    /** The first 100 characters of the text. */
    snippet?: string;
    /** What was kept with it here. */
    metadata?: Record<string, string>;
    /** The message that it answers. */
    reply_to_message_id?: string;
    /** When it was saved last. */
    updated_at?: number;
}

/** An event, a series, or one occurrence of a series, which has a `master_event_id`. */
export interface Event {
    id: string;
    grant_id: string;
    object: string;
    calendar_id: string;
    title?: string;
    description?: string;
    text_description?: string;
    location?: string;
    when: When;
    busy: boolean;
    participants: Record<string, unknown>[];
    resources?: Record<string, unknown>[];
    capacity?: number;
    conferencing?: Record<string, unknown>;
    reminders?: Record<string, unknown>;
    recurrence?: string[];
    metadata?: Record<string, string>;
    visibility?: string;
    hide_participants: boolean;
    notetaker?: Record<string, unknown>;
    /** `confirmed`, `maybe` or `cancelled`. */
    status: string;
    organizer?: Record<string, unknown>;
    read_only: boolean;
    ical_uid: string;
    master_event_id?: string;
    original_start_time?: number;
    created_at: number;
    updated_at: number;
    /** Of an Agent Account's event with participants, when it is created, changed or answered. */
    opengrant?: Notified;
}

/** A login at an Exchange server. */
export interface ExchangeLogin {
    /** The endpoint of Exchange Web Services. */
    url: string;
    /** `ntlm`, `negotiate` or `basic`: what the server took. */
    auth?: string;
    /** The schema that the server takes. */
    version?: string;
    /** The address by which the server knows the mailbox. */
    mailbox?: string;
    username: string;
    password: string;
}

/** What is about to happen. */
export interface Expiring {
    /** Tokens of valid grants that end within an hour; they are renewed before. 10000 means 10,000 or more. */
    tokens_within_hour: number;
    /** 10000 means 10,000 or more. */
    tokens_within_day: number;
    /** Grants that should have been looked after a minute ago or longer: budgets are spent, a connector is degraded, or nothing does the background work. 10000 means 10,000 or more. */
    overdue: number;
    /** Refusals that will be asked about once more before they end their grants. */
    suspected: number;
}

/** The address of a calendar's feed. It is shown this once. */
export interface Feed {
    /** Subscribe to it as it is. It is a secret. */
    url: string;
    created_at: number;
}

/** A folder of a mailbox. */
export interface Folder {
    id: string;
    grant_id: string;
    object: string;
    /** With the names of the folders that it lies in, and the mail server's separator between them. */
    name: string;
    /** As the mail server says them: `\Sent`, `\Trash`, … */
    attributes: string[];
    /** Its messages, where the mail server counts them. */
    total_count?: number;
    unread_count?: number;
}

/** `object` is `free_busy`, or `error` with a sentence about an address that cannot be looked up. */
export interface FreeBusy {
    email: string;
    object: string;
    time_slots?: TimeSlot[];
    error?: string;
}

/** In the order of the request. */
export type FreeBusyList = FreeBusy[];

/** One mailbox, proven. Optional fields are absent when unknown, never null. */
export interface Grant {
    /** Stays the same when the same mailbox comes again. */
    id: string;
    provider: ProviderName;
    /** What the grant may do; Google in full URLs, others in short names. */
    scope: string[];
    /** `invalid`: the owner must connect again. */
    grant_status: "valid" | "invalid";
    /** The address; for virtual calendars the identifier. */
    email: string;
    /** Hosts, ports and user names where the provider has such; never a secret. Agent Accounts have `has_app_password`: whether IMAP and SMTP are open. `email_verified` is there, and false, where Microsoft does not vouch for the address. */
    settings: Record<string, unknown>;
    blocked: boolean;
    /** Unix seconds. */
    created_at: number;
    /** Unix seconds of the last successful authentication. */
    updated_at: number;
    name?: string;
    state?: string;
    provider_user_id?: string;
    /** The connector credential in use. */
    credential_id?: string;
    workspace_id?: string;
    ip?: string;
    user_agent?: string;
    /** Other addresses of the mailbox, asked of Google or Microsoft just now; only with expose_aliases. */
    email_aliases?: string[];
    /** Our addition: proof of life, and the reason when something is wrong. */
    opengrant: GrantHealth;
}

/** What a grant shares its fate with: its credential or connector, of a password its mail host. */
export interface GrantDegraded {
    /** Unix seconds since when it is held to blame. */
    since: number;
    /** The mail host; absent when it is the credential or connector. */
    host?: string;
    /** As in trouble. */
    class: string;
    reason: string;
    provider_code?: string;
    remedy: string;
    /** Unix seconds when it is tried again. */
    probe_at?: number;
}

/** What is known about a grant's credential. */
export interface GrantHealth {
    /** Unix seconds when the provider last accepted it. */
    proven_at?: number;
    /** Unix seconds when it is refreshed or proven next; absent when there is nothing to check. */
    next_check_at?: number;
    /** How often its provider has accepted it again since it was last authenticated or in trouble. */
    refreshes: number;
    /** Unix seconds when the refresh token ends, whatever is done: the owner must sign in again before. Google names a time for apps in testing (seven days) and for access that was given for a time. */
    refresh_token_expires_at?: number;
    /** Stays until something succeeds. A grant that has none of its own has that of its source, while that is degraded or its provider wants a pause for it. */
    trouble?: GrantTrouble;
    /** There while many grants of the same source fail alike, so that the source is to blame. */
    degraded?: GrantDegraded;
    /** What was asked for, by the request or else by the connector, and was not granted; absent when there is nothing such. A scope that a granted one covers is not among them; nor is any where the provider does not tell. */
    missing_scopes?: string[];
}

/** Why a grant does not work: for a moment, or for good when its grant_status is invalid. */
export interface GrantTrouble {
    /** Who has to act. reconnect: the mailbox owner. connector: you, about client id, secret or tenant. bad_request: you, about the request. provider_down and rate_limited: no action is needed. unknown: the cause is not known. */
    class: "reconnect" | "connector" | "provider_down" | "rate_limited" | "bad_request" | "unknown";
    /** A stable word for programs: docs/operating.md lists them. */
    reason: string;
    /** The provider's own word. */
    provider_code: string;
    /** The provider's own sentence. */
    provider_text?: string;
    /** What to do next, and who. */
    remedy: string;
    first_seen: number;
    last_seen: number;
    /** In a row. 0: of the grant itself there is none, it is its source that fails or wants a pause. */
    failures: number;
    /** A refusal that will be asked about once more before it ends the grant. */
    suspected: boolean;
    /** Many grants fail alike: the connector or its provider is looked into, and the grant stays valid meanwhile. */
    held: boolean;
    /** true: it has failed for days (OPENGRANT_REFRESH__ATTENTION_AFTER) with answers that prove nothing, so a person has to look at the provider's own words. The grant stays valid. */
    needs_attention?: boolean;
}

/** A header field as it was sent, unfolded and not decoded. */
export interface HeaderField {
    name: string;
    value: string;
}

export interface Health {
    status: "ok";
}

/** What came of an import. What is counted here is stored. */
export interface Imported {
    created: number;
    updated: number;
    /** These were there already, alike. */
    unchanged: number;
    skipped: SkippedEvent[];
}

/** What runs here. */
export interface Installation {
    version: string;
    python: string;
    system: string;
    /** When this process started, in Unix seconds. */
    started_at: number;
    database: Database;
    /** Processes that were seen in the last 90 seconds, at most 200, those that run longest first. */
    nodes: Process[];
    /** In the order in which they run. */
    migrations: Migration[];
    /** Those that have not run. */
    pending_migrations: string[];
    /** In the order of docs/settings.md. Processes that were started with others have others. */
    settings: Setting[];
}

/** A JSON Web Key Set. */
export interface KeySet {
    /** The present key, and the one before it. */
    keys: Record<string, string>[];
}

/** An access token of the provider that works now. */
export interface LiveToken {
    access_token: string;
    token_type?: "Bearer";
    /** Unix seconds. */
    expires_at: number;
    scope: string[];
}

/** An address in a header. */
export interface MailAddress {
    email: string;
    name: string;
}

/** A login at an IMAP or SMTP server. */
export interface MailServerLogin {
    host: string;
    port: number;
    /** How the connection was secured when the login was proven. */
    security: "tls" | "starttls" | "plain";
    username: string;
    password: string;
}

/** A message. Fields that were not asked for are left out. */
export interface Message {
    /** Its Message-ID, where it has one. */
    id: string;
    grant_id: string;
    object: string;
    thread_id?: string;
    subject?: string;
    from?: MailAddress[];
    to?: MailAddress[];
    cc?: MailAddress[];
    bcc?: MailAddress[];
    reply_to?: MailAddress[];
    /** When the mail server received it. */
    date?: number;
    created_at?: number;
    unread?: boolean;
    starred?: boolean;
    /** The folder in which it was found. */
    folders?: string[];
    attachments?: Attachment[];
    /** HTML as it was sent, and plain text where there is no HTML. It was written by a stranger: sanitise it. */
    body?: string;
    /** The first 100 characters of the text. */
    snippet?: string;
    /** What was kept with it here. */
    metadata?: Record<string, string>;
    /** With `fields=include_headers` or `include_basic_headers`. */
    headers?: HeaderField[];
    /** With `fields=include_tracking_options`, and of what was sent with them. */
    tracking_options?: Tracking;
    /** With `fields=raw_mime`: the message, in URL-safe Base64. */
    raw_mime?: string;
}

/** A change of the database's schema that has run. */
export interface Migration {
    name: string;
    /** Unix seconds. */
    applied_at: number;
}

/** Something that happened to a grant. */
export interface Moment {
    id: string;
    /** Unix seconds. */
    at: number;
    /** verified (for the first time), reauthenticated, refreshed, failing, recovered, expired, invalidated, restored, updated, blocked, unblocked, checked, token_read, or token_issued and the like for OpenGrant's own access tokens. */
    type: string;
    /** Who did it, as in the audit trail; absent where the server did it by itself. */
    actor?: string;
    /** The request that asked for it, as in the log. */
    request_id?: string;
    /** Of trouble: reconnect, connector, provider_down, rate_limited, bad_request or unknown. */
    class?: string;
    /** Of trouble, a stable word; of an action by a person, the reason that they gave, if any. */
    reason?: string;
    /** The provider's own word. */
    provider_code?: string;
    /** What to do next, and who. */
    remedy?: string;
    /** Of refreshed: how often so far. Else: how often in a row before this ended the run. */
    refreshes?: number;
    /** What else the audit trail knows, such as `changed`, the names of fields, or `note`. Never a secret. */
    detail?: Record<string, unknown>;
}

/** An API key with its secret, which is shown this once. */
export interface NewApiKey {
    id: string;
    /** The secret. It is stored nowhere; keep it now. */
    api_key: string;
    application_id: string;
    name: string;
    permissions: ("all" | "grants.token" | "grants.credential" | "grants.proxy" | "grants.mail")[];
    status: "active" | "expired" | "revoked";
    created_at: number;
    updated_at: number;
    /** Absent when it does not expire. */
    expires_at?: number;
}

/** notified: whether mail was sent. None is yet. */
export interface Notified {
    notified: boolean;
}

/** How an application is doing. Optional fields are absent when unknown, never null. */
export interface Overview {
    /** Unix seconds of when it was counted. */
    at: number;
    /** Of each provider that has any, by name. */
    grants: ProviderGrants[];
    expiring: Expiring;
    activity: Activity;
    /** Longest first, 50 at most. */
    degraded: DegradedSource[];
    webhooks: WebhookBacklog[];
}

/** Events that only this server has. */
export interface OwnTriggers {
    /** `connector.degraded` and `connector.recovered`: many grants of a connector fail alike; they work again. */
    trigger_types: ("connector.degraded" | "connector.recovered")[];
}

/** A page of the provider's own. */
export interface Place {
    /** For people. */
    name: string;
    /** Where it is. */
    url: string;
}

/** A sign-in page as it would be. */
export interface Preview {
    /** The document, without its script: to be shown in a sandboxed frame. */
    html: string;
    remarks: BrandingRemark[];
}

/** A process of the installation. */
export interface Process {
    id: string;
    /** Name of its machine or container. */
    host: string;
    pid: number;
    version: string;
    /** Unix seconds. */
    started_at: number;
    /** When it last said that it runs, which it does twice a minute. */
    seen_at: number;
    /** It wrote this answer. */
    this: boolean;
}

/** What to register where, and what to enter here. */
export interface Provider {
    /** As the wire spells it. */
    provider: ProviderName;
    /** For people. */
    name: string;
    /** A client of yours must be registered at the provider. */
    needs_client: boolean;
    /** Where; absent when there is nothing to register. */
    register_at?: Place;
    /** What to enter there, exactly, for hosted sign-in; absent when there is nothing to register. */
    redirect_uri?: string;
    /** Those that are needed, and those most asked for. Empty where the provider knows none. */
    scopes: ScopeGuide[];
    /** Keys of `settings` of POST /v3/connectors. Empty when it takes none. */
    settings: SettingGuide[];
    /** What to do, in order. */
    steps: string[];
}

/** Grants of one provider. */
export interface ProviderGrants {
    provider: ProviderName;
    valid: number;
    /** Their owners must connect again. */
    invalid: number;
    /** Valid ones that do not work just now. */
    troubled: number;
    /** Troubled ones that fail like many others: their connector or provider is to blame. */
    held: number;
}

/** The nine words of the wire. */
export type ProviderName =
    | "google"
    | "microsoft"
    | "imap"
    | "icloud"
    | "yahoo"
    | "ews"
    | "virtual-calendar"
    | "zoom"
    | "nylas";

/** All nine: this list has no pages. */
export type Providers = Provider[];

/** A user name and a password for a mail program. The token is shown once. */
export interface ProxyToken {
    /** The grant's id; its address will do as well. */
    username: string;
    /** The password. */
    proxy_token: string;
    /** Unix seconds. Sessions that are open then are closed within a minute. */
    expires_at: number;
}

/** Where the owner of the mailbox signs in again. */
export interface ReconnectLink {
    url: string;
}

/** A DNS record to publish. */
export interface RecordOptions {
    /** Relative to the domain; `@` is the domain itself. */
    host: string;
    type: "TXT" | "MX";
    /** For an MX, the preference and the host. */
    value: string;
}

/** Where hosted sign-in may lead back to. */
export interface RedirectUri {
    id: string;
    url: string;
    platform: "web" | "desktop" | "js" | "ios" | "android";
    settings: Record<string, string>;
}

/** All of them, in order of creation: this list has no pages. */
export type RedirectUris = RedirectUri[];

/** What comes of replaying many. */
export interface Replayed {
    /** How many deliveries will be sent again. */
    replayed: number;
}

/** A room of a directory. */
export interface RoomResource {
    email: string;
    grant_id: string;
    object: string;
}

/** Empty: the answer is stored. No mail is sent yet. */
export type Rsvp = Record<string, never>;

/** A notification, as receivers get it. */
export interface Sample {
    specversion: "1.0";
    type:
        | "grant.created"
        | "grant.updated"
        | "grant.deleted"
        | "grant.expired"
        | "calendar.created"
        | "calendar.updated"
        | "calendar.deleted"
        | "event.created"
        | "event.updated"
        | "event.deleted"
        | "folder.created"
        | "folder.updated"
        | "folder.deleted"
        | "message.created"
        | "message.created.truncated"
        | "message.created.cleaned"
        | "message.updated"
        | "message.updated.truncated"
        | "message.send_success"
        | "message.send_failed"
        | "message.bounce_detected"
        | "message.opened"
        | "message.link_clicked"
        | "thread.replied"
        | "contact.updated"
        | "contact.deleted";
    source: string;
    /** The same each time a notification is sent again. */
    id: string;
    /** Unix seconds of the event. */
    time: number;
    webhook_delivery_attempt: number;
    data: SampleData;
}

/** What a notification is about. */
export interface SampleData {
    application_id: string;
    object: Record<string, unknown>;
}

/** A message that was sent with `send_at`. */
export interface Schedule {
    schedule_id: string;
    status: ScheduleStatus;
    /** When it is to be sent, in seconds since 1970. */
    send_at: number;
    /** When it was sent, failed or was cancelled. */
    close_time?: number;
}

/** What became of a message. */
export interface ScheduleStatus {
    code: "pending" | "success" | "failed" | "cancelled";
    /** In words, with what the mail server said last. */
    description: string;
}

/** Messages that were sent with `send_at`. */
export type Schedules = Schedule[];

/** A scope that mailbox owners may be asked for. */
export interface ScopeGuide {
    /** As the provider spells it. */
    scope: string;
    /** What it is for. */
    why: string;
    /** No account can be connected without it. */
    required: boolean;
}

/** The receiver took it. */
export type Sent = "success";

/** A message as it was sent. Its copy lies in the folder for sent mail, where there is one. */
export interface SentMessage {
    /** Its Message-ID, where it has one. */
    id: string;
    grant_id: string;
    object: string;
    thread_id?: string;
    subject?: string;
    from?: MailAddress[];
    to?: MailAddress[];
    cc?: MailAddress[];
    bcc?: MailAddress[];
    reply_to?: MailAddress[];
    /** When the mail server received it. */
    date?: number;
    created_at?: number;
    unread?: boolean;
    starred?: boolean;
    /** The folder in which it was found. */
    folders?: string[];
    attachments?: Attachment[];
    /** HTML as it was sent, and plain text where there is no HTML. It was written by a stranger: sanitise it. */
    body?: string;
    /** The first 100 characters of the text. */
    snippet?: string;
    /** What was kept with it here. */
    metadata?: Record<string, string>;
    /** With `fields=include_headers` or `include_basic_headers`. */
    headers?: HeaderField[];
    /** With `fields=include_tracking_options`, and of what was sent with them. */
    tracking_options?: Tracking;
    /** With `fields=raw_mime`: the message, in URL-safe Base64. */
    raw_mime?: string;
    /** The message that it answers. */
    reply_to_message_id?: string;
    /** With `send_at` alone: what the schedule is listed and cancelled by. */
    schedule_id?: string;
    /** When it will be sent, in seconds since 1970. */
    send_at?: number;
}

/** A setting in force. */
export interface Setting {
    /** The environment variable. */
    name: string;
    /** Masked, if it is a secret that is set. Absent without one. */
    value?: string | number | boolean;
    /** Absent without one. */
    default?: string | number | boolean;
    /** `default`, `the environment`, or the file or option that it came from. */
    source: string;
    secret: boolean;
    /** As in docs/settings.md. */
    meaning: string;
}

/** A key of the connector's `settings`. */
export interface SettingGuide {
    /** As the body spells it. */
    name: string;
    /** What to enter. */
    why: string;
    /** There is no connector without it. */
    required: boolean;
    /** Write-only. */
    secret: boolean;
}

/** A message as the console shows it. */
export interface ShownMessage {
    /** Without its text. */
    message: Message;
    /** The sender wrote HTML: it can be asked for. */
    has_html: boolean;
    /** The text, made of the HTML where there is some. The first 500,000 characters. */
    text?: string;
    /** Asked for with `form=html`: a document that loads and runs nothing, for a sandboxed frame. */
    html?: string;
    /** Images of the HTML that are not shown. */
    images_left_out: number;
    /** There is more than is shown. */
    is_cut: boolean;
}

/** What messages of a grant may end with. */
export interface Signature {
    id: string;
    grant_id: string;
    object: string;
    name: string;
    /** HTML, as it was made safe. */
    body: string;
    created_at: number;
    updated_at: number;
}

/** An event that was not imported. */
export interface SkippedEvent {
    uid: string;
    reason: string;
}

/** The login of a mailbox. A member that the grant does not have is absent. */
export interface StoredLogin {
    imap?: MailServerLogin;
    smtp?: MailServerLogin;
    caldav?: CaldavLogin;
    ews?: ExchangeLogin;
}

/** A conversation: messages that name each other in their headers. Fields that were not asked for are left out. */
export interface Thread {
    id: string;
    grant_id: string;
    object: string;
    /** The latest of its messages and drafts; `object` says which it is. */
    latest_draft_or_message?: Message | Draft;
    /** Whether one of its messages has. Inline images do not count. */
    has_attachments?: boolean;
    has_drafts?: boolean;
    /** Whether one of its messages is flagged. */
    starred?: boolean;
    /** Whether one of its messages is unread. */
    unread?: boolean;
    /** When the mail server received the first one. */
    earliest_message_date?: number;
    latest_message_received_date?: number;
    /** Of messages in the folder for sent ones. */
    latest_message_sent_date?: number;
    /** From, To, Cc and Bcc of all its messages. */
    participants?: MailAddress[];
    /** The oldest first. */
    message_ids?: string[];
    draft_ids?: string[];
    /** The folders in which its messages lie. */
    folders?: string[];
    /** The first 100 characters of its latest message. */
    snippet?: string;
    /** That of its first message. */
    subject?: string;
}

export interface TimeSlot {
    start_time: number;
    end_time: number;
    status: string;
    object: string;
}

/** Tokens for a grant. */
export interface TokenAnswer {
    /** Opaque; a bearer for `GET /v3/grants/me`. */
    access_token: string;
    /** Seconds that the access token is good for. */
    expires_in: number;
    grant_id: string;
    token_type: "Bearer";
    /** With spaces between. */
    scope: string;
    email: string;
    /** A JWT about the grant's owner, signed by this server: `/v3/connect/jwks` has the keys. */
    id_token: string;
    /** After a sign-in with `access_type=offline`, and whenever refresh tokens rotate. */
    refresh_token?: string;
    /** When a code was exchanged. */
    provider?: ProviderName;
}

/** What a good token says. */
export interface TokenInfo {
    /** This server. */
    iss: string;
    /** The application. */
    aud: string;
    /** The grant. */
    sub: string;
    email: string;
    iat: number;
    exp: number;
}

/** What is tracked of a message: nothing, here. */
export interface Tracking {
    opens: boolean;
    links: boolean;
    thread_replies: boolean;
    label?: string;
}

/** What came of a test. */
export interface TrialResult {
    /** No step has failed. */
    ok: boolean;
    /** What was looked at, in order. */
    steps: TrialStep[];
}

/** One thing that was looked at. */
export interface TrialStep {
    /** Client, Token endpoint, Client accepted, Scopes, Redirect URI; Mail server; or Domain. */
    name: string;
    /** `warning`: it works, or may, and should be looked at. `skipped`: there was nothing to look at. */
    state: "ok" | "warning" | "failed" | "skipped";
    /** For people: what was found. */
    text: string;
    /** What to do about it. */
    remedy?: string;
}

/** The DNS record to publish, and whether it was found. */
export interface Verification {
    domain_id: string;
    attempt: Attempt;
    /** `done` stays. `failed`: there is a wrong record, or this one has expired. */
    status: "pending" | "done" | "failed";
    created_at: number;
    /** The record must be found by then; afterwards `info` gives a new one. */
    expires_at: number;
    /** For people: what was found, and what to do. */
    message: string;
}

/** A destination of events. */
export interface Webhook {
    id: string;
    webhook_url: string;
    /** Without those of `opengrant`, which SDKs do not know. */
    trigger_types: (
        | "grant.created"
        | "grant.updated"
        | "grant.deleted"
        | "grant.expired"
        | "grant.imap_sync_completed"
        | "calendar.created"
        | "calendar.updated"
        | "calendar.deleted"
        | "event.created"
        | "event.updated"
        | "event.deleted"
        | "message.created"
        | "message.created.cleaned"
        | "message.updated"
        | "message.deleted"
        | "message.send_success"
        | "message.send_failed"
        | "message.bounce_detected"
        | "message.bounced"
        | "message.complaint"
        | "message.delivered"
        | "message.rejected"
        | "message.opened"
        | "message.opened.legacy"
        | "message.link_clicked"
        | "message.link_clicked.legacy"
        | "message.transactional.bounced"
        | "message.transactional.complaint"
        | "message.transactional.delivered"
        | "message.transactional.rejected"
        | "thread.replied"
        | "thread.replied.legacy"
        | "message.intelligence.order"
        | "message.intelligence.return"
        | "message.intelligence.tracking"
        | "message.intelligence.travel"
        | "contact.created"
        | "contact.updated"
        | "contact.deleted"
        | "folder.created"
        | "folder.updated"
        | "folder.deleted"
        | "booking.created"
        | "booking.pending"
        | "booking.rescheduled"
        | "booking.cancelled"
        | "booking.reminder"
        | "notetaker.created"
        | "notetaker.updated"
        | "notetaker.deleted"
        | "notetaker.meeting_state"
        | "notetaker.media"
    )[];
    description?: string;
    /** Kept, and not written to. */
    notification_email_addresses: string[];
    /** Notifications are compressed with gzip. */
    compressed_delivery: boolean;
    status: "active" | "pause" | "failing" | "failed";
    /** Unix seconds. */
    status_updated_at: number;
    created_at: number;
    updated_at: number;
    /** Our addition: which events of ours it is told of. Absent when there are none. */
    opengrant?: OwnTriggers;
}

/** How a destination keeps up. */
export interface WebhookBacklog {
    id: string;
    webhook_url: string;
    status: "active" | "failing" | "failed" | "pause";
    status_updated_at: number;
    /** Deliveries under way; 1000 means 1000 or more. */
    pending: number;
    /** Deliveries that were given up and not replayed; 1000 means 1000 or more. */
    failed: number;
    /** Unix seconds of the event that has waited longest. */
    oldest_pending_at?: number;
}

/** A destination and the secret that signs what it gets, which is shown this once. */
export interface WebhookWithSecret {
    id: string;
    webhook_url: string;
    /** Without those of `opengrant`, which SDKs do not know. */
    trigger_types: (
        | "grant.created"
        | "grant.updated"
        | "grant.deleted"
        | "grant.expired"
        | "grant.imap_sync_completed"
        | "calendar.created"
        | "calendar.updated"
        | "calendar.deleted"
        | "event.created"
        | "event.updated"
        | "event.deleted"
        | "message.created"
        | "message.created.cleaned"
        | "message.updated"
        | "message.deleted"
        | "message.send_success"
        | "message.send_failed"
        | "message.bounce_detected"
        | "message.bounced"
        | "message.complaint"
        | "message.delivered"
        | "message.rejected"
        | "message.opened"
        | "message.opened.legacy"
        | "message.link_clicked"
        | "message.link_clicked.legacy"
        | "message.transactional.bounced"
        | "message.transactional.complaint"
        | "message.transactional.delivered"
        | "message.transactional.rejected"
        | "thread.replied"
        | "thread.replied.legacy"
        | "message.intelligence.order"
        | "message.intelligence.return"
        | "message.intelligence.tracking"
        | "message.intelligence.travel"
        | "contact.created"
        | "contact.updated"
        | "contact.deleted"
        | "folder.created"
        | "folder.updated"
        | "folder.deleted"
        | "booking.created"
        | "booking.pending"
        | "booking.rescheduled"
        | "booking.cancelled"
        | "booking.reminder"
        | "notetaker.created"
        | "notetaker.updated"
        | "notetaker.deleted"
        | "notetaker.meeting_state"
        | "notetaker.media"
    )[];
    description?: string;
    /** Kept, and not written to. */
    notification_email_addresses: string[];
    /** Notifications are compressed with gzip. */
    compressed_delivery: boolean;
    status: "active" | "pause" | "failing" | "failed";
    /** Unix seconds. */
    status_updated_at: number;
    created_at: number;
    updated_at: number;
    /** Our addition: which events of ours it is told of. Absent when there are none. */
    opengrant?: OwnTriggers;
    webhook_secret: string;
}

/** All of them: this list has no pages. */
export type Webhooks = Webhook[];

/** `object` says which of the members are there: `timespan`, `date` or `datespan`. */
export interface When {
    object: string;
    start_time?: number;
    end_time?: number;
    start_timezone?: string;
    end_timezone?: string;
    date?: string;
    start_date?: string;
    end_date?: string;
}

/** A group of grants. */
export interface Workspace {
    workspace_id: string;
    application_id: string;
    name: string;
    /** Empty when the workspace has none. */
    domain: string;
    /** New grants whose address is of this domain come here. */
    auto_group: boolean;
    /** Takes in what no other workspace does. */
    default: boolean;
    policy_id?: string;
    rule_ids?: string[];
    /** Unix seconds. */
    created_at: number;
    updated_at: number;
}

/** Number of grants by the id of their workspace. 1000 means 1,000 or more. */
export type WorkspaceGrants = Record<string, number>;

/** All of them: this list has no pages. */
export type Workspaces = Workspace[];
