"""Examples of fields, bodies and answers for /openapi.json.

One cast plays in all of them: the application Acme, the mailbox of Ana, on Monday, 2 March 2026. An example is written
once, for a field: in the example of a request body, beside its model, or in the table below. Whole answers are put
together from fields.
"""

from collections.abc import Iterable, Mapping
from typing import Any

_UUID = "1f2e3d4c-0000-4000-8000-0000000000"
_NOW = 1772438400
"""Monday, 2 March 2026, 8:00 UTC."""
_HOUR, _DAY = 3_600, 86_400
APPLICATION, CREDENTIAL, API_KEY, WORKSPACE = f"{_UUID}a0", f"{_UUID}c2", f"{_UUID}b1", f"{_UUID}71"
REDIRECT_URI, DOMAIN, SESSION = f"{_UUID}f1", f"{_UUID}e1", f"{_UUID}91"
WEBHOOK, DELIVERY = "whk_1f2e3d4c000040008000000000000071", "4711"
CALENDAR, EVENT = "7h3m9q2w4x6z8b1c5v0n3k2j1d", "0d2k7f8e4s5g1h9j3m6n0p2q4r"
MESSAGE, DRAFT = "<1f2e3d4c@mail.example.com>", "<5b6c7d8e@mail.example.com>"
THREAD, CONTACT = "tPDFmMmUzZDRjQG1haWwuZXhhbXBsZS5jb20-", "c5d41402abc4b2a76b9719d911017c592"
SIGNATURE, SCHEDULE = f"{_UUID}c7", f"{_UUID}d3"
GRANT_ID = f"{_UUID}d1"
IMPORT = f"{_UUID}e1"
REQUEST_ID = "6f0c1d9e-7a51-4e0f-9f3f-0d8f5b7f2a11"
NEXT_CURSOR = "eyJhZnRlciI6MTc3MjQzODQwMH0"
LOCATION = "https://app.example.com/callback?code=example-code&state=customer-42"

Schemas = Mapping[str, dict[str, Any]]


def add_to(schemas: Schemas, bodies: Iterable[tuple[str, Any]]) -> None:
    """Give every field of the schemas an example, in place. bodies: (schema, example of the whole)."""
    found: dict[tuple[str, str], Any] = {}
    for name, body in bodies:
        _collect(schemas, name, body, found)
    for name, schema in schemas.items():
        for field, shape in schema.get("properties", {}).items():
            if "examples" in shape or leads_on(shape, schemas):
                continue
            for example in _candidates(name, field, shape, found):
                shape["examples"] = [example]
                break


def _candidates(
    schema: str, field: str, shape: Mapping[str, Any], found: Mapping[tuple[str, str], Any]
) -> Iterable[Any]:
    """The most special first."""
    if field in (own := _OF_MODELS.get(schema, {})):
        yield own[field]
    if (schema, field) in found:
        yield found[schema, field]
    if "const" in shape:
        yield shape["const"]
    if "enum" in shape:
        yield shape["enum"][0]
    if field in _EXAMPLES:
        yield _EXAMPLES[field]
    if "default" in shape and shape["default"] not in ("", []):
        yield shape["default"]
    if shape.get("type") == "boolean":
        yield True
    if "enum" in shape.get("items", {}):
        yield [shape["items"]["enum"][0]]


def _collect(schemas: Schemas, name: str, value: object, found: dict[tuple[str, str], Any]) -> None:
    """Note the values that an example gives to the fields of a schema, and of those within it."""
    if not isinstance(value, dict):
        return
    fields = schemas[name].get("properties", {})
    for field, inner in value.items():
        if field in fields:
            found.setdefault((name, field), inner)
            for within in _models(fields[field]):
                for one in inner if isinstance(inner, list) else [inner]:
                    _collect(schemas, within, one, found)


def _models(shape: Mapping[str, Any]) -> Iterable[str]:
    """The schemas that a field, or an item of it, refers to."""
    if "$ref" in shape:
        yield shape["$ref"].rpartition("/")[2]
    for part in (*shape.get("anyOf", ()), *shape.get("oneOf", ()), *([shape["items"]] if "items" in shape else ())):
        yield from _models(part)


def leads_on(shape: Mapping[str, Any], schemas: Schemas) -> bool:
    """Whether it is an object with fields of its own, or a list of such: the examples are those of the fields."""
    return any("properties" in schemas[name] for name in _models(shape))


