"""Applications and redirect URIs on the wire."""

import re
from collections.abc import Sequence
from typing import Annotated, Any, Literal

from pydantic import AliasChoices, BeforeValidator, ConfigDict, Field, RootModel, StringConstraints, WithJsonSchema

from opengrant.api.wire.fields import PRINTABLE, Model, OrNull, RedirectUrl, examples, text
from opengrant.errors import InvalidRequest
from opengrant.model import SECOND, Application, Platform, Profile
from opengrant.model import RedirectUri as RedirectUriNoun
from opengrant.tenants import applications
from opengrant.tenants import redirect_uris as redirects
from opengrant.tenants.redirect_rules import list_of, origin_of

# Forms send empty fields as an empty string: it counts as absent, here and in every shape below.
_REST_OF_URL = r"[^\x00-\x20\x7f\"'<>\\^`{|}]"
_HTTPS = rf"https://{_REST_OF_URL}+"
_DATA = r"data:image/(png|jpeg|gif|webp|svg\+xml);base64,[A-Za-z0-9+/]+=*"
_Image = Annotated[str, StringConstraints(max_length=100_000, pattern=rf"^({_HTTPS}|{_DATA})?$")]
_Link = Annotated[str, StringConstraints(max_length=2048, pattern=rf"^(https?://{_REST_OF_URL}+)?$")]
_Color = Annotated[str, StringConstraints(pattern=r"^(#[0-9A-Fa-f]{3}|#[0-9A-Fa-f]{6})?$")]
_Line = Annotated[str, text(256, shortest=0)]
_Text = Annotated[str, text(1000, shortest=0)]
_Lifetime = Annotated[int, Field(ge=0, le=10 * 366 * 86_400, strict=True)]
_Flag = Annotated[bool, Field(strict=True)]
_Origins = Annotated[str, StringConstraints(max_length=4096, pattern=PRINTABLE)]

_ISSUER = re.compile(_HTTPS)

# ── Redirect URIs ────────────────────────────────────────────────────────────────────────────────────────────


def _digits(value: object) -> object:
    # The published sample is a number.
    return str(value) if isinstance(value, int) and not isinstance(value, bool) else value


class RedirectUriSettings(Model):
    """What a platform's apps are known by."""

    origin: Annotated[str, text(512, shortest=0)] | None = None
    """js, required: the pages that may call from a browser, as https://app.example.com."""
    bundle_id: _Line | None = None
    """ios, required."""
    app_store_id: (
        Annotated[
            _Line,
            BeforeValidator(_digits),
            WithJsonSchema(
                {"anyOf": [{"type": "string", "maxLength": 256, "pattern": PRINTABLE}, {"type": "integer"}]}
            ),
        ]
        | None
    ) = None
    """ios. A number becomes a string."""
    team_id: _Line | None = None
    """ios."""
    package_name: _Line | None = None
    """android, required."""
    sha1_certificate_fingerprint: _Line | None = Field(
        default=None,
        # An SDK puts its own underscore before the digit.
        validation_alias=AliasChoices("sha1_certificate_fingerprint", "sha_1_certificate_fingerprint"),
    )
    """android, required."""

    def to_model(self) -> dict[str, str]:
        return self.model_dump(exclude_none=True)


class RedirectUri(Model):
    """Where hosted sign-in may lead back to."""

    id: str
    url: str
    platform: Literal["web", "desktop", "js", "ios", "android"]
    settings: dict[str, str]

    @classmethod
    def of(cls, uri: RedirectUriNoun) -> "RedirectUri":
        return cls.model_construct(id=uri.id, url=uri.url, platform=uri.platform, settings=dict(uri.settings))


class RedirectUris(RootModel[list[RedirectUri]]):
    """All of them, in order of creation: this list has no pages."""

    @classmethod
    def of(cls, uris: Sequence[RedirectUriNoun]) -> "RedirectUris":
        return cls.model_construct([RedirectUri.of(uri) for uri in uris])


