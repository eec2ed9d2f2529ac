"""A request to connect a mailbox."""

from dataclasses import dataclass

from opengrant.model.basics import ProviderName
from opengrant.model.logins import HostedLogin, MailboxLogin, OAuthLogin, OrganisationLogin


@dataclass(frozen=True, slots=True, kw_only=True)
class CustomConnect:
    """A request to turn credentials into a grant: one login of its kind, and what all kinds share.

    scope     what the caller named; None means the connector's default
    login_id  the hosted sign-in that it comes from
    grant_id  the id that the grant shall have; None: a new one, or the one that the mailbox has
    hold_refresh  do not refresh the grant until its import is cut over
    """

    login: MailboxLogin
    scope: tuple[str, ...] | None = None
    state: str | None = None
    name: str | None = None
    workspace_id: str | None = None
    external_id: str | None = None
    login_id: str | None = None
    grant_id: str | None = None
    hold_refresh: bool = False

    @property
    def provider(self) -> ProviderName:
        return self.login.provider

    @property
    def credential_id(self) -> str | None:
        """The connector's credential that the caller named."""
        match self.login:
            case OAuthLogin() | HostedLogin() | OrganisationLogin():
                return self.login.credential_id
            case _:
                return None
