/** The answers of our public API, by web/wire.py from /openapi.json: do not edit. Times are Unix seconds. */

/** Statistics: a process that is killed loses the last seconds of its counts. */
export interface Activity {
    /** The length of each interval. */
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
    /** IP addresses that notifications come from. */
    ip_addresses: string[];
    /** Unix seconds. */
    updated_at: number;
}

/** A request that was answered: what it was, without bodies, addresses and secrets. */
export interface AnsweredRequest {
    /** The `request_id` of its answer. */
    id: string;
    /** Unix seconds of its begin. */
    at: number;
    /** Of HTTP. */
    method: string;
    /** The template of the path. Values of the path and the query are not kept. */
    route: string;
    /** 499: the client hung up. */
    status: number;
    /** Until the last byte of the answer. */
    duration_ms: number;
    /** The API key that it came with, if one did. */
    api_key_id?: string;
    /** The console session that it came with, if one did. */
    session_id?: string;
    /** The grant whose id the path names, or whose access token it came with. */
    grant_id?: string;
    /** Absent when it went well. */
    error?: RequestError;
    /** Host and process that answered it, whose log has more. */
    node: string;
}

/** An API key, without its secret. */
export interface ApiKey {
    /** Its id. */
    id: string;
    /** The id of the application. */
    application_id: string;
    /** Its name. */
    name: string;
    /** What the key may do. */
    permissions: ("all" | "grants.token" | "grants.credential" | "grants.proxy" | "grants.mail" | "grants.import")[];
    /** Its state. */
    status: "active" | "expired" | "revoked";
    /** When it was created, in Unix seconds. */
    created_at: number;
    /** When it last changed, in Unix seconds. */
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
    /** The id of the grant. */
    grant_id: string;
    /** The name of the file. */
    filename?: string;
    /** The media type. */
    content_type: string;
    /** Bytes as they were sent: encoded, a third more than the file where it is Base64. */
    size: number;
    /** By which the message's HTML shows it. */
    content_id?: string;
    /** The header of the part, as it was sent. */
    content_disposition?: string;
    /** Whether it is shown within the text. */
    is_inline: boolean;
}

/** What is verified, and by which record. */
export interface Attempt {
    /** Which kind it is. */
    type: "ownership" | "mx" | "spf" | "dkim" | "feedback";
    /** The record. */
    options: RecordOptions;
}

/** Something that was done. */
export interface AuditEntry {
    /** Its id. */
    id: string;
    /** Unix seconds. */
    at: number;
    /** What was done. */
    type:
        | "api_key.created"
        | "api_key.revoked"
        | "application.created"
        | "application.exported"
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
        | "grant.imported"
        | "grant.mail_read"
        | "grant.needs_attention"
        | "grant.proxied"
        | "grant.recovered"
        | "grant.restored"
        | "grant.token_read"
        | "grant.unblocked"
        | "grant.updated"
        | "import.cancelled"
        | "import.created"
        | "import.cut_over"
        | "import.finished"
        | "import.paused"
        | "import.resumed"
        | "master_key.resealing"
        | "owner_link.created"
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
    /** For people: what happened. */
    message: string;
}

/** `order` only for a round robin: who is next comes first. */
export interface Availability {
    /** The addresses, the next in turn first. */
    order?: string[];
    /** Intervals. */
    time_slots: AvailableSlot[];
}

export interface AvailableSlot {
    /** Email addresses. */
    emails: string[];
    /** The beginning, in Unix seconds. */
    start_time: number;
    /** The end, in Unix seconds. */
    end_time: number;
}

/** What a page changes of the branding, so that it can be read. */
export interface BrandingRemark {
    /** As `hosted_authentication.color_primary`. */
    field: string;
    /** For people: what happened. */
    message: string;
}

/** A login at a CalDAV server. */
export interface CaldavLogin {
    /** The address of the account. */
    principal_url: string;
    /** The collection of the calendars. */
    home_url?: string;
    /** The user name to log in with. */
    username: string;
    /** The password to log in with. */
    password: string;
}

/** A calendar that this server keeps. */
export interface Calendar {
    /** Its id. */
    id: string;
    /** The id of the grant. */
    grant_id: string;
    /** What it is: `event`, `message`, `calendar` and so on. */
    object: string;
    /** Its name. */
    name: string;
    /** The description. */
    description?: string;
    /** The place. */
    location?: string;
    /** IANA name. Without one, whole days are those of UTC. */
    timezone?: string;
    /** The colour, as `#039BE5`. */
    hex_color?: string;
    /** The colour of text on it. */
    hex_foreground_color?: string;
    /** Whether it is the grant's first calendar. */
    is_primary: boolean;
    /** Whether it belongs to the grant. */
    is_owned_by_user: boolean;
    /** Whether it cannot be changed. */
    read_only: boolean;
    /** What you keep with it. */
    metadata?: Record<string, string>;
    /** Kept as it was sent; no notes are taken. */
    notetaker?: Record<string, unknown>;
}

/** The message is not sent. */
export interface Cancelled {
    /** For people: what happened. */
    message: string;
}