class RedirectUriBody(Model):
    """A request to sign-in must name this URL byte for byte."""

    model_config = examples(
        {"url": "https://app.example.com/callback"},
        {
            "url": "http://localhost:3000/callback",
            "platform": "js",
            "settings": {"origin": "http://localhost:3000"},
        },
    )
    url: RedirectUrl
    """Where users come back to. https; http for localhost and 127.0.0.1; on ios, android and desktop also links
    like com.example.app://path."""
    platform: Annotated[Platform, OrNull] = "web"
    """What kind of program it leads to."""
    settings: Annotated[RedirectUriSettings, OrNull] = RedirectUriSettings()
    """What apps of that platform are known by."""

    def to_model(self) -> redirects.NewRedirectUri:
        return redirects.NewRedirectUri(self.url, self.platform, self.settings.to_model())


class RedirectUriPatch(Model):
    """What is left out stays as it is. Settings count only together with a platform, and then replace the old."""

    model_config = examples({"url": "https://app.example.com/callback"})
    url: RedirectUrl | None = None
    """Where users come back to."""
    platform: Platform | None = None
    """What kind of program it leads to."""
    settings: RedirectUriSettings | None = None
    """What apps of that platform are known by."""

    def to_model(self) -> redirects.RedirectUriChange:
        return redirects.RedirectUriChange(
            self.url, self.platform, None if self.settings is None else self.settings.to_model()
        )


# ── The application ──────────────────────────────────────────────────────────────────────────────────────────


class _Closed(Model):
    """What is not here is refused by its name: dropped, it would look as if it had been done."""

    model_config = ConfigDict(extra="forbid")


class Branding(_Closed):
    """Who asks for the mailbox owner's consent."""

    name: _Line | None = None
    """Without one, the name under which the application was made."""
    icon_url: _Image | None = None
    """https, or a data: URL of an image. Sign-in pages show only what they need not fetch from elsewhere."""
    website_url: _Link | None = None
    """Kept and returned."""
    description: _Text | None = None
    """Kept and returned."""


class HostedAuthentication(_Closed):
    """How sign-in pages look."""

    background_image_url: _Image | None = None
    """As icon_url."""
    alignment: Literal["left", "center", "right", ""] | None = None
    """Where the form stands on the page."""
    color_primary: _Color | None = None
    """#rgb or #rrggbb, as the other colours."""
    color_secondary: _Color | None = None
    """Without it, the primary one."""
    title: _Line | None = None
    """What the page says at its top."""
    subtitle: _Text | None = None
    """What stands beneath the title."""
    background_color: _Color | None = None
    """Behind the form."""
    spacing: Annotated[int, Field(ge=0, le=256, strict=True)] | None = None
    """Pixels."""
    terms_of_service_url: _Link | None = None
    """Linked at the foot of the page."""
    privacy_policy_url: _Link | None = None
    """Likewise."""


class IdpSettings(_Closed):
    """Pages and identity providers of the application's own."""

    origins: _Origins | None = None
    """Origins with commas between; their pages may call the token endpoints."""
    issuers: _Origins | None = None
    """https URLs with commas between."""


def _check_idp(settings: IdpSettings) -> None:
    """Raises InvalidRequest."""
    for origin in list_of(settings.origins or ""):
        origin_of(origin, field="idp_settings.origins")
    for issuer in list_of(settings.issuers or ""):
        if _ISSUER.fullmatch(issuer) is None:
            raise InvalidRequest("idp_settings.issuers: send https URLs with commas between.")


class AdditionalSettings(_Closed):
    """How sign-in behaves. Never returned."""

    login_url: _Link | None = None
    """Kept."""
    logout_url: _Link | None = None
    """Kept."""
    refresh_token_expiration_absolute: _Lifetime | None = None
    """Seconds after which a refresh token dies in any case; 0, or left out: never."""
    refresh_token_expiration_idle: _Lifetime | None = None
    """Seconds without use after which it dies; 0, or left out: never."""
    rotate_refresh_token: _Flag | None = None
    """Each use of a refresh token gives a new one, and ends the old."""
    allow_query_param_in_redirect_uri: _Flag | None = None
    """The query of a redirect_uri may differ from the registered one's."""


class MailSettings(_Closed):
    """What may be done with mail."""

    hard_delete: _Flag | None = None
    """`DELETE` of a message with `hard_delete=true` erases it at once. Without it, that is refused."""


