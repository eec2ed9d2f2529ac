"""Mailboxes of all grants: which implementation a grant has."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from opengrant.mail.imap.mailbox import ImapMailbox
from opengrant.mail.places import refuse_without_mail
from opengrant.mail.port import Mailbox
from opengrant.mail.reach import Reach
from opengrant.mail.submission import Submission
from opengrant.model import Application, Grant, ProviderName
from opengrant.providers.facts import MailPlace


@dataclass(frozen=True, slots=True, kw_only=True)
class MailService:
    """Built once, in assembly/. places: by provider, where its grants' mail is."""

    reach: Reach
    submission: Submission
    places: Mapping[ProviderName, MailPlace] = field(repr=False)

    def mailbox(self, app: Application, grant: Grant) -> Mailbox:
        """For one call. Raises InvalidData: the provider has no mail. NotImplementedYet. GrantExpired and its like."""
        refuse_without_mail(self.places, grant)
        return ImapMailbox(self.reach.line(app, grant), self.submission)
