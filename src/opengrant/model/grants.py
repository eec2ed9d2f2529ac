"""A grant and the reason why it does not work."""

from dataclasses import dataclass, replace
from typing import Literal

from opengrant.model.basics import AGREE, Micros, ProviderName, ShownSettings, record, text_in

GrantStatus = Literal["valid", "invalid"]


@dataclass(frozen=True, slots=True)
class Trouble:
    """Why a grant does not work now, or has ended.

    kind       the verdict's: reconnect, connector, provider_down, rate_limited, bad_request, unknown
    code       the provider's own word
    text       its own sentence
    failures   how many in a row
    suspected  a refusal that is asked about once more before it ends the grant
    held       many grants of its source fail alike: the source is to blame until it recovers
    retry_at   the provider is not asked before
    """

    kind: str
    reason: str
    code: str
    remedy: str
    first_seen: Micros
    last_seen: Micros
    text: str = ""
    failures: int = 1
    suspected: bool = False
    held: bool = False
    retry_at: Micros | None = None

    def as_of(self, at: Micros) -> "Trouble":
        """The same after the clock was set back: last seen at this moment, with the same time to wait."""
        ahead = self.last_seen - at
        if ahead <= AGREE:
            return self
        retry_at = None if self.retry_at is None else self.retry_at - ahead
        return replace(self, first_seen=min(self.first_seen, at), last_seen=at, retry_at=retry_at)

    def waits(self, at: Micros) -> bool:
        """Whether there is time left to wait. False after the clock was set back: what is left is unknown then."""
        return self.retry_at is not None and self.retry_at > at and self.last_seen <= at + AGREE


ENDS_AT = "refresh_token_expires_at"
"""Member of a grant's settings: Unix seconds when its refresh token ends by itself. Shown with the grant's health."""


@record
class Grant:
    """The proof of one mailbox. Its live secret is a Sealed row of its own.

    mailbox_key  what makes it unique with (application, provider); see `mailbox_key()`
    vouched      its provider, its own domain or the API caller confirms the address; False where only a foreign tenant
                 or a server named on a sign-in page claims it
    name_given   the name is the caller's, so a profile's does not replace it
    asked_at     when the stored credential was verified; the release before orders by it
    updated_at   last successful authentication, not last row change
    version      rises with every write; writers of what may be seen compare and swap on it
    generation   rises with every new live secret; writers of secrets compare and swap on it
    due_at       when it is refreshed or probed next; None: never
    proven_at    when its provider last accepted the credential
    used_at      when it was last needed, to the hour
    asked        the number of the verification that made the stored credential: the greater one began later, and wins
    attention_at since when it needs attention: it is valid, and has only failed for days
    refreshes    how often its provider accepted the credential again since it was last authenticated or in trouble
    missing_scopes  what was asked for when it was authenticated, and was provably not granted
    """

    id: str
    application_id: str
    provider: ProviderName
    connector_id: str
    mailbox_key: str
    email: str
    status: GrantStatus
    scope: tuple[str, ...]
    settings: ShownSettings
    created_at: Micros
    updated_at: Micros
    asked_at: Micros
    version: int
    subject: str | None = None
    user_id: str | None = None
    name: str | None = None
    state: str | None = None
    credential_id: str | None = None
    workspace_id: str | None = None
    ip: str | None = None
    user_agent: str | None = None
    blocked: bool = False
    token_expires_at: Micros | None = None
    external_id: str | None = None
    due_at: Micros | None = None
    proven_at: Micros | None = None
    used_at: Micros | None = None
    generation: int = 1
    trouble: Trouble | None = None
    refreshes: int = 0
    vouched: bool = True
    name_given: bool = False
    asked: int = 0
    attention_at: Micros | None = None
    missing_scopes: tuple[str, ...] = ()

    @property
    def source(self) -> str:
        """What it shares failures with: a credential, or the connector of a mailbox with a password of its own."""
        return self.credential_id or self.connector_id

    @property
    def mail_host(self) -> str | None:
        """The mail host that its password is for, where it has one of its own."""
        return text_in(self.settings, "imap_host") or text_in(self.settings, "ews_host")

    @property
    def organisation_address(self) -> str | None:
        """The mailbox's address, where a credential of its organisation opens it."""
        return text_in(self.settings, "email_address")

    @property
    def tenant(self) -> str | None:
        """The tenant that the request named to connect it, where the credential names none."""
        return text_in(self.settings, "tenant")

    @property
    def blames(self) -> str:
        """The source of a circuit breaker: passwords fail by mail host, tokens by credential."""
        return f"{self.source}/{self.mail_host}" if self.mail_host else self.source


@record
class ListedGrant:
    """What answers show of a grant, under the names of `Grant`. Too little to write a grant with."""

    id: str
    provider: ProviderName
    connector_id: str
    email: str
    status: GrantStatus
    scope: tuple[str, ...]
    settings: ShownSettings
    blocked: bool
    created_at: Micros
    updated_at: Micros
    name: str | None
    state: str | None
    user_id: str | None
    credential_id: str | None
    workspace_id: str | None
    ip: str | None
    user_agent: str | None
    proven_at: Micros | None
    due_at: Micros | None
    refreshes: int
    trouble: Trouble | None
    attention_at: Micros | None
    missing_scopes: tuple[str, ...]

    @property
    def blames(self) -> str:
        """As `Grant.blames`."""
        host = text_in(self.settings, "imap_host") or text_in(self.settings, "ews_host")
        source = self.credential_id or self.connector_id
        return f"{source}/{host}" if host else source
