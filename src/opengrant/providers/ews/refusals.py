"""What a refusal of iCloud or of an Exchange server means: tables from evidence to verdict.

Legs "caldav" and "ews", and the mail legs of iCloud, where a refused password has a meaning of its own. The first
row that fits wins: what broke below HTTP, the server's own word, then the HTTP status. What would end a grant does not
where the sentence names a cause that passes (wording.py).

Sources  Apple's support pages on app-specific passwords; Microsoft's EWS `ResponseCode` reference. HTTP statuses and
         pages as seen in public issue threads of Exchange clients.
Quirks   Exchange says 401 to good passwords too, in long outages and when it throttles: before a grant ends, ask
         again later. What stands before it (a proxy, a login form) answers in its place with pages of its own.
"""

from collections.abc import Mapping
from dataclasses import replace

from opengrant.errors import Evidence
from opengrant.providers.imap import refusals as mail_answers
from opengrant.providers.verdict import Kind, Verdict
from opengrant.providers.wording import passing

CONFIRM_AFTER = 900.0
"""Seconds before a password that Exchange refused is believed to be wrong."""


def _reconnect(reason: str, remedy: str, *, confirm: bool = False) -> Verdict:
    return Verdict(Kind.RECONNECT, reason, remedy, retryable=confirm, retry_after=CONFIRM_AFTER if confirm else None)


def _down(reason: str, remedy: str = "Try again later; the grant is not affected.") -> Verdict:
    return Verdict(Kind.PROVIDER_DOWN, reason, remedy, retryable=True)


def _bad_request(reason: str, remedy: str) -> Verdict:
    return Verdict(Kind.BAD_REQUEST, reason, remedy)


# ---------------------------------------------------------------- iCloud

APP_PASSWORD = _reconnect(
    "app_password_refused",
    "Apple takes only an app-specific password here, and revokes all of them when the account's password changes:"
    " make a new one at account.apple.com and connect again with it.",
)
NOT_AN_APP_PASSWORD = _reconnect(
    "app_password_required",
    "What was sent does not look like an app-specific password (xxxx-xxxx-xxxx-xxxx): make one at account.apple.com"
    " and connect again with it.",
)
NO_ICLOUD_MAILBOX = _reconnect(
    "no_icloud_mailbox",
    "The password is right, but this name opens no iCloud mailbox: connect with the address that ends in @icloud.com,"
    " @me.com or @mac.com; an Apple account without one has no mail at iCloud.",
)
OTHER_NAME_FOR_CALENDARS = _reconnect(
    "apple_account_name_needed",
    "Mail takes this name and password, the calendars do not: connect with the iCloud address of the account.",
)
ICLOUD_BLOCKED = _reconnect(
    "account_blocked",
    "iCloud turns this account away: sign in at icloud.com, see what it asks for, then connect again.",
)
OUTAGE_OF_ICLOUD = _down("server_unavailable", "iCloud is not available: try again later.")
ICLOUD_SENSELESS = _down("senseless_answer", "The calendar server's answer makes no sense: try again later.")
ICLOUD_URL = Verdict(
    Kind.CONNECTOR, "caldav_url_wrong", "Check OPENGRANT_ICLOUD__CALDAV_URL: what answers there is no CalDAV server."
)
ICLOUD_ELSEWHERE = _down(
    "redirected_elsewhere", "The calendar server leads to a host that must not get the password; try again later."
)

NOT_APPS_SHAPE = "not_app_password"
"""Subcode: the password does not have the form of an app-specific one."""
OTHER_LEG_ACCEPTED = "other_leg_accepted"
"""Subcode: the same password was accepted by the mail leg (of "caldav"), or by the calendar leg (of "imap", "smtp")."""

NOT_ASCII = "basic_beyond_ascii"
"""Subcode: what Exchange refused was sent by Basic, and has letters that it may spell in another way than we do."""

_CALDAV: Mapping[str, Verdict] = {
    "401": APP_PASSWORD,
    "403": ICLOUD_BLOCKED,
    "404": ICLOUD_URL,
    "405": ICLOUD_URL,
    "basic_not_offered": ICLOUD_URL,
    "not_dav": ICLOUD_SENSELESS,
    "no_principal": ICLOUD_SENSELESS,
    "no_calendars": ICLOUD_SENSELESS,
    "redirected_elsewhere": ICLOUD_ELSEWHERE,
    "too_many_redirects": ICLOUD_ELSEWHERE,
}

