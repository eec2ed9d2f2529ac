"""The texts of /openapi.json that stand in no docstring: tags, path parameters, headers, the introduction."""

from collections.abc import Mapping

from opengrant.access.idempotency import LONGEST_KEY
from opengrant.api.http import openapi_examples as cast
from opengrant.api.http.authentication import CONSOLE_HEADER
from opengrant.model import ProviderName

SIGNATURE_HEADERS = {
    "Kid": "The `private_key_id` of a service account.",
    "Timestamp": "Unix seconds, within 5 minutes of the server's clock.",
    "Nonce": "1 to 128 characters that were not used before.",
    "Signature": (
        "Base64 of an RSASSA-PKCS1-v1_5 signature with SHA-256 over the canonical JSON of method (lower case),"
        " nonce, path (as sent, without query), payload (the body, as a string) and timestamp (a number)."
    ),
}
"""The four headers of a signed request; each is a security scheme, and a signed route asks for all."""

TAGS = {
    "Connect": "Create grants from credentials that you hold, and find the provider of an address.",
    "Grants": "List connected mailboxes, check, change and delete them, and get their live tokens.",
    "Calendars": "Keep calendars for rooms, people and agents, and find free times.",
    "Events": "Create, move and cancel events, also recurring ones.",
    "Contacts": "Find the people that a mailbox corresponds with.",
    "Mail": "Read and change the folders, messages, threads, drafts and attachments of IMAP, iCloud and Yahoo grants.",
    "Overview": "See the state of all grants, what needs attention soon, and what happened recently.",
    "Connectors": "Register your client of each provider here, and test it.",
    "Credentials": "Give a connector more clients, service accounts and tenants.",
    "Hosted sign-in": "Send users here to connect a mailbox on pages of this server.",
    "Tokens": "Exchange the result of a sign-in for access tokens, check them and revoke them.",
    "Webhooks": "Get a notification when a grant is created, changes, expires or is deleted, and see what was sent.",
    "Workspaces": "Group grants, by hand or by the domain of their address.",
    "Applications": "Set how sign-in pages look, and where they may lead back to.",
    "Audit": "See who did what to which grant.",
    "Console": "Sessions of the console, and calls that only the console uses.",
    "API keys": "Create and revoke API keys, by signed request.",
    "Domains": "Register domains for Agent Accounts and verify them, by signed request.",
    "Operations": "Ask whether the process is alive and can serve.",
}
"""In the order in which a newcomer needs them. A tag that is not here comes last."""

PATH_PARAMETERS: Mapping[str, tuple[str, Mapping[str, str]]] = {
    "api_key_id": ("An API key's id.", {"id": cast.API_KEY}),
    "application_id": ("The application's id.", {"id": cast.APPLICATION}),
    "attachment_id": ("An attachment of the message.", {"id": "2"}),
    "calendar_id": (
        "The calendar's id, or `primary`.",
        {"primary": "primary", "id": cast.CALENDAR},
    ),
    "contact_id": ("The contact's id.", {"id": cast.CONTACT}),
    "credential_id": ("A credential of this connector.", {"id": cast.CREDENTIAL}),
    "delivery_id": ("A delivery to this webhook.", {"id": cast.DELIVERY}),
    "domain_id": ("A domain's id, or the domain itself.", {"id": cast.DOMAIN, "domain": "agents.example.com"}),
    "event_id": (
        "The id of an event or a series, or that of one occurrence of a series.",
        {"event": cast.EVENT, "occurrence": f"{cast.EVENT}_20260302T080000Z"},
    ),
    "folder_id": ("The folder's id.", {"id": "INBOX"}),
    "grant_id": (
        "The grant's id, or what else names it: its email, or an id of your own.",
        {
            "id": cast.GRANT_ID,
            "grant:id": f"grant:{cast.GRANT_ID}",
            "email": "ana@example.com",
            "email:email": "email:ana@example.com",
            "external:id": "external:customer-42",
        },
    ),
    "draft_id": ("The draft's id, URL-encoded.", {"id": cast.DRAFT}),
    "message_id": ("The message's id, URL-encoded.", {"id": cast.MESSAGE}),
    "provider": ("A provider's name.", {provider.value: provider.value for provider in ProviderName}),
    "redirect_uri_id": ("A redirect URI's id.", {"id": cast.REDIRECT_URI}),
    "schedule_id": ("The schedule's id.", {"id": cast.SCHEDULE}),
    "session_id": ("A console session's id.", {"id": cast.SESSION}),
    "signature_id": ("The signature's id.", {"id": cast.SIGNATURE}),
    "thread_id": ("The `thread_id` of a message.", {"id": cast.THREAD}),
    "webhook_id": ("A webhook's id.", {"id": cast.WEBHOOK}),
    "workspace_id": ("A workspace's id.", {"id": cast.WORKSPACE}),
}
"""What stands in paths: a sentence, and examples by name."""

_IDEMPOTENCY_KEY = {
    "name": "Idempotency-Key",
    "in": "header",
    "required": False,
    "description": (
        "Makes it safe to send the request again: the same key and body get the first answer again, and another body"
        " with that key is refused. The description of the call says which answers are kept, and how long."
    ),
    "schema": {"type": "string", "minLength": 1, "maxLength": LONGEST_KEY, "pattern": "^[!-~]([ -~]*[!-~])?$"},
    "examples": {"random": {"value": "0b9f4c1e-example-of-a-key"}},
}

_IF_AVAILABLE = {
    "name": "If-Available",
    "in": "header",
    "required": False,
    "description": "`true`: create the event only if the calendar is free at its time; 409 otherwise.",
    "schema": {"type": "string", "enum": ["true", "false"]},
    "examples": {"only if free": {"value": "true"}},
}

HEADERS = {str(header["name"]): header for header in (_IDEMPOTENCY_KEY, _IF_AVAILABLE)}
"""Headers that some routes read."""

CONSOLE_PARAMETER = {
    "name": CONSOLE_HEADER,
    "in": "header",
    "required": True,
    "description": "Shows that a page of this server asks: pages of other origins cannot send it.",
    "schema": {"type": "string", "const": "1"},
    "examples": {"always": {"value": "1"}},
}

DESCRIPTION = """\
OpenGrant turns credentials into grants. It asks the provider whether a credential works and whose it is, stores it
encrypted, and answers with a grant: an id that stays the same when the same mailbox is connected again.

Every answer has a `request_id`. It is also in the header `X-Request-Id` and in the server's log. Unknown fields in
requests are ignored. Times are Unix seconds.
"""
