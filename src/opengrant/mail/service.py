"""Mailboxes of all grants: which implementation a grant has."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from opengrant.errors import InvalidData, NotImplementedYet
from opengrant.mail.imap.mailbox import ImapMailbox
from opengrant.mail.port import Mailbox
from opengrant.mail.reach import Reach
from opengrant.mail.submission import Submission
from opengrant.model import Application, Grant, ProviderName
from opengrant.providers.facts import MailPlace

_NOT_YET = (
    "The mail of this provider is not served here yet. POST /v3/grants/{grant_id}/token gives the live access token of"
    " a grant with OAuth: call the provider's own mail API with it. POST /v3/grants/{grant_id}/credential gives the"
    " login of a grant with a password."
)


@dataclass(frozen=True, slots=True, kw_only=True)
class MailService:
    """Built once, in assembly/. places: by provider, where its grants' mail is."""

    reach: Reach
    submission: Submission
    places: Mapping[ProviderName, MailPlace] = field(repr=False)

    def mailbox(self, app: Application, grant: Grant) -> Mailbox:
        """For one call. Raises InvalidData: the provider has no mail. NotImplementedYet. GrantExpired and its like."""
        place = self.places[grant.provider]
        if place == "none":
            raise InvalidData("grant_id: this provider has no mail.")
        if place == "elsewhere":
            raise NotImplementedYet(_NOT_YET)
        return ImapMailbox(self.reach.line(app, grant), self.submission)