# ---------------------------------------------------------------- Exchange

PASSWORD = _reconnect(
    "password_refused",
    "Check password and user name (user@domain, or DOMAIN\\user where the server wants it), then connect again.",
    confirm=True,
)
BASIC_BEYOND_ASCII = replace(
    PASSWORD,
    remedy="The password has letters beyond ASCII, which Basic spells differently from server to server: have the"
    " administrator enable NTLM for EWS, or use a password without them; else check password and user name, then"
    " connect again.",
)
LOCKED = _reconnect("account_locked", "The account is locked: have its administrator unlock it, then connect again.")
PASSWORD_EXPIRED = _reconnect("password_expired", "Set a new password in Outlook or Windows, then connect again.")
DISABLED = _reconnect("account_disabled", "Ask the administrator to enable the account, then connect again.")
EWS_DISABLED = _reconnect(
    "ews_disabled",
    "Ask the Exchange administrator to allow EWS for this mailbox and from this network, then connect again.",
)
NO_MAILBOX = _reconnect("mailbox_unknown", "The server has no mailbox of this address: check settings.email.")
NOT_ALLOWED = _reconnect(
    "not_authorized", "These credentials may not open this mailbox: connect with those of its owner, or ask for access."
)
OWN_MAILBOX_MISSING = _bad_request("mailbox_missing", "This account has no mailbox: name one in settings.email.")
NOT_EWS = _bad_request(
    "not_ews", "No Exchange Web Services answer there: check ews_host and ews_port, or ask the administrator."
)
LOGIN_FORM = _bad_request(
    "login_form",
    "A login page stands before the Exchange server: ask the administrator to publish /EWS/Exchange.asmx without it.",
)
NO_LOGIN = _bad_request(
    "login_not_offered", "The server offers neither NTLM nor Basic: ask the administrator to enable one for EWS."
)
MODERN_AUTH = _bad_request(
    "password_login_disabled", "The server takes no passwords: connect this mailbox as provider microsoft, with OAuth."
)
EXCHANGE_ONLINE = _bad_request(
    "exchange_online", "This mailbox is at Microsoft 365, which takes no passwords: connect it as provider microsoft."
)
NO_AUTHENTICATION = _bad_request(
    "no_authentication", "The server answers without asking who we are: it is none that can prove a password."
)
ELSEWHERE = _bad_request(
    "redirected_elsewhere", "The password was not sent to that host: if it is the right one, give it as ews_host."
)
NOT_FOUND = _bad_request(
    "exchange_not_found", "Autodiscover found no Exchange server for this address: give its name as ews_host."
)
OLD_SERVER = _bad_request("server_too_old", "This Exchange server is older than 2007 SP1 and cannot be used.")
OUTAGE = _down("server_unavailable", "The Exchange server is not available: try again later.")
NOT_KEPT = _down(
    "connection_not_kept",
    "NTLM needs a connection that stays open: have the proxy before the server keep it, or enable Basic for EWS.",
)
SENSELESS = _down("senseless_answer", "The server's answer makes no sense: try again later, or ask its administrator.")
THROTTLED = Verdict(
    Kind.RATE_LIMITED,
    "throttled",
    "The server wants fewer calls: wait for the time given in Retry-After, then try again.",
    retryable=True,
)
UNKNOWN = Verdict(
    Kind.UNKNOWN,
    "unknown_refusal",
    "Read the server's own words; if they do not help, ask its administrator.",
    retryable=True,
)

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
        (THROTTLED, "ErrorServerBusy ErrorExceededConnectionCount ErrorTooManyObjectsOpened"),
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
    429: THROTTLED,
}

# ---------------------------------------------------------------- below HTTP