/** A message, and what it says by itself. */
export interface CleanMessage {
    /** Its Message-ID, where it has one. */
    id: string;
    /** The id of the grant. */
    grant_id: string;
    /** What it is: `event`, `message`, `calendar` and so on. */
    object: string;
    /** The conversation that it belongs to. */
    thread_id?: string;
    /** The subject. */
    subject?: string;
    /** Who wrote it. */
    from?: MailAddress[];
    /** To whom it went. */
    to?: MailAddress[];
    /** Who got a copy. */
    cc?: MailAddress[];
    /** Who got a copy that the others do not see. */
    bcc?: MailAddress[];
    /** Where answers go. */
    reply_to?: MailAddress[];
    /** When the mail server received it. */
    date?: number;
    /** When it was created, in Unix seconds. */
    created_at?: number;
    /** Whether it counts as unread. */
    unread?: boolean;
    /** Whether it is flagged. */
    starred?: boolean;
    /** The folder in which it was found. */
    folders?: string[];
    /** The files of the message. */
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
    /** Its name. */
    name: string;
    /** The name of the provider. */
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
    /** Its id. */
    id: string;
    /** What it was begun with. */
    kind: "api_key" | "link";
    /** The id of the application. */
    application_id: string;
    /** The name of the application. */
    application_name: string;
    /** The key; absent with a link. */
    api_key_id?: string;
    /** Of the key as it is now; `all` with a link. */
    permissions: string[];
    /** True with a link: it may call what otherwise asks for a signature, for its own application. */
    operator: boolean;
    /** When it was created, in Unix seconds. */
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
    /** Its id. */
    id: string;
    /** The id of the grant. */
    grant_id: string;
    /** What it is: `event`, `message`, `calendar` and so on. */
    object: string;
    /** Where it comes from. */
    source?: string;
    /** As the last message names them. */
    display_name?: string;
    /** What comes before the last blank of the name. */
    given_name?: string;
    /** What follows it. */
    surname?: string;
    /** Email addresses. */
    emails?: ContactEmail[];
    /** Empty, as the lists that follow. */
    phone_numbers?: string[];
    /** There are none. */
    physical_addresses?: string[];
    /** There are none. */
    im_addresses?: string[];
    /** There are none. */
    web_pages?: string[];
    /** There are none. */
    groups?: string[];
}

/** An address of a contact. */
export interface ContactEmail {
    /** The email address. */
    email: string;
    /** Which kind it is. */
    type: "other";
}

/** A group of contacts. */
export interface ContactGroup {
    /** Its id. */
    id: string;
    /** The id of the grant. */
    grant_id: string;
    /** What it is: `event`, `message`, `calendar` and so on. */
    object: string;
}

/** A credential of a connector. What it holds is never shown. */
export interface Credential {
    /** Its id. */
    id: string;
    /** Its name. */
    name: string;
    /** When it was created, in Unix seconds. */
    created_at: number;
    /** When it last changed, in Unix seconds. */
    updated_at: number;
}

/** The database of the installation. */
export interface Database {
    /** Which database it is. */
    engine: "sqlite" | "postgres";
    /** The version. */
    version: string;
    /** What it takes on its disk. */
    bytes: number;
}

/** A connector, a credential of it, or a mail host, whose grants fail the same way and are held. */
export interface DegradedSource {
    /** The name of the provider. */
    provider: ProviderName;
    /** As events carry it in integration_id. */
    connector_id: string;
    /** Of the credential; absent where grants bring passwords of their own. */
    credential_id?: string;
    /** Of the mail host. */
    host?: string;
    /** Since when, in Unix seconds. */
    since: number;
    /** Who has to act: reconnect, connector, provider_down, rate_limited, bad_request or unknown. */
    class: string;
    /** A stable word for programs. */
    reason: string;
    /** The provider's own word. */
    provider_code?: string;
    /** What to do next, and who. */
    remedy: string;
    /** How many valid grants depend on it. */
    grants: number;
    /** Unix seconds when one or two of them try again. */
    probe_at?: number;
}

/** It is gone. */
export interface Deleted {
    /** Its state. */
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
    /** The same in words. Absent before the first attempt, and of one that was delivered. */
    reason?: string;
    /** Unix seconds of the event. */
    created_at: number;
    /** While it is pending: not before then. */
    next_try_at?: number;
    /** Once it is delivered or failed. */
    ended_at?: number;
}

/** One attempt to deliver an event. */
export interface DeliveryAttempt {
    /** Which attempt of the delivery, from 1. */
    number: number;
    /** Unix seconds of its begin. */
    at: number;
    /** Until the answer, or until it was given up. */
    duration_ms: number;
    /** An HTTP status, or a word such as `timeout`. */
    outcome: string;
    /** The same in words, such as `Answered 500`. */
    reason: string;
    /** The header `X-Nylas-Signature` that was sent. Absent when nothing was sent. */
    signature?: string;
    /** Headers of the answer; values that may be secrets are masked. Absent without an answer. */
    answer_headers?: Record<string, string>;
    /** The first 2 KB of the answer's body, as text. Absent without an answer. */
    answer_body?: string;
    /** The answer's body was longer. */
    answer_cut?: boolean;
}

/** A delivery with what is sent, and every attempt that is kept. */
export interface DeliveryInFull {
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
    /** The same in words. Absent before the first attempt, and of one that was delivered. */
    reason?: string;
    /** Unix seconds of the event. */
    created_at: number;
    /** While it is pending: not before then. */
    next_try_at?: number;
    /** Once it is delivered or failed. */
    ended_at?: number;
    /** Where it goes: the URL that the webhook has now. */
    url: string;
    /** Headers that are sent beside the signature, which each attempt has of its own. */
    headers: Record<string, string>;
    /** What is sent, as the latest attempt sent it. */
    notification: Record<string, unknown>;
    /** The message is read when the notification is sent and is not stored, so `notification` does not show it. */
    lacks_contents: boolean;
    /** The latest ten attempts, newest first. */
    history: DeliveryAttempt[];
}

