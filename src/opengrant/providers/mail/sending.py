"""What submission servers do with a message: who files a copy by itself, and what a refusal of a message means.

Sources  Gmail and Outlook file what is sent through them, iCloud does not: jstedfast/MailKit 1193, d99kris/nmail 15,
         huacnlee/omamail 60, floatpane/matcha 496. Sending limits: Gmail's SMTP error reference (5.4.5, 4.7.28),
         Exchange Online's non-delivery reports (5.1.90, 5.7.232, 5.7.233, SubmissionQuotaExceeded)
Quirk    what Yahoo does is not known: as for every other server, the folder tells.
"""

from typing import Literal

from opengrant.errors import Evidence
from opengrant.providers.wording import passing, plain

Refusal = Literal["message", "later", "slower"]
"""The message or a recipient of it is refused for good; it may pass; fewer messages are wanted."""

_FILES = frozenset(
    {
        *("smtp.gmail.com", "smtp.googlemail.com"),
        *("smtp.office365.com", "smtp-mail.outlook.com", "smtp.outlook.com"),
    }
)
_FILES_NOT = frozenset({"smtp.mail.me.com"})

_TOO_MUCH = frozenset({"5.4.5", "5.1.90", "5.7.232", "5.7.233", "4.7.28", "4.7.32"})
_TOO_MUCH_WORDS = (
    *("sending limit", "daily limit", "hourly limit", "message limit", "submissionquotaexceeded", "too many messages"),
    *("rate limit", "messages per hour", "messages per day"),
)


def files_copies(host: str) -> bool | None:
    """Whether the server of this name puts what it sends into the mailbox's folder for it; None: not known."""
    name = host.lower().rstrip(".")
    return True if name in _FILES else False if name in _FILES_NOT else None


def refusal(evidence: Evidence) -> Refusal:
    """Of a message, by a reply from 400 to 599."""
    said = plain(evidence.text)
    if evidence.code in _TOO_MUCH or any(f" {words} " in said for words in _TOO_MUCH_WORDS):
        return "slower"
    if evidence.status is not None and evidence.status >= 500:
        return "message"
    return "slower" if passing(evidence.text) == "throttled" else "later"
