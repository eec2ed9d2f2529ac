"""What a refusal of an Exchange server means: leg "ews".

The first row that fits wins: what broke below HTTP, the server's own word, then the HTTP status. A refusal does not end
a grant where the sentence names a cause that passes (wording.py).

Sources  Microsoft's EWS `ResponseCode` reference. HTTP statuses and pages as seen in public issue threads of Exchange
         clients.
Quirks   Exchange says 401 to good passwords too, in long outages and when it throttles: before a grant ends, ask
         again later. A proxy or a login form in front of it answers in its place with pages of its own.
"""

from collections.abc import Mapping
from dataclasses import replace

from opengrant.errors import Evidence
from opengrant.providers.mail import refusals as mail
from opengrant.providers.verdict import (
    THROTTLED_BY_SERVER,
    UNKNOWN_REFUSAL,
    Kind,
    Verdict,
    bad_request,
    down,
    paced,
    reconnect,
)
from opengrant.providers.wording import passing

CONFIRM_AFTER = 900.0
"""Seconds before a password that Exchange refused is believed to be wrong."""


NOT_ASCII = "basic_beyond_ascii"
"""Subcode: the refused password was sent by Basic and has letters that the server may encode differently."""


PASSWORD = reconnect(
    "password_refused",
    "Check password and user name (user@domain, or DOMAIN\\user where the server wants it), then connect again.",
    confirm_after=CONFIRM_AFTER,
)
BASIC_BEYOND_ASCII = replace(
    PASSWORD,
    remedy="The password has letters beyond ASCII, which Basic spells differently from server to server: have the"
    " administrator enable NTLM for EWS, or use a password without them; else check password and user name, then"
    " connect again.",
)
LOCKED = reconnect("account_locked", "The account is locked: have its administrator unlock it, then connect again.")
PASSWORD_EXPIRED = reconnect("password_expired", "Set a new password in Outlook or Windows, then connect again.")
DISABLED = reconnect("account_disabled", "Ask the administrator to enable the account, then connect again.")
EWS_DISABLED = reconnect(
    "ews_disabled",
    "Ask the Exchange administrator to allow EWS for this mailbox and from this network, then connect again.",
)
NO_MAILBOX = reconnect("mailbox_unknown", "The server has no mailbox of this address: check settings.email.")
NOT_ALLOWED = reconnect(
    "not_authorized", "These credentials may not open this mailbox: connect with those of its owner, or ask for access."
)
OWN_MAILBOX_MISSING = bad_request("mailbox_missing", "This account has no mailbox: name one in settings.email.")
NOT_EWS = bad_request(
    "not_ews", "No Exchange Web Services answer there: check ews_host and ews_port, or ask the administrator."
)
LOGIN_FORM = bad_request(
    "login_form",
    "A login page stands before the Exchange server: ask the administrator to publish /EWS/Exchange.asmx without it.",
)
NO_LOGIN = bad_request(
    "login_not_offered", "The server offers neither NTLM nor Basic: ask the administrator to enable one for EWS."
)
MODERN_AUTH = bad_request(
    "password_login_disabled", "The server takes no passwords: connect this mailbox as provider microsoft, with OAuth."
)
EXCHANGE_ONLINE = bad_request(
    "exchange_online", "This mailbox is at Microsoft 365, which takes no passwords: connect it as provider microsoft."
)
NO_AUTHENTICATION = bad_request(
    "no_authentication", "The server answers without asking who we are: it is none that can prove a password."
)
ELSEWHERE = bad_request(
    "redirected_elsewhere", "The password was not sent to that host: if it is the right one, give it as ews_host."
)
NOT_FOUND = bad_request(
    "exchange_not_found", "Autodiscover found no Exchange server for this address: give its name as ews_host."
)
OLD_SERVER = bad_request("server_too_old", "This Exchange server is older than 2007 SP1 and cannot be used.")
OUTAGE = down("server_unavailable", "The Exchange server is not available: try again later.")
NOT_KEPT = down(
    "connection_not_kept",
    "NTLM needs a connection that stays open: have the proxy before the server keep it, or enable Basic for EWS.",
)
SENSELESS = down("senseless_answer", "The server's answer makes no sense: try again later, or ask its administrator.")

