"""Sessions of the console on the wire."""

from typing import Annotated, Literal

from pydantic import Field, SecretStr, model_validator

from opengrant.access import console_sessions as sessions
from opengrant.api.wire.fields import Id, Model, examples, text
from opengrant.model import SECOND, ProviderName


class SignIn(Model):
    """What to begin a session with: one of the two."""

    model_config = examples(
        {"api_key": "nyk_v0_example"},
        {"link": "example-of-a-code"},
        oneOf=[{"required": ["api_key"]}, {"required": ["link"]}],
    )
    api_key: Annotated[SecretStr, Field(min_length=1, max_length=512)] | None = None
    """An API key. The session may do what the key may, and ends with it."""
    link: Annotated[SecretStr, Field(min_length=1, max_length=128)] | None = None
    """The code behind `#link=` in what `opengrant console` printed. It is good once, and for 5 minutes."""

    @model_validator(mode="after")
    def _one(self) -> "SignIn":
        if (self.api_key is None) == (self.link is None):
            raise ValueError("send api_key or link, and not both")
        return self


class ConsoleSession(Model):
    """A console session. The session cookie is not part of it."""

    id: str
    kind: Literal["api_key", "link"]
    """What it was begun with."""
    application_id: str
    application_name: str
    api_key_id: str | None = None
    """The key; absent with a link."""
    permissions: list[str]
    """Of the key as it is now; `all` with a link."""
    operator: bool
    """True with a link: it may call what otherwise asks for a signature, for its own application."""
    created_at: int
    used_at: int
    """Its last use, to the minute."""
    expires_at: int
    """When it ends at the latest."""
    idle_seconds: int
    """It ends earlier when it is not used for as long as this."""

    @classmethod
    def of(cls, session: sessions.ConsoleSession) -> "ConsoleSession":
        return cls.model_construct(
            id=session.id,
            kind="link" if session.operator else "api_key",
            application_id=session.application.id,
            application_name=session.application.name,
            api_key_id=session.key_id,
            permissions=list(session.permissions),
            operator=session.operator,
            created_at=session.created_at // SECOND,
            used_at=session.used_at // SECOND,
            expires_at=session.expires_at // SECOND,
            idle_seconds=int(sessions.IDLE.total_seconds()),
        )


class MailboxSignIn(Model):
    """Which mailbox to connect. Everything is optional."""

    model_config = examples({"provider": "google", "login_hint": "ada@example.com"}, {"grant_id": "example-grant"})
    provider: ProviderName | None = None
    """Go straight to this provider; without it, the page asks."""
    login_hint: Annotated[str, text(320)] | None = None
    """The address to sign in with."""
    grant_id: Id | None = None
    """Reconnect the mailbox of this grant, and no other. Its provider and address are used."""

    @model_validator(mode="after")
    def _one(self) -> "MailboxSignIn":
        if self.grant_id is not None and (self.provider is not None or self.login_hint is not None):
            raise ValueError("grant_id names the mailbox: leave out provider and login_hint")
        return self


class MailboxSignInBegun(Model):
    """Where to go."""

    url: str
    """Open it in this browser within 15 minutes; in another one it does not work."""
    state: str
    """Names this sign-in. The browser comes back to `/console#/connected?grant_id=…&state=…`, or with `error` and
    `error_description` in place of `grant_id`."""


class OwnerLinksBody(Model):
    """Whom the links are for. Without `grant_ids`: one link, for a new mailbox."""

    model_config = examples({"provider": "google"}, {"grant_ids": ["example-grant"]})
    provider: ProviderName | None = None
    """Go straight to this provider; without it, the page asks."""
    login_hint: Annotated[str, text(320)] | None = None
    """The address to sign in with."""
    grant_ids: Annotated[list[Id], Field(min_length=1, max_length=1000)] | None = None
    """Grants to reconnect: one link for each, for its mailbox and no other."""

    @model_validator(mode="after")
    def _one(self) -> "OwnerLinksBody":
        if self.grant_ids is not None and (self.provider is not None or self.login_hint is not None):
            raise ValueError("grant_ids name the mailboxes: leave out provider and login_hint")
        return self


class OwnerLink(Model):
    url: str
    """Send it to the owner of the mailbox, and to them alone."""
    grant_id: str | None = None
    email: str | None = None


class LeftOut(Model):
    """A grant without a link."""

    grant_id: str
    reason: str
    """Why no owner can sign in to it."""


class OwnerLinks(Model):
    """Links, in the order of the request."""

    links: list[OwnerLink]
    left_out: list[LeftOut]
    lasts_seconds: int
    """How long they work."""
