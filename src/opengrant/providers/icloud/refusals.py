"""What a refusal of iCloud means: legs "caldav", "imap" and "smtp".

A refused password is told apart: of the wrong kind, no longer valid, or right and with the wrong name. The first row
that fits wins: what broke below HTTP, the server's own word, then the HTTP status. A refusal does not end a grant where
the sentence names a cause that passes (wording.py).

Source  Apple's support pages on app-specific passwords
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
    connector,
    down,
    paced,
    reconnect,
)
from opengrant.providers.wording import passing

APP_PASSWORD = reconnect(
    "app_password_refused",
    "Apple takes only an app-specific password here, and revokes all of them when the account's password changes:"
    " make a new one at account.apple.com and connect again with it.",
)
NOT_AN_APP_PASSWORD = reconnect(
    "app_password_required",
    "What was sent does not look like an app-specific password (xxxx-xxxx-xxxx-xxxx): make one at account.apple.com"
    " and connect again with it.",
)
NO_ICLOUD_MAILBOX = reconnect(
    "no_icloud_mailbox",
    "The password is right, but this name opens no iCloud mailbox: connect with the address that ends in @icloud.com,"
    " @me.com or @mac.com; an Apple account without one has no mail at iCloud.",
)
OTHER_NAME_FOR_CALENDARS = reconnect(
    "apple_account_name_needed",
    "Mail takes this name and password, the calendars do not: connect with the iCloud address of the account.",
)
ICLOUD_BLOCKED = reconnect(
    "account_blocked",
    "iCloud turns this account away: sign in at icloud.com, see what it asks for, then connect again.",
)
OUTAGE_OF_ICLOUD = down("server_unavailable", "iCloud is not available: try again later.")
ICLOUD_SENSELESS = down("senseless_answer", "The calendar server's answer makes no sense: try again later.")
ICLOUD_URL = connector(
    "caldav_url_wrong", "Check OPENGRANT_ICLOUD__CALDAV_URL: what answers there is no CalDAV server."
)
ICLOUD_ELSEWHERE = down(
    "redirected_elsewhere", "The calendar server leads to a host that must not get the password; try again later."
)

NOT_APPS_SHAPE = "not_app_password"
"""Subcode: the password does not have the form of an app-specific one."""
OTHER_LEG_ACCEPTED = "other_leg_accepted"
"""Subcode: the same password was accepted by the mail leg (of "caldav"), or by the calendar leg (of "imap", "smtp")."""

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

_TRUSTED_TLS = down(
    "tls_failed", "Check OPENGRANT_OUTBOUND__CA_FILE and the clock of this server: the certificate is not accepted."
)


def judge(evidence: Evidence) -> Verdict:
    """Say whose turn it is after a failure with iCloud."""
    verdict = _calendars(evidence) if evidence.leg == "caldav" else mail.judge(evidence)
    return paced(_by_the_other_leg(evidence, verdict), evidence.retry_after)


def _calendars(evidence: Evidence) -> Verdict:
    verdict = _by_answer(evidence)
    if verdict.kind is not Kind.RECONNECT:
        return verdict
    match passing(evidence.text):
        case "throttled":
            return THROTTLED_BY_SERVER
        case "broken" | "later":
            return OUTAGE_OF_ICLOUD
        case _:
            return verdict


def _by_answer(evidence: Evidence) -> Verdict:
    status = evidence.status
    if status is None:
        return _TRUSTED_TLS if evidence.step == "tls" else OUTAGE_OF_ICLOUD
    if status == 429:
        return THROTTLED_BY_SERVER
    return _CALDAV.get(evidence.code) or (OUTAGE_OF_ICLOUD if status >= 500 or status < 400 else UNKNOWN_REFUSAL)


def _by_the_other_leg(evidence: Evidence, verdict: Verdict) -> Verdict:
    """What the other leg's answer adds to a refused password.

    The operator names the hosts: when one cannot be reached, the request is not wrong.
    """
    if verdict.reason in ("password_refused", "app_password_required", APP_PASSWORD.reason):
        if OTHER_LEG_ACCEPTED in evidence.subcodes:
            return OTHER_NAME_FOR_CALENDARS if evidence.leg == "caldav" else NO_ICLOUD_MAILBOX
        refused = NOT_AN_APP_PASSWORD if NOT_APPS_SHAPE in evidence.subcodes else APP_PASSWORD
        return replace(refused, retryable=verdict.retryable, retry_after=verdict.retry_after)
    if verdict.kind is Kind.BAD_REQUEST and evidence.leg != "caldav":
        return _TRUSTED_TLS if evidence.step == "tls" else OUTAGE_OF_ICLOUD
    return verdict