RESPONSE_CODES: Mapping[str, Verdict] = {
    code: verdict
    for verdict, codes in (
        (NO_MAILBOX, "ErrorNonExistentMailbox ErrorInvalidSmtpAddress"),
        (NO_MAILBOX, "ErrorNonPrimarySmtpAddress"),
        (OWN_MAILBOX_MISSING, "ErrorMissingEmailAddress"),
        (NOT_ALLOWED, "ErrorAccessDenied ErrorImpersonateUserDenied ErrorImpersonationDenied ErrorFolderNotFound"),
        (PASSWORD_EXPIRED, "ErrorPasswordExpired ErrorPasswordChangeRequired"),
        (DISABLED, "ErrorAccountDisabled"),
        (OUTAGE, "ErrorMailboxMoveInProgress ErrorMailboxStoreUnavailable ErrorMailboxFailover ErrorConnectionFailed"),
        (OUTAGE, "ErrorInternalServerTransientError ErrorTimeoutExpired ErrorNoRespondingCASInDestinationSite"),
        (OUTAGE, "ErrorInternalServerError ErrorADUnavailable ErrorADOperation"),
        (THROTTLED_BY_SERVER, "ErrorServerBusy ErrorExceededConnectionCount ErrorTooManyObjectsOpened"),
        (OLD_SERVER, "ErrorInvalidServerVersion ErrorIncorrectSchemaVersion"),
        (OLD_SERVER, "ErrorInvalidSchemaVersionForMailboxVersion"),
    )
    for code in codes.split()
}

_OUR_WORDS: Mapping[str, Verdict] = {
    "password_refused": PASSWORD,
    "locked_out": LOCKED,
    "modern_auth_only": MODERN_AUTH,
    "login_not_offered": NO_LOGIN,
    "ntlm_malformed": SENSELESS,
    "connection_not_kept": NOT_KEPT,
    "no_authentication": NO_AUTHENTICATION,
    "not_https": NOT_EWS,
    "not_ews": NOT_EWS,
    "login_form": LOGIN_FORM,
    "server_error_page": OUTAGE,
    "cas_error": OUTAGE,
    "exchange_online": EXCHANGE_ONLINE,
    "redirected_elsewhere": ELSEWHERE,
    "too_many_redirects": NOT_EWS,
    "exchange_not_found": NOT_FOUND,
}

_EWS_STATUSES: Mapping[int, Verdict] = {
    401: PASSWORD,
    403: EWS_DISABLED,
    404: NOT_EWS,
    405: NOT_EWS,
    410: NOT_EWS,
    440: LOGIN_FORM,
    456: LOCKED,
    457: LOCKED,
    429: THROTTLED_BY_SERVER,
}

# ---------------------------------------------------------------- below HTTP

_BELOW: Mapping[str, Verdict] = {
    **dict.fromkeys(("refused", "unreachable", "timeout", "reset", "closed", "network"), OUTAGE),
    "bad_host": bad_request("bad_host", "Give a valid host name as ews_host, such as mail.example.com."),
    "no_public_address": mail.FAULTS["no_public_address"],
    "dns_unavailable": mail.FAULTS["dns_unavailable"],
    "not_http": bad_request("not_http", "What answers there is no web server: check ews_host and ews_port."),
    "answer_too_large": SENSELESS,
}
_TLS_WRONG_PORT = bad_request("wrong_port", "No TLS is spoken there: check ews_host and ews_port (usually 443).")
_WRONG_NAME = bad_request("certificate_wrong_name", "Use the name that stands in the server's certificate as ews_host.")


def judge(evidence: Evidence) -> Verdict:
    """Say whose turn it is after a failure with an Exchange server."""
    verdict = _by_answer(evidence)
    if verdict.kind is Kind.RECONNECT:
        match passing(evidence.text):
            case "throttled":
                verdict = THROTTLED_BY_SERVER
            case "broken" | "later":
                verdict = OUTAGE
    return paced(verdict, evidence.retry_after)


def _by_answer(evidence: Evidence) -> Verdict:
    if below := _below_http(evidence):
        return below
    if evidence.code == "password_refused" and NOT_ASCII in evidence.subcodes:
        return BASIC_BEYOND_ASCII
    return (
        RESPONSE_CODES.get(evidence.code)
        or _OUR_WORDS.get(evidence.code)
        or _EWS_STATUSES.get(evidence.status or 0)
        or (OUTAGE if (evidence.status or 0) >= 500 else UNKNOWN_REFUSAL)
    )


def _below_http(evidence: Evidence) -> Verdict | None:
    if evidence.status is None and evidence.step == "tls":
        verdict = mail.judge(evidence)
        return {"certificate_wrong_name": _WRONG_NAME, "wrong_port_or_tls_mode": _TLS_WRONG_PORT}.get(
            verdict.reason, verdict
        )
    return _BELOW.get(evidence.code)
