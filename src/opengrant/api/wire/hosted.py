"""The query of /v3/connect/auth."""

from collections.abc import Mapping
from typing import Annotated, Literal

from pydantic import Field, WithJsonSchema, field_validator

from opengrant.api.wire.fields import Id, Model, RedirectUrl, State, split_scopes, text
from opengrant.errors import (
    InvalidRequest,
)
from opengrant.model import ProviderName
from opengrant.pages import OFFERED, Section
from opengrant.signin.login import AuthorizationRequest

_SECTIONS: Mapping[str, tuple[Section, ...]] = {
    "select_provider": ("select_provider",),
    "detect": ("detect",),
    "select_provider,detect": ("select_provider", "detect"),
    "detect,select_provider": ("detect", "select_provider"),
}
*_FIRST, _LAST = (provider.value for provider in OFFERED)
_LONGEST_SCOPE = 16_000
"""200 scopes, as many as elsewhere, of the length of Google's. A request line of the server ends at 64 KiB."""


class AuthQuery(Model):
    """Where to sign in, and where to go afterwards."""

    client_id: Id
    """The application's id."""
    redirect_uri: RedirectUrl
    """A registered redirect URI, byte for byte."""
    response_type: Literal["code", "adminconsent"]
    """`code` for a grant; `adminconsent` for a Microsoft tenant's consent to an `adminconsent` credential."""
    provider: Annotated[
        Annotated[str, Field(max_length=200)] | None,
        Field(description=f"{', '.join(_FIRST)} or {_LAST}: straight there. Several, with commas: a choice of them."),
    ] = None
    scope: Annotated[str, text(_LONGEST_SCOPE)] | None = None
    """With spaces or commas between; without it, the connector's."""
    prompt: Annotated[str, Field(max_length=64), WithJsonSchema({"type": "string", "enum": list(_SECTIONS)})] = (
        "select_provider"
    )
    """`select_provider`, `detect` (ask for the email first), or both with a comma, in the order of the page."""
    state: State | None = None
    """Comes back as it is, and becomes the grant's state."""
    login_hint: Annotated[str, text(320)] | None = None
    """The email to sign in with; if it has a grant, only the same mailbox is accepted."""
    access_type: Literal["online", "offline"] = "online"
    """`offline`: the token answer has a refresh token."""
    code_challenge: Annotated[str, text(256)] | None = None
    """PKCE; the token endpoint then wants the verifier."""
    code_challenge_method: (
        Annotated[str, Field(max_length=16), WithJsonSchema({"type": "string", "enum": ["S256", "plain"]})] | None
    ) = None
    """In any case of letters. Without it: plain."""
    credential_id: Id | None = None
    """The connector credential to sign in with; without it, the active one. Of a tenant's consent, the
    `adminconsent` credential."""
    options: Annotated[str, Field(max_length=256)] | None = None
    """With commas: smtp_required, exclude_google_granted_scopes."""
    include_grant_scopes: bool = False
    """true: the token shall have scopes of earlier consents too (Google)."""
    smtp_required: bool = False
    """true: IMAP users must give a mail server to send by, too."""

    @field_validator("prompt")
    @classmethod
    def _known(cls, prompt: str) -> str:
        if prompt.replace(" ", "") not in _SECTIONS:
            raise ValueError(f"must be one of {', '.join(_SECTIONS)}")
        return prompt.replace(" ", "")

    @field_validator("code_challenge_method")
    @classmethod
    def _method(cls, method: str | None) -> str | None:
        if method is not None and method.lower() not in ("plain", "s256"):
            raise ValueError("must be plain or S256")
        return method

    def ask(self) -> AuthorizationRequest:
        """Raises InvalidRequest."""
        options = {option.strip() for option in (self.options or "").split(",")}
        scope = tuple(split_scopes(self.scope or ""))
        return AuthorizationRequest(
            redirect_uri=self.redirect_uri,
            response_type=self.response_type,
            providers=_providers(self.provider),
            sections=_SECTIONS[self.prompt],
            scope=scope or None,
            state=self.state,
            login_hint=self.login_hint,
            access_type=self.access_type,
            challenge=self.code_challenge,
            method=self.code_challenge_method,
            credential_id=self.credential_id,
            smtp_required="smtp_required" in options or self.smtp_required,
            granted=self.include_grant_scopes and "exclude_google_granted_scopes" not in options,
        )


def _providers(value: str | None) -> tuple[ProviderName, ...]:
    names = [name.strip() for name in (value or "").split(",") if name.strip()]
    if unknown := [name for name in names if name not in {provider.value for provider in OFFERED}]:
        raise InvalidRequest(f"provider: {unknown[0]!r} is none that a user can sign in to.")
    return tuple(dict.fromkeys(ProviderName(name) for name in names))