def compose(shape: Mapping[str, Any], schemas: Schemas) -> Any:
    """An example of a whole, from those of its fields."""
    if "$ref" in shape:
        name = shape["$ref"].rpartition("/")[2]
        found = schemas[name]
        if "properties" not in found:
            return compose(found, schemas)
        own = _OF_MODELS.get(name, {})
        return {
            field: own[field] if field in own else compose(inner, schemas)
            for field, inner in found["properties"].items()
            if f"{name}.{field}" not in _LEFT_OUT
        }
    given = (*shape.get("examples", ()), *([shape["const"]] if "const" in shape else ()), *shape.get("enum", ()))
    if given:
        return given[0]
    if choices := (*shape.get("anyOf", ()), *shape.get("oneOf", ())):
        return compose(choices[0], schemas)
    if shape.get("type") == "array":
        return [compose(shape["items"], schemas)]
    return {name: compose(inner, schemas) for name, inner in shape.get("properties", {}).items()}


def echoed(answer: Mapping[str, Any], body: Mapping[str, Any], secrets: frozenset[str]) -> dict[str, Any]:
    """An answer that repeats what a request sent: the members that both have, but no secrets."""
    same = {name: value for name, value in body.items() if name in answer and name not in secrets and _is_flat(value)}
    return {**answer, **same}


def connector(answer: Mapping[str, Any], body: Mapping[str, Any], secrets: frozenset[str]) -> dict[str, Any]:
    """The connector of a body of POST /v3/connectors."""
    sent = body.get("settings", {})
    settings = {name: value for name, value in sent.items() if name not in secrets}
    return {
        **answer,
        "name": body["provider"].capitalize(),
        "provider": body["provider"],
        "settings": settings,
        "scope": [],
    }


def connected(grant: Mapping[str, Any], body: Mapping[str, Any], secrets: frozenset[str]) -> dict[str, Any]:
    """The grant of a body of POST /v3/connect/custom, when it is new."""
    sent, provider = body["settings"], body["provider"]
    address = next((sent[name] for name in _ADDRESSES if name in sent), grant["email"])
    usual = _SCOPES.get(provider, [])
    by_client = _BY_CLIENT if provider in _SCOPES else ()
    elsewhere = {"name", "state", "ip", "user_agent", *_BY_CLIENT}
    return {
        **{name: value for name, value in grant.items() if name not in elsewhere},
        "provider": provider,
        "email": address,
        "scope": body.get("scope", sent.get("scopes", usual)),
        "settings": {name: value for name, value in sent.items() if name not in {*secrets, *_NOT_SHOWN}},
        "created_at": grant["updated_at"],
        **{name: body[name] for name in ("name", "state") if name in body},
        **{name: sent.get(name, grant[name]) for name in by_client},
        "opengrant": {**grant["opengrant"], "proven_at": grant["updated_at"], "refreshes": 0},
    }


_NOT_SHOWN = frozenset({"credential_id", "scope", "scopes"})
_SCOPES = {
    "google": ["https://www.googleapis.com/auth/gmail.readonly"],
    "microsoft": ["Mail.Read", "offline_access"],
    "yahoo": ["openid", "email", "mail-r"],
    "zoom": ["user:read:user", "meeting:write:meeting"],
}
"""What grants by a client have, unless the request names scopes."""
_ADDRESSES = ("email", "email_address", "imap_username", "username")
_BY_CLIENT = ("credential_id", "provider_user_id")


def _is_flat(value: object) -> bool:
    return not isinstance(value, dict) and not (isinstance(value, list) and any(isinstance(one, dict) for one in value))


_LEFT_OUT = frozenset(
    {
        *("Grant.email_aliases", "GrantHealth.trouble", "GrantHealth.degraded", "GrantHealth.missing_scopes"),
        *("GrantHealth.refresh_token_expires_at", "GrantTrouble.needs_attention"),
        *("When.date", "When.start_date", "When.end_date", "Event.master_event_id", "Event.original_start_time"),
        *("Message.raw_mime", "Message.headers", "Message.tracking_options", "CleanMessage.raw_mime"),
        *("CleanMessage.headers", "CleanMessage.tracking_options", "SentMessage.raw_mime", "SentMessage.headers"),
        *("SentMessage.tracking_options", "SentMessage.schedule_id", "SentMessage.send_at", "FreeBusy.error"),
        *("Moment.actor", "Moment.request_id", "Moment.refreshes", "Moment.detail", "TrialStep.remedy"),
        *("Event.notetaker", "Calendar.notetaker", "DegradedSource.host", "Delivery.next_try_at"),
        *("Delivery.reason", "DeliveryInFull.ended_at", "AnsweredRequest.session_id"),
    }
)
"""Fields that do not go together with the others of their model, or that only come when a request asks for them."""