/** An application. */
export interface Details {
    /** Also the client_id of hosted sign-in. */
    application_id: string;
    /** The id of the organisation: one for each server. */
    organization_id: string;
    /** Where the server runs, as the operator calls it. */
    region: "us" | "eu";
    /** What the application is for. */
    environment: "production";
    /** The workspace of grants that belong to no other. */
    default_workspace_id: string;
    /** Name, icon and website that sign-in pages show. */
    branding: Record<string, unknown>;
    /** Colours, texts and links of sign-in pages. */
    hosted_authentication: Record<string, unknown>;
    /** Pages and identity providers that may exchange tokens. */
    idp_settings?: Record<string, unknown>;
    /** What calls of mail may do. */
    mail_settings?: Record<string, unknown>;
    /** The domain. */
    domain?: string;
    /** The redirect URIs. */
    callback_uris: RedirectUri[];
    /** Unix seconds. */
    created_at: number;
    /** When it last changed, in Unix seconds. */
    updated_at: number;
}

/** How the address can be connected, if anybody can tell. */
export interface Detection {
    /** As sent. */
    email_address: string;
    /** Whether the provider is known. */
    detected: boolean;
    /** The name of the provider. */
    provider?: ProviderName;
    /** With provider `imap`: the service behind it, where it has a name. */
    type?: string;
}

/** A registered domain. All fields are always there. */
export interface Domain {
    /** Its id. */
    id: string;
    /** Its name. */
    name: string;
    /** A subdomain lent by the service; here never. */
    branded: boolean;
    /** The domain. */
    domain_address: string;
    /** The id of the organisation: one for each server. */
    organization_id: string;
    /** Where the server runs, as the operator calls it. */
    region: "us" | "eu";
    /** Whether DNS proves that it is yours. */
    verified_ownership: boolean;
    /** Whether the DKIM key was found in DNS. */
    verified_dkim: boolean;
    /** Whether the SPF record was found in DNS. */
    verified_spf: boolean;
    /** Whether the MX record was found in DNS. */
    verified_mx: boolean;
    /** Whether the record for bounces was found in DNS. */
    verified_feedback: boolean;
    /** Never checked. */
    verified_dmarc: boolean;
    /** Never checked. */
    verified_arc: boolean;
    /** When it was created, in Unix seconds. */
    created_at: number;
    /** When it last changed, in Unix seconds. */
    updated_at: number;
}