class CallbackUri(Model):
    """One redirect URI among all."""

    id: Annotated[str, text(64, shortest=0)] | None = None
    """Of one that exists; without it, or with another, the one of that URL, or a new one."""
    url: RedirectUrl
    """Where users come back to."""
    platform: Platform | None = None
    """What kind of program it leads to; web, unless it is known otherwise."""
    settings: RedirectUriSettings | None = None
    """What apps of that platform are known by."""

    def to_model(self) -> redirects.NewRedirectUri:
        settings = None if self.settings is None else self.settings.to_model()
        return redirects.NewRedirectUri(self.url, self.platform, settings, self.id or None)


def _uri(value: object) -> object:
    return {"url": value} if isinstance(value, str) else value


_CallbackUri = Annotated[
    CallbackUri,
    BeforeValidator(_uri, json_schema_input_type=CallbackUri | RedirectUrl),
]
_ReadOnly = Annotated[
    Any, WithJsonSchema({"type": ["string", "number", "integer", "boolean", "array", "object", "null"]})
]
"""Whatever it is, it is not looked at."""


class ApplicationPatch(_Closed):
    """What is left out stays. What is there replaces the old as a whole, with all of its members."""

    model_config = examples(
        {
            "branding": {"name": "Acme"},
            "hosted_authentication": {"title": "Connect", "color_primary": "#0b57d0"},
        }
    )
    branding: Branding | None = None
    """Who asks for consent."""
    hosted_authentication: HostedAuthentication | None = None
    """How sign-in pages look."""
    idp_settings: IdpSettings | None = None
    """Pages and identity providers of your own."""
    additional_settings: AdditionalSettings | None = None
    """How sign-in behaves."""
    mail_settings: MailSettings | None = None
    """What may be done with mail."""
    domain: Annotated[str, text(253, shortest=0)] | None = None
    """Kept and returned."""
    callback_uris: Annotated[list[_CallbackUri], Field(max_length=redirects.MOST)] | None = None
    """All redirect URIs, as objects or URLs: those that are missing here are removed."""
    application_id: _ReadOnly = None
    """Read-only: ignored. So are the others of this kind."""
    organization_id: _ReadOnly = None
    """Ignored."""
    region: _ReadOnly = None
    """Ignored."""
    environment: _ReadOnly = None
    """Ignored."""
    default_workspace_id: _ReadOnly = None
    """Ignored."""
    v2_application_id: _ReadOnly = None
    """Ignored."""
    blocked: _ReadOnly = None
    """Ignored."""
    created_at: _ReadOnly = None
    """Ignored."""
    updated_at: _ReadOnly = None
    """Ignored."""

    def to_model(self) -> applications.ApplicationChange:
        """Raises InvalidRequest."""
        if self.idp_settings is not None:
            _check_idp(self.idp_settings)
        return applications.ApplicationChange(
            {
                name: {key: value for key, value in part.model_dump(exclude_none=True).items() if value != ""}
                for name in applications.PARTS
                if (part := getattr(self, name)) is not None
            },
            self.domain,
            None if self.callback_uris is None else [uri.to_model() for uri in self.callback_uris],
        )


class Details(Model):
    """An application."""

    application_id: str
    """Also the client_id of hosted sign-in."""
    organization_id: str
    region: Literal["us", "eu"]
    environment: Literal["production"]
    default_workspace_id: str
    branding: dict[str, Any]
    hosted_authentication: dict[str, Any]
    idp_settings: dict[str, Any] | None = None
    mail_settings: dict[str, Any] | None = None
    domain: str | None = None
    callback_uris: list[RedirectUri]
    created_at: int
    """Unix seconds."""
    updated_at: int

    @classmethod
    def of(
        cls,
        app: Application,
        profile: Profile,
        uris: Sequence[RedirectUriNoun],
        *,
        organization_id: str,
        region: Literal["us", "eu"],
        default_workspace_id: str,
    ) -> "Details":
        return cls.model_construct(
            application_id=app.id,
            organization_id=organization_id,
            region=region,
            environment="production",
            default_workspace_id=default_workspace_id,
            branding=dict(profile.branding),
            hosted_authentication=dict(profile.hosted_authentication),
            idp_settings=dict(profile.idp_settings) or None,
            mail_settings=dict(profile.mail_settings) or None,
            domain=profile.domain or None,
            callback_uris=[RedirectUri.of(uri) for uri in uris],
            created_at=app.created_at // SECOND,
            updated_at=profile.updated_at // SECOND,
        )