_EXAMPLES: dict[str, Any] = {
    # ids, names and addresses
    "id": GRANT_ID,
    "grant_id": GRANT_ID,
    "application_id": APPLICATION,
    "organization_id": f"{_UUID}01",
    "default_workspace_id": WORKSPACE,
    "workspace_id": WORKSPACE,
    "workspace_ids": WORKSPACE,
    "credential_id": CREDENTIAL,
    "active_credential_id": CREDENTIAL,
    "connector_id": f"{_UUID}c0",
    "api_key_id": API_KEY,
    "domain_id": DOMAIN,
    "external_id": "customer-42",
    "request_id": REQUEST_ID,
    "email": "ana@example.com",
    "email_address": "ana@example.com",
    "emails": ["ana@example.com"],
    "email_aliases": ["ana.mueller@example.com"],
    "email_prefix": "ana@",
    "email_contains": "example.com",
    "name": "Ana Müller",
    "display_name": "Bo Berg",
    "given_name": "Bo",
    "surname": "Berg",
    "provider": "google",
    "provider_user_id": "110248495921238986420",
    "state": "customer-42",
    "account_id": "not-used-here",
    "account_ids": "not-used-here",
    "ip": "203.0.113.7",
    "ip_addresses": ["203.0.113.20"],
    "user_agent": "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0",
    "domain": "example.com",
    "specific_domain": "example.com",
    "domain_name": "links.example.com",
    "url": "https://app.example.com/callback",
    "host": "imap.example.com",
    "port": 993,
    "username": "ana@example.com",
    "password": "example-app-password",
    "tenant": "contoso.example",
    "scope": ["https://www.googleapis.com/auth/gmail.readonly"],
    "scopes": ["https://www.googleapis.com/auth/gmail.readonly"],
    "policy_id": f"{_UUID}91",
    "rule_ids": [f"{_UUID}92"],
    "actor": f"key:{API_KEY}",
    # times
    "at": _NOW,
    "finished_at": _NOW - _DAY,
    "cut_over_at": _NOW - 2 * _DAY,
    "cut_over_done_at": _NOW - 2 * _DAY,
    "ends_at": _NOW + 64,
    "paused_until": _NOW + 20,
    "created_at": _NOW - 30 * _DAY,
    "updated_at": _NOW - _DAY,
    "used_at": _NOW - 60,
    "last_used_at": _NOW - 60,
    "expires_at": _NOW + _HOUR,
    "ended_at": _NOW + 2,
    "since": _NOW - 7 * _DAY,
    "search": "ana@",
    "lasts_seconds": 7 * _DAY,
    "before": _NOW,
    "start": _NOW,
    "end": _NOW + 7 * _DAY,
    "start_time": _NOW + _HOUR,
    "end_time": _NOW + 2 * _HOUR,
    "time": _NOW + _HOUR,
    "date": _NOW - _HOUR,
    "send_at": _NOW + _DAY,
    "close_time": _NOW + _DAY + 4,
    "started_at": _NOW - 9 * _DAY,
    "seen_at": _NOW - 10,
    "proven_at": _NOW - _HOUR,
    "next_check_at": _NOW + 23 * _HOUR,
    "probe_at": _NOW + 300,
    "first_seen": _NOW - _HOUR,
    "last_seen": _NOW - 60,
    "status_updated_at": _NOW - 30 * _DAY,
    "oldest_pending_at": _NOW - 5,
    "next_try_at": _NOW + 30,
    "refresh_token_expires_at": _NOW + 7 * _DAY,
    "updated_after": _NOW - _DAY,
    "updated_before": _NOW,
    "received_after": _NOW - 7 * _DAY,
    "received_before": _NOW,
    "earliest_message_date": _NOW - 2 * _DAY,
    "latest_message_after": _NOW - 7 * _DAY,
    "latest_message_before": _NOW,
    "latest_message_received_date": _NOW - _HOUR,
    "latest_message_sent_date": _NOW - _DAY,
    "after_created_at": _NOW - 30 * _DAY,
    "iat": _NOW,
    "exp": _NOW + _HOUR,
    "start_date": "2026-03-02",
    "end_date": "2026-03-06",
    "timezone": "Europe/Berlin",
    "start_timezone": "Europe/Berlin",
    "end_timezone": "Europe/Berlin",
    "expires_in": 3600,
    "hours": 24,
    # lists
    "limit": 50,
    "offset": 0,
    "page_token": NEXT_CURSOR,
    "select": "id,subject",
    "metadata": {"key1": "order-17"},
    "metadata_pair": "key1:order-17",
    # what is wrong
    "class": "reconnect",
    "reason": "token_revoked",
    "provider_code": "invalid_grant",
    "provider_text": "Token has been expired or revoked.",
    "provider_error": {"error": "invalid_grant", "error_description": "Token has been expired or revoked."},
    "remedy": "The mailbox owner must sign in again; then send the new refresh token.",
    "missing_scopes": ["https://www.googleapis.com/auth/calendar"],
    "message": "The record was found.",
    "detail": {"provider": "google"},
    "error": "invalid_grant",
    "error_code": 400,
    "error_description": "The code was used before. Start the sign-in again.",
    "error_uri": "https://datatracker.ietf.org/doc/html/rfc6749#section-5.2",
    "failures": 0,
    "refreshes": 12,
    # tokens
    "access_token": "ya29.example-access-token",
    "refresh_token": "example-refresh-token",
    "id_token": "eyJhbGciOiJSUzI1NiJ9.example.example",
    "token": "example-access-token",
    "code_challenge": "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM",
    "code_verifier": "example-code-verifier",
    "idp_claims": "example-claims",
    "iss": "https://grants.example.com",
    "aud": APPLICATION,
    "sub": GRANT_ID,
    "keys": [
        {"kty": "RSA", "use": "sig", "alg": "RS256", "kid": "b1c2d3", "n": "0vx7agoebGcQSuuPiLJXZpt", "e": "AQAB"}
    ],
    "proxy_token": "nyk_m0_example",
    "webhook_secret": "example-webhook-secret",
    "client_id": "123-example.apps.googleusercontent.com",
    "client_secret": "GOCSPX-example",
    # calendars and events
    "calendar_id": "primary",
    "calendar_ids": ["primary"],
    "event_id": "b3c1f0de-0000-4000-8000-000000000e01",
    "title": "Room 12: planning",
    "description": "Bring the numbers of February.",
    "text_description": "Bring the numbers of February.",
    "location": "Room 12, third floor",
    "capacity": 12,
    "attendees": "ana@example.com",
    "ical_uid": "planning@example.com",
    "master_event_id": EVENT,
    "original_start_time": _NOW + _HOUR,
    "hex_color": "#039BE5",
    "hex_foreground_color": "#FFFFFF",
    "notetaker": {"name": "Notes"},
    "autocreate": {},
    "recurrence": ["RRULE:FREQ=WEEKLY;BYDAY=MO"],
    "reminder_minutes": 10,
    "order": ["ana@example.com"],
    "exdates": ["2026-04-06"],
    "days": [1, 2, 3, 4, 5],
    "duration_minutes": 30,
    "interval_minutes": 30,
    "round_to": 15,
    "round_robin_group_id": "sales",
    "building": "Main building",
    "floor_name": "Third floor",
    "floor_section": "East",
    "floor_number": 3,
    "comment": "I will be ten minutes late.",
    "phone": ["+49 30 5550100"],
    "phone_number": "+49 30 5550100",
    "meeting_code": "123 456 789",
    "pin": "1234",
    "ics": "BEGIN:VCALENDAR…",
    "uid": "planning@example.com",
    "created": 12,
    "updated": 3,
    "unchanged": 40,
    # mail
    "subject": "Lunch?",
    "body": "<p>At noon.</p>",
    "snippet": "At noon.",
    "text": "At noon.",
    "html": "<p>At noon.</p>",
    "images_left_out": 0,
    "conversation": "At noon.",
    "folders": ["INBOX"],
    "attributes": ["\\Inbox"],
    "total_count": 1204,
    "unread_count": 3,
    "thread_id": THREAD,
    "message_id": MESSAGE,
    "message_ids": [MESSAGE],
    "draft_ids": [DRAFT],
    "reply_to_message_id": MESSAGE,
    "raw_mime": "RnJvbTogQm8gPGJvQGV4YW1wbGUuY29tPg0K",
    "signature_id": SIGNATURE,
    "schedule_id": SCHEDULE,
    "filename": "menu.pdf",
    "content": "JVBERi0xLjcK",
    "content_id": "menu",
    "content_type": "application/pdf",
    "content_disposition": "attachment",
    "size": 48213,
    "label": "spring-offer",
    "value": "order-17",
    "any_email": "bo@example.com",
    "from": "bo@example.com",
    "to": "ana@example.com",
    "cc": "cy@example.com",
    "bcc": "di@example.com",
    "in": "INBOX",
    "q": "lunch",
    "search_query_native": "SUBJECT lunch",
    "fields": "include_headers",
    "source": "inbox",
    "group": "friends",
    "groups": [],
    "phone_numbers": [],
    "physical_addresses": [],
    "im_addresses": [],
    "web_pages": [],
    # applications and sign-in pages
    "settings": {},
    "origin": "https://app.example.com",
    "bundle_id": "com.example.app",
    "app_store_id": "1234567890",
    "team_id": "A1B2C3D4E5",
    "package_name": "com.example.app",
    "sha1_certificate_fingerprint": "5E:8F:16:06:2E:A3:CD:2C:4A:0D:54:78:76:BA:A6:F3:8C:AB:F6:25",
    "login_url": "https://app.example.com/login",
    "logout_url": "https://app.example.com/logout",
    "refresh_token_expiration_absolute": 31_536_000,
    "refresh_token_expiration_idle": 2_592_000,
    "icon_url": "https://app.example.com/icon.png",
    "website_url": "https://app.example.com",
    "background_image_url": "https://app.example.com/background.png",
    "background_color": "#ffffff",
    "color_primary": "#0b57d0",
    "color_secondary": "#174ea6",
    "subtitle": "Acme needs your calendar to book meetings for you.",
    "spacing": 8,
    "terms_of_service_url": "https://app.example.com/terms",
    "privacy_policy_url": "https://app.example.com/privacy",
    "origins": "https://app.example.com",
    "issuers": "https://login.example.com",
    "branding": {"name": "Acme", "website_url": "https://app.example.com"},
    "hosted_authentication": {"title": "Connect", "color_primary": "#0b57d0"},
    "idp_settings": {},
    "mail_settings": {"hard_delete": False},
    "region": "eu",
    "environment": "production",
    "v2_application_id": "not-used-here",
    "login_hint": "ana@example.com",
    "options": "detect,imap,google",
    "redirect_uri": "https://app.example.com/callback",
    "application_name": "Acme",
    "idle_seconds": 1800,
    "topic_name": "projects/example-project/topics/mail",
    "project_id": "example-project",
    "why": "Finds whose mailbox it is.",
    "steps": ["Create a project in the Google Cloud console.", "Create an OAuth client of the type Web application."],
    # webhooks, audit and numbers
    "webhook_id": WEBHOOK,
    "webhook_url": "https://example.com/hook",
    "notification_email_addresses": ["ops@example.com"],
    "webhook_delivery_attempt": 1,
    "outcome": "200",
    "attempts": 1,
    "replayed": 3,
    "verified": 4,
    "refreshed": 120,
    "failed": 0,
    "pending": 2,
    "valid": 342,
    "invalid": 3,
    "troubled": 2,
    "held": 0,
    "grants": 118,
    "overdue": 0,
    "suspected": 1,
    "tokens_within_hour": 40,
    "tokens_within_day": 342,
    "job_id": f"{_UUID}f0",
}
"""By the name of a field, in every model that has no example of its own for it."""

