"""The texts of /openapi.json that stand in no docstring: tags, path parameters, headers, the introduction."""

from collections.abc import Mapping

from opengrant.access.idempotency import LONGEST_KEY
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
    "Connect": "Turn a credential that you hold into a grant, and find out which provider an address belongs to.",
    "Grants": "Look at mailboxes that are connected, change or delete them, and get their live tokens.",
    "Calendars": "Keep calendars for rooms, people and agents, and find times that are free.",
    "Events": "Book, move and cancel events, also those that repeat.",
    "Contacts": "Find the people that a mailbox corresponds with.",
    "Mail": "Read and change the folders, messages, threads, drafts and attachments of IMAP, iCloud and Yahoo grants.",
    "Overview": "See how all grants are, what will need attention, and what happened of late.",
    "Connectors": "Tell OpenGrant the client that you have registered at each provider, and test it.",
    "Credentials": "Give a connector further clients, service accounts and tenants.",
    "Hosted sign-in": "Send a user's browser here to connect a mailbox on pages of ours.",
    "Tokens": "Exchange what a sign-in brings for access tokens, check those and revoke them.",
    "Webhooks": "Be told when a grant is made, changes, expires or is deleted, and see what was sent.",
    "Workspaces": "Group grants, by hand or by the domain of their address.",
    "Applications": "Say how sign-in pages look, and where they may lead back to.",
    "Audit": "See who did what to which grant.",
    "Console": "Sessions of the console, and what only the console shows.",
    "API keys": "Make and revoke API keys, by signed request.",
    "Domains": "Register domains for Agent Accounts and verify them, by signed request.",
    "Operations": "Ask whether the process is alive and can serve.",
}
"""In the order in which a newcomer needs them. A tag that is not here comes last."""

_UUID = "1f2e3d4c-0000-4000-8000-0000000000"
PATH_PARAMETERS: Mapping[str, tuple[str, Mapping[str, str]]] = {
    "api_key_id": ("An API key's id.", {"id": f"{_UUID}b1"}),
    "application_id": ("The application's id.", {"id": f"{_UUID}a0"}),
    "attachment_id": ("An attachment of the message.", {"id": "2"}),
    "calendar_id": (
        "The calendar's id, or `primary`.",
        {"primary": "primary", "id": "0d2k7f8e4s5g1h9j3m6n0p2q4r"},
    ),
    "contact_id": ("The contact's id.", {"id": "c5d41402abc4b2a76b9719d911017c592"}),
    "credential_id": ("A credential of this connector.", {"id": f"{_UUID}c2"}),
    "delivery_id": ("A delivery to this webhook.", {"id": "4711"}),
    "domain_id": ("A domain's id, or the domain itself.", {"id": f"{_UUID}e1", "domain": "agents.example.com"}),
    "event_id": (
        "The id of an event or a series, or that of one occurrence of a series.",
        {"event": "0d2k7f8e4s5g1h9j3m6n0p2q4r", "occurrence": "0d2k7f8e4s5g1h9j3m6n0p2q4r_20260302T080000Z"},
    ),
    "folder_id": ("The folder's id.", {"id": "INBOX"}),
    "grant_id": (
        "The grant's id, or what else names it: its email, or an id of your own.",
        {
            "id": f"{_UUID}d1",
            "grant:id": f"grant:{_UUID}d1",
            "email": "ana@example.com",
            "email:email": "email:ana@example.com",
            "external:id": "external:customer-42",
        },
    ),
    "draft_id": ("The draft's id, URL-encoded.", {"id": "<1f2e3d4c@mail.example.com>"}),
    "message_id": ("The message's id, URL-encoded.", {"id": "<1f2e3d4c@mail.example.com>"}),
    "provider": ("A provider's name.", {provider.value: provider.value for provider in ProviderName}),
    "redirect_uri_id": ("A redirect URI's id.", {"id": f"{_UUID}f1"}),
    "schedule_id": ("The schedule's id.", {"id": f"{_UUID}d3"}),
    "session_id": ("A console session's id.", {"id": f"{_UUID}91"}),
    "signature_id": ("The signature's id.", {"id": f"{_UUID}c7"}),
    "thread_id": ("The `thread_id` of a message.", {"id": "tPDFmMmUzZDRjQG1haWwuZXhhbXBsZS5jb20-"}),
    "webhook_id": ("A webhook's id.", {"id": "whk_1f2e3d4c000040008000000000000071"}),
    "workspace_id": ("A workspace's id.", {"id": f"{_UUID}71"}),
}
"""What stands in paths: a sentence, and examples by name."""

_IDEMPOTENCY_KEY = {
    "name": "Idempotency-Key",
    "in": "header",
    "required": False,
    "description": (
        "Makes it safe to send the request again: the same key and body have the first answer as theirs, and another"
        " body under that key is refused. The description of the call says which answers are kept, and how long."
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
    "description": "Tells that a page of this server asks: pages of other origins cannot send it.",
    "schema": {"type": "string", "const": "1"},
    "examples": {"always": {"value": "1"}},
}

DESCRIPTION = """\
Credentials in, grants out. OpenGrant proves a credential against its provider, learns whose it is, seals it and
answers with a grant: an id that stays the same when the same mailbox comes again.

Every answer carries a `request_id`, which is also the `X-Request-Id` header and stands in the server's log.
Unknown fields in requests are ignored. Times are Unix seconds.
"""