/** A draft. Fields that were not asked for are left out. */
export interface Draft {
    /** Its Message-ID, where it has one. It stays the same when the draft is changed. */
    id: string;
    /** The id of the grant. */
    grant_id: string;
    /** What it is: `event`, `message`, `calendar` and so on. */
    object: string;
    /** The conversation that it belongs to. */
    thread_id?: string;
    /** The subject. */
    subject?: string;
    /** Who wrote it. */
    from?: MailAddress[];
    /** To whom it went. */
    to?: MailAddress[];
    /** Who got a copy. */
    cc?: MailAddress[];
    /** Who got a copy that the others do not see. */
    bcc?: MailAddress[];
    /** Where answers go. */
    reply_to?: MailAddress[];
    /** When the mail server received it. */
    date?: number;
    /** When it was created, in Unix seconds. */
    created_at?: number;
    /** Whether it counts as unread. */
    unread?: boolean;
    /** Whether it is flagged. */
    starred?: boolean;
    /** The folder in which it was found. */
    folders?: string[];
    /** The files of the message. */
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
    /** Its id. */
    id: string;
    /** The id of the grant. */
    grant_id: string;
    /** What it is: `event`, `message`, `calendar` and so on. */
    object: string;
    /** The id of the calendar. */
    calendar_id: string;
    /** The title. */
    title?: string;
    /** The description. */
    description?: string;
    /** The description without HTML. */
    text_description?: string;
    /** The place. */
    location?: string;
    /** The time. */
    when: When;
    /** Whether it takes time. */
    busy: boolean;
    /** Who takes part, with their answers. */
    participants: Record<string, unknown>[];
    /** Rooms and things that are booked. */
    resources?: Record<string, unknown>[];
    /** How many can take part; -1: no limit. */
    capacity?: number;
    /** The online meeting. */
    conferencing?: Record<string, unknown>;
    /** When to remind. */
    reminders?: Record<string, unknown>;
    /** RRULE and EXDATE of a series. */
    recurrence?: string[];
    /** What you keep with it. */
    metadata?: Record<string, string>;
    /** Who sees it: `public`, `private` or `default`. */
    visibility?: string;
    /** Whether participants do not see each other. */
    hide_participants: boolean;
    /** Kept as it was sent; no notes are taken. */
    notetaker?: Record<string, unknown>;
    /** `confirmed`, `maybe` or `cancelled`. */
    status: string;
    /** Who invites. */
    organizer?: Record<string, unknown>;
    /** Whether it cannot be changed. */
    read_only: boolean;
    /** The UID of iCalendar. */
    ical_uid: string;
    /** The series of an occurrence. */
    master_event_id?: string;
    /** When the occurrence would begin without its change, in Unix seconds. */
    original_start_time?: number;
    /** When it was created, in Unix seconds. */
    created_at: number;
    /** When it last changed, in Unix seconds. */
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
    /** The user name to log in with. */
    username: string;
    /** The password to log in with. */
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

/** The address of a calendar's feed. It is shown only once. */
export interface Feed {
    /** Subscribe to it as it is. It is a secret. */
    url: string;
    /** When it was created, in Unix seconds. */
    created_at: number;
}

/** A folder of a mailbox. */
export interface Folder {
    /** Its id. */
    id: string;
    /** The id of the grant. */
    grant_id: string;
    /** What it is: `event`, `message`, `calendar` and so on. */
    object: string;
    /** With the names of the folders that it lies in, and the mail server's separator between them. */
    name: string;
    /** As the mail server says them: `\Sent`, `\Trash`, … */
    attributes: string[];
    /** Its messages, where the mail server counts them. */
    total_count?: number;
    /** How many of its messages are unread, where the mail server counts them. */
    unread_count?: number;
}

/** `object` is `free_busy`, or `error` with a sentence about an address that cannot be looked up. */
export interface FreeBusy {
    /** The email address. */
    email: string;
    /** What it is: `event`, `message`, `calendar` and so on. */
    object: string;
    /** Intervals. */
    time_slots?: TimeSlot[];
    /** What is wrong. */
    error?: string;
}

/** In the order of the request. */
export type FreeBusyList = FreeBusy[];

/** One mailbox, proven. Optional fields are absent when unknown, never null. */
export interface Grant {
    /** Stays the same when the same mailbox comes again. */
    id: string;
    /** The name of the provider. */
    provider: ProviderName;
    /** What the grant may do; Google in full URLs, others in short names. */
    scope: string[];
    /** `invalid`: the owner must connect again. */
    grant_status: "valid" | "invalid";
    /** The address; for virtual calendars the identifier. */
    email: string;
    /** Hosts, ports and user names where the provider has such; never a secret. Agent Accounts have `has_app_password`: whether IMAP and SMTP are open. `email_verified` is there, and false, where Microsoft does not confirm the address. */
    settings: Record<string, unknown>;
    /** true: an operator has blocked it. */
    blocked: boolean;
    /** Unix seconds. */
    created_at: number;
    /** Unix seconds of the last successful authentication. */
    updated_at: number;
    /** Its name. */
    name?: string;
    /** The state that was sent, unchanged. */
    state?: string;
    /** The provider's own id of the user. */
    provider_user_id?: string;
    /** The connector credential in use. */
    credential_id?: string;
    /** The id of the workspace. */
    workspace_id?: string;
    /** The IP address of the browser that signed in. */
    ip?: string;
    /** The browser that signed in. */
    user_agent?: string;
    /** Other addresses of the mailbox, asked of Google or Microsoft just now; only with expose_aliases. */
    email_aliases?: string[];
    /** Our addition: proof of life, and the reason when something is wrong. */
    opengrant: GrantHealth;
}

/** The degraded source of the grant: its credential or connector, or with a password its mail host. */
export interface GrantDegraded {
    /** Unix seconds since when it is degraded. */
    since: number;
    /** The mail host; absent when it is the credential or connector. */
    host?: string;
    /** As in trouble. */
    class: string;
    /** A stable word for programs. */
    reason: string;
    /** The provider's own word. */
    provider_code?: string;
    /** What to do next, and who. */
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
    /** There while many grants of the same connector, credential or mail host fail the same way. */
    degraded?: GrantDegraded;
    /** What was asked for, by the request or else by the connector, and was not granted; absent when there is nothing such. A scope that a granted one covers is not among them; nor is any where the provider does not tell. */
    missing_scopes?: string[];
}

/** Why a grant does not work: for a moment, or for good when its grant_status is invalid. */
export interface GrantTrouble {
    /** Who has to act. reconnect: the mailbox owner. connector: you, about client id, secret or tenant. bad_request: you, about the request. provider_down and rate_limited: no action is needed. unknown: the cause is not known. */
    class: "reconnect" | "connector" | "provider_down" | "rate_limited" | "bad_request" | "unknown";
    /** A stable word for programs: the pages of docs/providers list them. */
    reason: string;
    /** The provider's own word. */
    provider_code: string;
    /** The provider's own sentence. */
    provider_text?: string;
    /** What to do next, and who. */
    remedy: string;
    /** When it was first seen, in Unix seconds. */
    first_seen: number;
    /** When it was last seen, in Unix seconds. */
    last_seen: number;
    /** In a row. 0: the grant itself has not failed, but its connector, credential or mail host. */
    failures: number;
    /** The provider has refused the credential once. It is asked again before the grant becomes invalid. */
    suspected: boolean;
    /** Many grants fail the same way, so the connector is degraded. The grant stays valid, and is not checked until it recovers. */
    held: boolean;
    /** true: it has failed for days (OPENGRANT_REFRESH__ATTENTION_AFTER) without a clear refusal. Read `provider_text`. The grant stays valid. */
    needs_attention?: boolean;
}

/** A header field as it was sent, unfolded and not decoded. */
export interface HeaderField {
    /** Its name. */
    name: string;
    /** The value. */
    value: string;
}

export interface Health {
    /** Its state. */
    status: "ok";
}

/** Rows by what became of them. */
export interface ImportCounts {
    /** They wait for the cut-over. */
    staged: number;
    /** They are still to be verified, or to be tried again. */
    waiting: number;
    /** A grant was created. */
    created: number;
    /** The mailbox had a grant, which has the new credential now. */
    renewed: number;
    /** The grant is there already, as it is in the row. */
    unchanged: number;
    /** The owner of the mailbox has to sign in again. */
    sign_in: number;
    /** The row is wrong, or contradicts what is stored. */
    refused: number;
    /** It could not be verified: the provider, or the connector, did not work. */
    failed: number;
    /** The import was cancelled first. */
    cancelled: number;
}

/** An import, as lists show it. */
export interface ImportJob {
    /** Its id. */
    id: string;
    /** What the caller named it, or the name of the file. */
    name: string;
    /** `loading`: rows are being stored. `running`: they are verified, or wait for the cut-over. `finished`: no row waits. */
    status: "loading" | "running" | "paused" | "cancelled" | "finished";
    /** Whether rows whose refresh token ends with its use wait for the cut-over. */
    cut_over: boolean;
    /** When the cut-over comes by itself, in Unix seconds. */
    cut_over_at?: number;
    /** When the last of it was cut over, in Unix seconds. */
    cut_over_done_at?: number;
    /** Whether its grants are not refreshed before the cut-over, also after the import has finished. */
    hold_refresh: boolean;
    /** Unix seconds. */
    created_at: number;
    /** When all rows were stored, in Unix seconds. */
    started_at?: number;
    /** When it was finished or cancelled, in Unix seconds. */
    finished_at?: number;
}

/** An import and how far it is. */
export interface ImportProgress {
    /** Its id. */
    id: string;
    /** What the caller named it, or the name of the file. */
    name: string;
    /** `loading`: rows are being stored. `running`: they are verified, or wait for the cut-over. `finished`: no row waits. */
    status: "loading" | "running" | "paused" | "cancelled" | "finished";
    /** Whether rows whose refresh token ends with its use wait for the cut-over. */
    cut_over: boolean;
    /** When the cut-over comes by itself, in Unix seconds. */
    cut_over_at?: number;
    /** When the last of it was cut over, in Unix seconds. */
    cut_over_done_at?: number;
    /** Whether its grants are not refreshed before the cut-over, also after the import has finished. */
    hold_refresh: boolean;
    /** Unix seconds. */
    created_at: number;
    /** When all rows were stored, in Unix seconds. */
    started_at?: number;
    /** When it was finished or cancelled, in Unix seconds. */
    finished_at?: number;
    /** Lines that are stored so far. */
    rows: number;
    /** Rows by outcome. */
    counts: ImportCounts;
    /** Over the last minute; absent while no row is verified. */
    rows_per_second?: number;
    /** When it will be done at this speed, in Unix seconds; absent where that is not known. */
    ends_at?: number;
    /** Those that do not work first, then those with most rows that wait; at most 100. */
    sources: ImportSource[];
    /** How many sources there are. */
    all_sources: number;
    /** The length of a span. */
    span_seconds: number;
    /** Rows done over time. Spans without rows are left out. */
    spans: ImportSpan[];
}

/** What an import of these rows would do. */
export interface ImportReport {
    /** Lines of the input. */
    lines: number;
    /** Rows whose mailbox has no grant yet. */
    new: number;
    /** Rows whose mailbox has a grant, which gets the new credential. */
    known: number;
    /** Rows whose mailbox only the provider knows. */
    unknown: number;
    /** Rows that would be refused. */
    refused: number;
    /** The first 100 of them. */
    refused_lines: RefusedLine[];
    /** Rows that can be imported, by provider. */
    providers: Record<string, number>;
    /** Rows of providers without a connector here. Create it first. */
    missing_connectors: Record<string, number>;
    /** How long the import takes at the limits of this server, if providers answer. */
    forecast_seconds: number;
}

/** A line of the input, and what became of it. */
export interface ImportResult {
    /** In the input, from 1. */
    line: number;
    /** Your own id of the row. */
    id?: string;
    /** Absent where the line could not be read. */
    provider?: ProviderName;
    /** The grant of the row, or the id that the row asks for. */
    grant_id?: string;
    /** What became of it. */
    outcome:
        | "staged"
        | "waiting"
        | "created"
        | "renewed"
        | "unchanged"
        | "sign_in"
        | "refused"
        | "failed"
        | "cancelled";
    /** Whose fault it is, where it did not work. */
    class?: string;
    /** Why. */
    reason?: string;
    /** What helps. */
    remedy?: string;
    /** How often it was tried. */
    attempts: number;
    /** When it got its outcome, in Unix seconds. */
    at?: number;
}

/** A credential, a connector or a mail host that rows are verified at. */
export interface ImportSource {
    /** Of the credential or connector; for a mail host, `<connector id>/<host>`. */
    id: string;
    /** Which provider the mailboxes are at. */
    provider: ProviderName;
    /** `staged`: its rows wait for the cut-over. `paused`: it does not work at the moment. */
    state: "open" | "paused" | "staged" | "done";
    /** How many there are. */
    rows: number;
    /** Of them, by outcome. */
    counts: ImportCounts;
    /** When it is asked again, in Unix seconds. */
    paused_until?: number;
    /** Why it is paused. */
    trouble?: ImportTrouble;
}

/** A span of time and the rows that were done in it. */
export interface ImportSpan {
    /** Its begin, in Unix seconds. */
    at: number;
    /** Rows of batches that ended in it, or were last worked on. */
    rows: number;
}

/** Why a source does not work. The import asks it now and then, and goes on by itself when it works again. */
export interface ImportTrouble {
    /** Whose fault it is: `connector`, `provider_down`, `rate_limited` or `unknown`. */
    class: string;
    /** A short name of it. */
    reason: string;
    /** What helps. */
    remedy?: string;
    /** Unix seconds. */
    since: number;
}

/** What came of an import. What is counted here is stored. */
export interface Imported {
    /** How many were created. */
    created: number;
    /** How many were changed. */
    updated: number;
    /** These were there already, and equal. */
    unchanged: number;
    /** What was left out, and why. */
    skipped: SkippedEvent[];
}

/** What runs here. */
export interface Installation {
    /** The version. */
    version: string;
    /** The version of Python. */
    python: string;
    /** The operating system. */
    system: string;
    /** When this process started, in Unix seconds. */
    started_at: number;
    /** The database. */
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

/** A grant without a link. */
export interface LeftOut {
    /** The id of the grant. */
    grant_id: string;
    /** Why no owner can sign in to it. */
    reason: string;
}

/** An access token of the provider that works now. */
export interface LiveToken {
    /** The token: send it in the header `Authorization`. */
    access_token: string;
    /** `Bearer`: how the token is sent. */
    token_type?: "Bearer";
    /** Unix seconds. */
    expires_at: number;
    /** What the token may be used for. */
    scope: string[];
}

/** An address in a header. */
export interface MailAddress {
    /** The email address. */
    email: string;
    /** Its name. */
    name: string;
}

/** A login at an IMAP or SMTP server. */
export interface MailServerLogin {
    /** The name of the server. */
    host: string;
    /** The port of the server. */
    port: number;
    /** How the connection was secured when the login was proven. */
    security: "tls" | "starttls" | "plain";
    /** The user name to log in with. */
    username: string;
    /** The password to log in with. */
    password: string;
}

/** Where to go. */
export interface MailboxSignInBegun {
    /** Open it in this browser within 15 minutes; in another one it does not work. */
    url: string;
    /** Names this sign-in. The browser comes back to `/console#/connected?grant_id=…&state=…`, or with `error` and `error_description` in place of `grant_id`. */
    state: string;
}

/** A message. Fields that were not asked for are left out. */
export interface Message {
    /** Its Message-ID, where it has one. */
    id: string;
    /** The id of the grant. */
    grant_id: string;
    /** What it is: `event`, `message`, `calendar` and so on. */
    object: string;
    /** The conversation that it belongs to. */
    thread_id?: string;
    /** The subject. */
    subject?: string;
    /** Who wrote it. */
    from?: MailAddress[];
    /** To whom it went. */
    to?: MailAddress[];
    /** Who got a copy. */
    cc?: MailAddress[];
    /** Who got a copy that the others do not see. */
    bcc?: MailAddress[];
    /** Where answers go. */
    reply_to?: MailAddress[];
    /** When the mail server received it. */
    date?: number;
    /** When it was created, in Unix seconds. */
    created_at?: number;
    /** Whether it counts as unread. */
    unread?: boolean;
    /** Whether it is flagged. */
    starred?: boolean;
    /** The folder in which it was found. */
    folders?: string[];
    /** The files of the message. */
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
    /** Its name. */
    name: string;
    /** Unix seconds. */
    applied_at: number;
}

/** Something that happened to a grant. */
export interface Moment {
    /** Its id. */
    id: string;
    /** Unix seconds. */
    at: number;
    /** verified (for the first time), imported (from an export), reauthenticated, refreshed, failing, recovered, expired, invalidated, restored, updated, blocked, unblocked, checked, token_read, or token_issued and the like for OpenGrant's own access tokens. */
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

/** An API key with its secret, which is shown only once. */
export interface NewApiKey {
    /** Its id. */
    id: string;
    /** The secret. It is stored nowhere; save it now. */
    api_key: string;
    /** The id of the application. */
    application_id: string;
    /** Its name. */
    name: string;
    /** What the key may do. */
    permissions: ("all" | "grants.token" | "grants.credential" | "grants.proxy" | "grants.mail" | "grants.import")[];
    /** Its state. */
    status: "active" | "expired" | "revoked";
    /** When it was created, in Unix seconds. */
    created_at: number;
    /** When it last changed, in Unix seconds. */
    updated_at: number;
    /** Absent when it does not expire. */
    expires_at?: number;
}

/** notified: whether mail was sent. None is yet. */
export interface Notified {
    /** Whether mail was sent to participants. None is sent yet. */
    notified: boolean;
}

/** How an application is doing. Optional fields are absent when unknown, never null. */
export interface Overview {
    /** Unix seconds of when it was counted. */
    at: number;
    /** Of each provider that has any, by name. */
    grants: ProviderGrants[];
    /** What ends soon. */
    expiring: Expiring;
    /** What happened recently. */
    activity: Activity;
    /** Longest first, 50 at most. */
    degraded: DegradedSource[];
    /** How far each webhook is. */
    webhooks: WebhookBacklog[];
}

export interface OwnerLink {
    /** Send it to the owner of the mailbox, and to them alone. */
    url: string;
    /** The id of the grant. */
    grant_id?: string;
    /** The email address. */
    email?: string;
}

/** Links, in the order of the request. */
export interface OwnerLinks {
    /** Whether clicks on links are tracked. */
    links: OwnerLink[];
    left_out: LeftOut[];
    /** How long they work. */
    lasts_seconds: number;
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
    /** What the page changes of the branding, so that it can be read. */
    remarks: BrandingRemark[];
}

/** A process of the installation. */
export interface Process {
    /** Its id. */
    id: string;
    /** Name of its machine or container. */
    host: string;
    /** The process id. */
    pid: number;
    /** The version. */
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
    /** The name of the provider. */
    provider: ProviderName;
    /** Grants that are valid. */
    valid: number;
    /** Their owners must connect again. */
    invalid: number;
    /** Valid ones that do not work just now. */
    troubled: number;
    /** Troubled ones that fail like many others: their connector or provider is the cause. */
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
    /** The address. */
    url: string;
}

/** A DNS record to publish. */
export interface RecordOptions {
    /** Relative to the domain; `@` is the domain itself. */
    host: string;
    /** Which kind it is. */
    type: "TXT" | "MX";
    /** For an MX, the preference and the host. */
    value: string;
}

/** Where hosted sign-in may lead back to. */
export interface RedirectUri {
    /** Its id. */
    id: string;
    /** The address. */
    url: string;
    /** What kind of program it leads to. */
    platform: "web" | "desktop" | "js" | "ios" | "android";
    /** What the program is known by. */
    settings: Record<string, string>;
}

/** All of them, in order of creation: this list has no pages. */
export type RedirectUris = RedirectUri[];

/** A row that an import would refuse. */
export interface RefusedLine {
    /** In the input, from 1. */
    line: number;
    /** Your own id of the row. */
    id?: string;
    /** Absent where the line could not be read. */
    provider?: string;
    /** Why, in a word: `bad_request`, `duplicate` or `conflict`. */
    class: string;
    /** What is wrong with it. */
    reason: string;
    /** What helps. */
    remedy?: string;
}

/** What comes of replaying many. */
export interface Replayed {
    /** How many deliveries will be sent again. */
    replayed: number;
}

/** Why a request was refused. Its message is not kept, because it may quote what was sent. */
export interface RequestError {
    /** As in the answer. */
    type: string;
    /** Which error of this server it was, such as `GrantNotFound`. */
    name?: string;
    /** What that means, and what helps. */
    meaning?: string;
}

/** A room of a directory. */
export interface RoomResource {
    /** The email address. */
    email: string;
    /** The id of the grant. */
    grant_id: string;
    /** What it is: `event`, `message`, `calendar` and so on. */
    object: string;
}

/** Empty: the answer is stored. No mail is sent yet. */
export type Rsvp = Record<string, never>;

/** A notification, as receivers get it. */
export interface Sample {
    /** The version of CloudEvents. */
    specversion: "1.0";
    /** Which kind it is. */
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
    /** Where it comes from. */
    source: string;
    /** The same each time a notification is sent again. */
    id: string;
    /** Unix seconds of the event. */
    time: number;
    /** Which attempt to deliver it this is. */
    webhook_delivery_attempt: number;
    /** What happened. */
    data: SampleData;
}

/** What a notification is about. */
export interface SampleData {
    /** The id of the application. */
    application_id: string;
    /** What it is: `event`, `message`, `calendar` and so on. */
    object: Record<string, unknown>;
}

/** A message that was sent with `send_at`. */
export interface Schedule {
    /** The id of the message that waits to be sent. */
    schedule_id: string;
    /** Its state. */
    status: ScheduleStatus;
    /** When it is to be sent, in seconds since 1970. */
    send_at: number;
    /** When it was sent, failed or was cancelled. */
    close_time?: number;
}

/** What became of a message. */
export interface ScheduleStatus {
    /** The state. */
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
    /** The id of the grant. */
    grant_id: string;
    /** What it is: `event`, `message`, `calendar` and so on. */
    object: string;
    /** The conversation that it belongs to. */
    thread_id?: string;
    /** The subject. */
    subject?: string;
    /** Who wrote it. */
    from?: MailAddress[];
    /** To whom it went. */
    to?: MailAddress[];
    /** Who got a copy. */
    cc?: MailAddress[];
    /** Who got a copy that the others do not see. */
    bcc?: MailAddress[];
    /** Where answers go. */
    reply_to?: MailAddress[];
    /** When the mail server received it. */
    date?: number;
    /** When it was created, in Unix seconds. */
    created_at?: number;
    /** Whether it counts as unread. */
    unread?: boolean;
    /** Whether it is flagged. */
    starred?: boolean;
    /** The folder in which it was found. */
    folders?: string[];
    /** The files of the message. */
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
    /** Whether it is a secret. */
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
    /** Its id. */
    id: string;
    /** The id of the grant. */
    grant_id: string;
    /** What it is: `event`, `message`, `calendar` and so on. */
    object: string;
    /** Its name. */
    name: string;
    /** HTML, as it was made safe. */
    body: string;
    /** When it was created, in Unix seconds. */
    created_at: number;
    /** When it last changed, in Unix seconds. */
    updated_at: number;
}

/** An event that was not imported. */
export interface SkippedEvent {
    /** The UID in the file. */
    uid: string;
    /** A stable word for programs. */
    reason: string;
}

/** The login of a mailbox. A member that the grant does not have is absent. */
export interface StoredLogin {
    /** The login at the IMAP server. */
    imap?: MailServerLogin;
    /** The login at the SMTP server. */
    smtp?: MailServerLogin;
    /** The login at the CalDAV server. */
    caldav?: CaldavLogin;
    /** The login at the Exchange server. */
    ews?: ExchangeLogin;
}

/** A conversation: messages that name each other in their headers. Fields that were not asked for are left out. */
export interface Thread {
    /** Its id. */
    id: string;
    /** The id of the grant. */
    grant_id: string;
    /** What it is: `event`, `message`, `calendar` and so on. */
    object: string;
    /** The latest of its messages and drafts; `object` says which it is. */
    latest_draft_or_message?: Message | Draft;
    /** Whether one of its messages has. Inline images do not count. */
    has_attachments?: boolean;
    /** Whether one of its messages is a draft. */
    has_drafts?: boolean;
    /** Whether one of its messages is flagged. */
    starred?: boolean;
    /** Whether one of its messages is unread. */
    unread?: boolean;
    /** When the mail server received the first one. */
    earliest_message_date?: number;
    /** When the latest message was received, in Unix seconds. */
    latest_message_received_date?: number;
    /** Of messages in the folder for sent ones. */
    latest_message_sent_date?: number;
    /** From, To, Cc and Bcc of all its messages. */
    participants?: MailAddress[];
    /** The oldest first. */
    message_ids?: string[];
    /** The ids of its drafts. */
    draft_ids?: string[];
    /** The folders in which its messages lie. */
    folders?: string[];
    /** The first 100 characters of its latest message. */
    snippet?: string;
    /** That of its first message. */
    subject?: string;
}

export interface TimeSlot {
    /** The beginning, in Unix seconds. */
    start_time: number;
    /** The end, in Unix seconds. */
    end_time: number;
    /** Its state. */
    status: string;
    /** What it is: `event`, `message`, `calendar` and so on. */
    object: string;
}

/** Tokens for a grant. */
export interface TokenAnswer {
    /** Opaque; a bearer for `GET /v3/grants/me`. */
    access_token: string;
    /** Seconds that the access token is good for. */
    expires_in: number;
    /** The id of the grant. */
    grant_id: string;
    /** `Bearer`: how the token is sent. */
    token_type: "Bearer";
    /** With spaces between. */
    scope: string;
    /** The email address. */
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
    /** The email address. */
    email: string;
    /** When the token was issued, in Unix seconds. */
    iat: number;
    /** When the token ends, in Unix seconds. */
    exp: number;
}

/** What is tracked of a message: nothing, here. */
export interface Tracking {
    /** Whether openings are tracked. */
    opens: boolean;
    /** Whether clicks on links are tracked. */
    links: boolean;
    /** Whether answers are tracked. */
    thread_replies: boolean;
    /** The label that was sent. */
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
    /** The id of the domain. */
    domain_id: string;
    /** The record to publish. */
    attempt: Attempt;
    /** `done` stays. `failed`: there is a wrong record, or this one has expired. */
    status: "pending" | "done" | "failed";
    /** When it was created, in Unix seconds. */
    created_at: number;
    /** The record must be found by then; afterwards `info` gives a new one. */
    expires_at: number;
    /** For people: what was found, and what to do. */
    message: string;
}

/** A destination of events. */
export interface Webhook {
    /** Its id. */
    id: string;
    /** Where notifications are sent. */
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
    /** The description. */
    description?: string;
    /** Kept, and not written to. */
    notification_email_addresses: string[];
    /** Notifications are compressed with gzip. */
    compressed_delivery: boolean;
    /** Its state. */
    status: "active" | "pause" | "failing" | "failed";
    /** Unix seconds. */
    status_updated_at: number;
    /** When it was created, in Unix seconds. */
    created_at: number;
    /** When it last changed, in Unix seconds. */
    updated_at: number;
    /** Our addition: which events of ours it is sent, and why it fails. Absent when there is neither. */
    opengrant?: WebhookExtras;
}

/** How a destination keeps up. */
export interface WebhookBacklog {
    /** Its id. */
    id: string;
    /** Where notifications are sent. */
    webhook_url: string;
    /** Its name, in your words. */
    description?: string;
    /** Its state. */
    status: "active" | "failing" | "failed" | "pause";
    /** When its state last changed, in Unix seconds. */
    status_updated_at: number;
    /** Deliveries under way; 1000 means 1000 or more. */
    pending: number;
    /** Deliveries that were given up and not replayed; 1000 means 1000 or more. */
    failed: number;
    /** Unix seconds of the event that has waited longest. */
    oldest_pending_at?: number;
    /** Its latest attempt failed. */
    failing?: WebhookFailing;
}

/** What only this server says of a webhook. */
export interface WebhookExtras {
    /** `connector.degraded` and `connector.recovered`: many grants of a connector fail the same way; they work again. */
    trigger_types: ("connector.degraded" | "connector.recovered")[];
    /** The receiver fails, since the first failed attempt. `status` changes only after 15 minutes. */
    failing?: WebhookFailing;
}

/** The latest attempt failed; one that goes well ends this. */
export interface WebhookFailing {
    /** Unix seconds of the first failed attempt in a row. */
    since: number;
    /** Of the latest. */
    at: number;
    /** How many in a row have failed. */
    attempts: number;
    /** Why the latest failed, such as `Answered 500`, `No answer within 10 s` or `Certificate not trusted: …`. */
    reason: string;
}

/** A destination and the secret that signs what it gets, which is shown only once. */
export interface WebhookWithSecret {
    /** Its id. */
    id: string;
    /** Where notifications are sent. */
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
    /** The description. */
    description?: string;
    /** Kept, and not written to. */
    notification_email_addresses: string[];
    /** Notifications are compressed with gzip. */
    compressed_delivery: boolean;
    /** Its state. */
    status: "active" | "pause" | "failing" | "failed";
    /** Unix seconds. */
    status_updated_at: number;
    /** When it was created, in Unix seconds. */
    created_at: number;
    /** When it last changed, in Unix seconds. */
    updated_at: number;
    /** Our addition: which events of ours it is sent, and why it fails. Absent when there is neither. */
    opengrant?: WebhookExtras;
    /** The secret that signs notifications. It is shown once. */
    webhook_secret: string;
}

/** All of them: this list has no pages. */
export type Webhooks = Webhook[];

/** `object` says which of the members are there: `timespan`, `date` or `datespan`. */
export interface When {
    /** What it is: `event`, `message`, `calendar` and so on. */
    object: string;
    /** The beginning, in Unix seconds. */
    start_time?: number;
    /** The end, in Unix seconds. */
    end_time?: number;
    /** The time zone of the beginning, as in the IANA database. */
    start_timezone?: string;
    /** The time zone of the end. */
    end_timezone?: string;
    /** The day, as `2026-03-02`. */
    date?: string;
    /** The first day, as `2026-03-02`. */
    start_date?: string;
    /** The day after the last one, as `2026-03-07`. */
    end_date?: string;
}

/** A group of grants. */
export interface Workspace {
    /** The id of the workspace. */
    workspace_id: string;
    /** The id of the application. */
    application_id: string;
    /** Its name. */
    name: string;
    /** Empty when the workspace has none. */
    domain: string;
    /** New grants whose address is of this domain come here. */
    auto_group: boolean;
    /** Takes in what no other workspace does. */
    default: boolean;
    /** There are no policies yet. */
    policy_id?: string;
    /** There are no rules yet. */
    rule_ids?: string[];
    /** Unix seconds. */
    created_at: number;
    /** When it last changed, in Unix seconds. */
    updated_at: number;
}

/** Number of grants by the id of their workspace. 1000 means 1,000 or more. */
export type WorkspaceGrants = Record<string, number>;

/** All of them: this list has no pages. */
export type Workspaces = Workspace[];