_ANA, _BO = {"email": "ana@example.com", "name": "Ana Müller"}, {"email": "bo@example.com", "name": "Bo Berg"}
_NOBODY: dict[str, Any] = {"cc": [], "bcc": [], "reply_to": [], "attachments": []}
_RECEIVED = {"id": MESSAGE, "object": "message", "from": [_BO], "to": [_ANA], **_NOBODY, "starred": False}
_WRITTEN = {"from": [_ANA], "to": [_BO], **_NOBODY, "unread": False, "starred": False}
_CLIENT = {"client_id": "123-example.apps.googleusercontent.com", "client_secret": "GOCSPX-example"}
_WHEN = {"start_time": _NOW + _HOUR, "end_time": _NOW + 2 * _HOUR}
_HOOK = {"id": WEBHOOK, "description": "Production"}
_LOGIN = {"password": "example-app-password"}

_OF_MODELS: Mapping[str, Mapping[str, Any]] = {
    "ActivityBucket": {"at": _NOW, "failures": {}},
    "AdminConsentData": {"client_id": f"{_UUID}a1", "client_secret": "example~client~secret"},
    "AgentAccount": {"name": "Sales Agent"},
    "AgentSettings": {"email": "sales@agents.example.com"},
    "ApiKey": {"id": API_KEY, "name": "ci", "expires_in": 90 * _DAY, "expires_at": _NOW + 60 * _DAY},
    "ApplicationPatch": {"created_at": _NOW, "updated_at": _NOW, "blocked": False},
    "AssignBody": {"assign_grants": [GRANT_ID], "remove_grants": [f"{_UUID}d2"]},
    "Attachment": {"id": "2", "is_inline": False},
    "AuditEntry": {"id": "81042", "type": "grant.created", "detail": {"provider": "google"}},
    "AutoGroupJob": {"message": "The grants are grouped in the background."},
    "Branding": {"name": "Acme", "description": "Books meetings for you."},
    "BrandingRemark": {
        "field": "hosted_authentication.color_primary",
        "message": "The colour is made darker, so that white text can be read on it.",
    },
    "Buffer": {"before": 10, "after": 10},
    "CaldavLogin": {
        "principal_url": "https://caldav.example.com/1234567/principal/",
        "home_url": "https://caldav.example.com/1234567/calendars/",
        **_LOGIN,
    },
    "Calendar": {"id": CALENDAR, "object": "calendar", "name": "Room 12", "is_primary": True, "read_only": False},
    "CallbackUri": {"id": REDIRECT_URI},
    "Cancelled": {"message": "The message is not sent."},
    "CleanMessage": _RECEIVED,
    "ClientData": {"tenant": "contoso.example", **_CLIENT},
    "Connector": {"name": "Acme at Google", "settings": {"topic_name": "projects/example-project/topics/mail"}},
    "ConnectorPatch": {"name": "Acme at Google"},
    "ConsoleSession": {
        "id": SESSION,
        "kind": "api_key",
        "permissions": ["all"],
        "operator": False,
        "created_at": _NOW - _HOUR,
        "expires_at": _NOW + 7 * _HOUR,
    },
    "Contact": {"id": CONTACT, "object": "contact", "source": "inbox"},
    "ContactEmail": {"email": "bo@example.com"},
    "ContactGroup": {"id": "friends", "object": "contact_group", "name": "Friends"},
    "ConferencingDetails": {"password": "example-of-a-pin", "url": "https://meet.example.com/123456789"},
    "Credential": {"id": CREDENTIAL, "name": "EU app"},
    "CustomHeader": {"name": "X-Order"},
    "DegradedSource": {
        "class": "connector",
        "reason": "client_refused",
        "provider_code": "invalid_client",
        "remedy": "Correct the connector's client id and secret.",
    },
    "ImportOptions": {"name": "users.ndjson", "cut_over": True, "hold_refresh": True, "again": False},
    "ImportReport": {
        "lines": 10_000,
        "new": 4000,
        "known": 86,
        "unknown": 5900,
        "refused": 14,
        "providers": {"google": 5900, "imap": 4086},
        "missing_connectors": {},
        "forecast_seconds": 118,
    },
    "RefusedLine": {
        "line": 4711,
        "id": "customer-42",
        "class": "bad_request",
        "reason": "settings.refresh_token: is required.",
        "remedy": "Correct the row.",
    },
    "ImportCounts": {
        "staged": 120,
        "waiting": 3100,
        "created": 6500,
        "renewed": 210,
        "unchanged": 0,
        "sign_in": 52,
        "refused": 14,
        "failed": 4,
        "cancelled": 0,
    },
    "ImportJob": {"id": IMPORT, "name": "users.ndjson", "status": "running"},
    "ImportProgress": {
        "id": IMPORT,
        "name": "users.ndjson",
        "status": "running",
        "rows": 10_000,
        "rows_per_second": 48.2,
        "all_sources": 3,
        "span_seconds": 10,
    },
    "ImportResult": {
        "line": 4711,
        "id": "customer-42",
        "outcome": "sign_in",
        "class": "reconnect",
        "reason": "The refresh token was revoked, or has expired.",
        "remedy": "Ask the mailbox owner to sign in again.",
        "attempts": 1,
    },
    "ResultFilter": {"outcome": "refused,failed"},
    "ResultQuery": {"outcome": "refused,failed"},
    "ImportSource": {"id": f"{_UUID}c0", "state": "paused", "rows": 10_000},
    "ImportSpan": {"rows": 480},
    "ImportTrouble": {
        "class": "connector",
        "reason": "client_refused",
        "remedy": "Correct the connector's client id and secret.",
    },
    "AnsweredRequest": {
        "id": REQUEST_ID,
        "method": "GET",
        "route": "/v3/grants/{grant_id}",
        "status": 404,
        "duration_ms": 1.2,
        "node": "grants-1:4711",
        "session_id": SESSION,
    },
    "DeliveryAttempt": {
        "number": 1,
        "duration_ms": 85,
        "outcome": "500",
        "reason": "Answered 500",
        "signature": "9f1c0a3b5d7e9f1c0a3b5d7e9f1c0a3b5d7e9f1c0a3b5d7e9f1c0a3b5d7e9f1c",
        "answer_headers": {"content-type": "text/plain", "set-cookie": "***"},
        "answer_body": "The database is down.",
        "answer_cut": False,
    },
    "DeliveryInFull": {
        "id": DELIVERY,
        "webhook_id": WEBHOOK,
        "event_id": f"{_UUID}e7",
        "type": "grant.created",
        "state": "pending",
        "attempts": 1,
        "outcome": "500",
        "reason": "Answered 500",
        "url": "https://example.com/hook",
        "headers": {"Content-Type": "application/json"},
        "notification": {"type": "grant.created", "webhook_delivery_attempt": 1},
        "lacks_contents": False,
    },
    "RequestError": {
        "type": "grant.not_found",
        "name": "GrantNotFound",
        "meaning": "The application has no such grant: check the id, or list its grants.",
    },
    "RequestQuery": {
        "status": "404",
        "error": "grant.not_found",
        "route": "/v3/grants/{grant_id}",
    },
    "WebhookFailing": {"attempts": 3, "reason": "Answered 500"},
    "Database": {"engine": "sqlite", "version": "3.46.1", "bytes": 73_400_320},
    "Delivery": {
        "id": DELIVERY,
        "type": "grant.created",
        "state": "delivered",
        "created_at": _NOW,
    },
    "Details": {"region": "eu", "environment": "production", "domain": "example.com", "blocked": False},
    "Detection": {"email_address": "eve@example.com", "provider": "imap", "type": "example-mail"},
    "Domain": {
        "id": DOMAIN,
        "name": "Mail",
        "domain_address": "agents.example.com",
        "verified_dmarc": False,
        "verified_arc": False,
        "branded": False,
    },
    "Draft": {**_WRITTEN, "id": DRAFT, "object": "draft", "folders": ["Drafts"]},
    "EventsQuery": {"title": "planning", "description": "February", "location": "Room 12", "select": "id,title,when"},
    "ErrorDetail": {"type": "grant.not_found", "message": "Grant not found"},
    "Event": {
        "id": EVENT,
        "object": "event",
        "calendar_id": CALENDAR,
        "participants": [{"email": "ana@example.com", "name": "Ana Müller", "status": "yes"}],
        "resources": [{"email": "room-12@example.com", "name": "Room 12"}],
        "conferencing": {"provider": "Zoom Meeting", "details": {"url": "https://meet.example.com/123456789"}},
        "reminders": {"use_default": False, "overrides": [{"reminder_minutes": 10, "reminder_method": "popup"}]},
        "visibility": "public",
        "status": "confirmed",
        "organizer": {"email": "room-12", "name": "Room 12"},
        "hide_participants": False,
        "read_only": False,
    },
    "ExchangeLogin": {
        "url": "https://mail.example.com/EWS/Exchange.asmx",
        "auth": "ntlm",
        "version": "Exchange2016",
        "mailbox": "gil@ews.example.com",
        "username": "gil@ews.example.com",
        **_LOGIN,
    },
    "Feed": {"url": "https://grants.example.com/feeds/example-of-a-secret.ics"},
    "Folder": {"id": "INBOX", "name": "INBOX", "object": "folder"},
    "FreeBusy": {"object": "free_busy", "error": "The application has no grant with this address."},
    "GoogleConnector": {"name": "Acme at Google"},
    "Grant": {"blocked": False},
    "GrantDegraded": {"class": "connector", "reason": "client_refused", "provider_code": "invalid_client"},
    "GrantTrouble": {"failures": 3, "suspected": False, "held": False},
    "GrantConditions": {"troubled": True},
    "GrantQuery": {"troubled": True},
    "HeaderField": {"name": "List-Id", "value": "<news.example.com>"},
    "ICloudLogin": {"name": "Fay"},
    "ImapLogin": {"email": "eve@example.com", "name": "Eve"},
    "ImapSettings": {
        "email": "eve@example.com",
        "smtp_username": "eve@example.com",
        "smtp_password": "example-app-password",
        "type": "yahoo",
    },
    "IdpSettings": {"origins": "https://app.example.com"},
    "Installation": {"version": "0.2.0", "python": "3.12.8", "system": "Linux 6.12", "pending_migrations": []},
    "LiveToken": {"access_token": "ya29.example-access-token"},
    "MailAddress": {"email": "bo@example.com", "name": "Bo Berg"},
    "Message": _RECEIVED,
    "Migration": {"name": "0036_message_metadata", "applied_at": _NOW - 30 * _DAY},
    "MicrosoftConnector": {"name": "Acme at Microsoft", "scope": ["Mail.Read", "offline_access"]},
    "Moment": {
        "id": "81043",
        "type": "expired",
        "class": "reconnect",
        "detail": {"changed": ["credential"]},
    },
    "NewApiKey": {"id": API_KEY, "name": "ci", "api_key": "nyk_v0_example", "expires_at": _NOW + 90 * _DAY},
    "Notified": {"notified": False},
    "OpenDayBody": {"date": "2026-03-02", "start": "9:00", "end": "17:00"},
    "OrganizerBody": {"name": "Room 12"},
    "OutgoingAttachment": {"id": "menu"},
    "Overview": {"degraded": []},
    "ParticipantBody": {"grant_id": GRANT_ID},
    "PlainConnector": {"name": "Other mail", "scope": ["ews.messages"], "scopes": ["ews.messages"]},
    "LeftOut": {"reason": "Hosted sign-in does not offer virtual-calendar. Connect it by POST /v3/connect/custom."},
    "OwnerLink": {"url": "https://grants.example.com/v3/connect/link/example-link"},
    "Place": {"name": "Google Cloud console", "url": "https://console.cloud.google.com/apis/credentials"},
    "Process": {"id": f"{_UUID}a7", "host": "grants-1", "pid": 1, "version": "0.2.0", "this": True},
    "Provider": {"name": "Google", "redirect_uri": "https://grants.example.com/v3/connect/callback"},
    "ProxyToken": {"username": GRANT_ID},
    "ReconnectLink": {
        "url": f"https://grants.example.com/v3/connect/auth?client_id={APPLICATION}&provider=google&login_hint=ana%40example.com"
    },
    "RecordOptions": {"host": "@", "type": "TXT", "value": "opengrant-verification=example"},
    "RedirectUri": {"id": REDIRECT_URI, "platform": "web", "settings": {"origin": "https://app.example.com"}},
    "Resource": {"email": "room-12@example.com", "name": "Room 12"},
    "RoomResource": {"email": "room-12@example.com", "name": "Room 12", "object": "room_resource"},
    "Sample": {"id": "b3c1f0de-0000-4000-8000-000000000e01", "source": "/opengrant/grants", "type": "grant.created"},
    "SampleData": {"object": {"grant_id": GRANT_ID, "provider": "google", "code": 25027}},
    "ScheduleStatus": {"code": "pending", "description": "Waits until it is sent."},
    "ScopeGuide": {"scope": "openid"},
    "SentMessage": {**_WRITTEN, "id": MESSAGE, "object": "message", "folders": ["Sent"]},
    "ServiceAccountData": {"client_id": "110248495921238986420"},
    "Setting": {
        "name": "OPENGRANT_LOG_FORMAT",
        "value": "json",
        "default": "console",
        "source": "the environment",
        "secret": False,
        "meaning": "How log lines are written.",
    },
    "SettingGuide": {"name": "client_id", "why": "As the provider shows it.", "secret": False},
    "ShownMessage": {"text": "At noon."},
    "Signature": {"id": SIGNATURE, "object": "signature", "name": "Work", "body": "<p>Ana Müller<br>Acme</p>"},
    "SignaturePatch": {"body": "<p>Ana Müller</p>"},
    "SkippedEvent": {"uid": "broken@example.com", "reason": "DTSTART is missing."},
    "Thread": {
        "id": "tPDFmMmUzZDRjQG1haWwuZXhhbXBsZS5jb20-",
        "object": "thread",
        "starred": False,
        "has_drafts": False,
    },
    "TimeSlot": {"status": "busy", "object": "time_slot"},
    "TokenAnswer": {"scope": "https://www.googleapis.com/auth/gmail.readonly", "access_token": "example-access-token"},
    "TokenInfo": {"iat": _NOW},
    "TokenRequest": {"grant_id": GRANT_ID, "code_verifier": "example-code-verifier"},
    "Tracking": {"opens": False, "links": False, "thread_replies": False},
    "TrialStep": {"name": "Token endpoint", "state": "ok", "text": "It answers.", "remedy": "Check the firewall."},
    "Verification": {"status": "done", "expires_at": _NOW + 7 * _DAY},
    "VirtualCalendar": {"name": "Room 7"},
    "Webhook": _HOOK,
    "WebhookBacklog": _HOOK,
    "WebhookBody": _HOOK,
    "WebhookPatch": _HOOK,
    "WebhookWithSecret": _HOOK,
    "When": {"object": "timespan", "date": "2026-03-02", **_WHEN},
    "WhenBody": {"date": "2026-03-02"},
    "Workspace": {"name": "Example", "policy_id": "", "rule_ids": []},
    "WorkspacePatch": {"policy_id": None, "rule_ids": []},
    "YahooConnector": {"name": "Acme at Yahoo", "scope": ["openid", "email"], "scopes": ["openid", "email"]},
    "ZoomConnector": {"name": "Acme at Zoom", "scope": ["user:read:user"], "scopes": ["user:read:user"]},
    "AuthQuery": {"scope": "https://www.googleapis.com/auth/gmail.readonly", "client_id": APPLICATION},
}
"""By model, where the name of a field does not tell enough."""
