"""What a provider can do, as one-method protocols. It has a capability by having the method."""

from dataclasses import dataclass
from typing import Protocol, TypeVar, runtime_checkable

from pydantic import SecretStr

from opengrant.model import ClientApp, Identity, TenantClient, Tokens, Verified
from opengrant.model.basics import ShownSettings
from opengrant.model.stored_logins import StoredLogin
from opengrant.providers.minted import Minted

L_contra = TypeVar("L_contra", contravariant=True)
"""A kind of login."""
S_contra = TypeVar("S_contra", contravariant=True)
"""A kind of stored secret."""
C_contra = TypeVar("C_contra", contravariant=True)
"""A kind of credential of an organisation."""


@runtime_checkable
class Refreshes(Protocol):
    """Turns a refresh token into live tokens."""

    async def refresh(self, client: ClientApp, refresh_token: SecretStr) -> Tokens:
        """Spend the refresh token once; no retry. Raises ProviderFailure."""


@runtime_checkable
class Identifies(Protocol):
    """Names the owner of tokens, and what the tokens may do."""

    async def identify(self, client: ClientApp, tokens: Tokens) -> Identity:
        """id_token first, then userinfo or /me. Raises ProviderFailure."""


class TokenProvider(Refreshes, Identifies, Protocol):
    """A provider of refresh tokens."""

    rotates: bool
    """A refresh replaces the refresh token, so the new one must be kept before anything else happens."""
    single_use: bool
    """A refresh token dies when it is spent."""

    def granted_scope(self, tokens: Tokens) -> tuple[str, ...] | None:
        """What the user granted, as the wire spells it; None when the provider does not say."""

    def missing_scope(self, tokens: Tokens, wanted: tuple[str, ...]) -> tuple[str, ...]:
        """Which of the wanted scopes the token provably lacks."""


@dataclass(frozen=True, slots=True)
class Consent:
    """What a user is asked for, on the provider's own page.

    scope      what the application wants; the provider adds what identity and refreshing need
    challenge  PKCE: base64url of the SHA-256 of the verifier
    granted    ask for the scopes of earlier consents too, where the provider supports it
    """

    redirect_uri: str
    state: str
    scope: tuple[str, ...]
    challenge: str
    login_hint: str | None = None
    granted: bool = False


class Authorizes(Protocol):
    """Sends users to the provider's consent page, and exchanges the code that comes back for live tokens."""

    def consent_url(self, client: ClientApp, consent: Consent) -> str:
        """Where the browser goes."""

    async def exchange(self, client: ClientApp, code: SecretStr, *, redirect_uri: str, verifier: SecretStr) -> Tokens:
        """Spend the code once; no retry. Raises ProviderFailure."""


class CodeProvider(TokenProvider, Authorizes, Protocol):
    """A provider of refresh tokens that has a consent page."""


class AsksAdministrators(Protocol):
    """Has a consent page for the administrator of a tenant."""

    def admin_consent_url(self, client_id: str, *, tenant: str | None, redirect_uri: str, state: str) -> str:
        """Where an administrator consents for a whole tenant; without one, for the tenant of the account there."""


class ProvesClient(Protocol):
    """Can have its client accepted or refused while no user takes part."""

    def token_endpoint(self, client: ClientApp) -> str:
        """The URL that `prove_client` asks."""

    async def prove_client(self, client: ClientApp) -> str | None:
        """None when the client was accepted; a sentence with the reason where the provider does not tell.

        Uses no user's token. Raises ProviderFailure: the client was refused, or no answer came.
        """

    def lacking_scope(self, scope: tuple[str, ...]) -> tuple[str, ...]:
        """The scopes to add to these, so that a sign-in names the mailbox and stays connected."""


class OAuthProvider(CodeProvider, ProvesClient, Protocol):
    """All that an OAuth provider does for users."""


class Reaches(Protocol):
    """Has a server that answers without a credential."""

    async def reach(self) -> str:
        """Returns the host that answered. Raises ProviderFailure."""


@runtime_checkable
class Verifies(Protocol[L_contra]):
    """Proves a login with a password, or accepts one that needs none."""

    async def verify(self, login: L_contra, /) -> Verified:
        """Raises ProviderFailure, InvalidRequest."""


class TellsLogin(Protocol[S_contra]):
    """Knows with what a mail program logs in to the mailbox of a stored password."""

    def stored_login(self, settings: ShownSettings, secret: S_contra, /) -> StoredLogin:
        """settings: those of the grant. Asks no server."""


class NamesServers(Protocol[L_contra]):
    """Knows where the password of a login goes."""

    async def servers(self, login: L_contra, /, *, search: bool) -> tuple[str, ...]:
        """The hosts, found without the password; `*.example.com` for any host under this domain.

        search  ask the network; without it the answer is empty where the hosts are not known
        Raises  ProviderFailure, InvalidRequest
        """


class PasswordProvider(Verifies[L_contra], NamesServers[L_contra], TellsLogin[S_contra], Protocol[L_contra, S_contra]):
    """A provider of mailboxes that a password opens."""


class Revokes(Protocol):
    """Can revoke a token."""

    async def revoke(self, token: SecretStr) -> bool:
        """Best effort: whether the token is revoked now. True also when it was before."""


class Mints(Protocol[C_contra]):
    """Makes live tokens for any mailbox of an organisation, from one credential of that organisation."""

    async def mint(self, credential: C_contra, email: str, scope: tuple[str, ...]) -> Minted:
        """Prove that the mailbox exists and is reachable. Raises ProviderFailure, InvalidRequest."""


class ProvesTenant(Protocol):
    """Says which tenant gives a token to a credential of its organisation."""

    async def prove_tenant(self, credential: TenantClient) -> str | None:
        """The tenant's id; None when the token does not tell. Raises ProviderFailure."""


class ListsAliases(Protocol):
    """Lists the other addresses of a mailbox."""

    async def aliases(self, access_token: SecretStr) -> tuple[str, ...]:
        """Without the primary one. Raises ProviderFailure."""