_BELOW: Mapping[str, Verdict] = {
    **dict.fromkeys(("refused", "unreachable", "timeout", "reset", "closed", "network"), OUTAGE),
    "bad_host": _bad_request("bad_host", "Give a valid host name as ews_host, such as mail.example.com."),
    "no_public_address": mail_answers.FAULTS["no_public_address"],
    "dns_unavailable": mail_answers.FAULTS["dns_unavailable"],
    "not_http": _bad_request("not_http", "What answers there is no web server: check ews_host and ews_port."),
    "answer_too_large": SENSELESS,
}
_TLS_WRONG_PORT = _bad_request("wrong_port", "No TLS is spoken there: check ews_host and ews_port (usually 443).")
_WRONG_NAME = _bad_request(
    "certificate_wrong_name", "Use the name that stands in the server's certificate as ews_host."
)
_TRUSTED_TLS = _down(
    "tls_failed", "Check OPENGRANT_OUTBOUND__CA_FILE and the clock of this server: the certificate is not accepted."
)


def judge(evidence: Evidence) -> Verdict:
    """Say whose turn it is after a failure with iCloud or an Exchange server."""
    match evidence.leg:
        case "ews":
            verdict = _judge_ews(evidence)
        case "caldav":
            verdict = _judge_caldav(evidence)
        case _:
            verdict = mail_answers.judge(evidence)
    verdict = _unless_it_passes(evidence, verdict)
    if evidence.provider == "icloud":
        verdict = _at_icloud(evidence, verdict)
    return _paced(verdict, evidence.retry_after)


def _judge_ews(evidence: Evidence) -> Verdict:
    if below := _below_http(evidence):
        return below
    if evidence.code == "password_refused" and NOT_ASCII in evidence.subcodes:
        return BASIC_BEYOND_ASCII
    return (
        RESPONSE_CODES.get(evidence.code)
        or _OUR_WORDS.get(evidence.code)
        or _EWS_STATUSES.get(evidence.status or 0)
        or (OUTAGE if (evidence.status or 0) >= 500 else UNKNOWN)
    )


def _unless_it_passes(evidence: Evidence, verdict: Verdict) -> Verdict:
    if verdict.kind is not Kind.RECONNECT or evidence.leg not in ("ews", "caldav"):
        return verdict  # mail_answers.py has looked at the words already
    match passing(evidence.text):
        case "throttled":
            return THROTTLED
        case "broken" | "later":
            return OUTAGE if evidence.leg == "ews" else OUTAGE_OF_ICLOUD
        case _:
            return verdict


def _below_http(evidence: Evidence) -> Verdict | None:
    if evidence.status is None and evidence.step == "tls":
        verdict = mail_answers.judge(evidence)
        return {"certificate_wrong_name": _WRONG_NAME, "wrong_port_or_tls_mode": _TLS_WRONG_PORT}.get(
            verdict.reason, verdict
        )
    return _BELOW.get(evidence.code)


def _judge_caldav(evidence: Evidence) -> Verdict:
    status = evidence.status
    if status is None:
        return _TRUSTED_TLS if evidence.step == "tls" else OUTAGE_OF_ICLOUD
    if status == 429:
        return THROTTLED
    return _CALDAV.get(evidence.code) or (OUTAGE_OF_ICLOUD if status >= 500 or status < 400 else UNKNOWN)


def _at_icloud(evidence: Evidence, verdict: Verdict) -> Verdict:
    """A refused password, told apart: of the wrong kind, no longer valid, or right and with the wrong name.

    The hosts are the operator's, not the caller's: nobody's request is wrong because one cannot be reached.
    """
    if verdict.reason in ("password_refused", "app_password_required", APP_PASSWORD.reason):
        if OTHER_LEG_ACCEPTED in evidence.subcodes:
            return OTHER_NAME_FOR_CALENDARS if evidence.leg == "caldav" else NO_ICLOUD_MAILBOX
        refused = NOT_AN_APP_PASSWORD if NOT_APPS_SHAPE in evidence.subcodes else APP_PASSWORD
        return replace(refused, retryable=verdict.retryable, retry_after=verdict.retry_after)
    if verdict.kind is Kind.BAD_REQUEST and evidence.leg != "caldav":
        return _TRUSTED_TLS if evidence.step == "tls" else OUTAGE_OF_ICLOUD
    return verdict


def _paced(verdict: Verdict, asked: float | None) -> Verdict:
    if verdict.kind in (Kind.RATE_LIMITED, Kind.PROVIDER_DOWN) and asked is not None:
        return replace(verdict, retry_after=asked)
    return verdict
