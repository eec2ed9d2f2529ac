"""Applications and what they own beside connectors and grants."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal, get_args

from opengrant.model.basics import Micros, record

IdentityRule = Literal["email", "subject"]
Permission = Literal["all", "grants.token", "grants.credential", "grants.proxy", "grants.mail", "grants.import"]
"""What an API key may do. `all` is everything except using live credentials and choosing ids: tokens need
`grants.token`, passwords `grants.credential`, mailboxes by the mail proxy `grants.proxy`, mailboxes in the console
`grants.mail`, imports and ids of grants `grants.import`."""
PERMISSIONS: tuple[Permission, ...] = get_args(Permission)
Platform = Literal["web", "desktop", "js", "ios", "android"]
"""What kind of program a redirect URI leads to."""
NO_APPS = frozenset(
    {
        *("about", "blob", "chrome", "data", "file", "filesystem", "ftp", "intent", "javascript", "mailto", "resource"),
        *("sms", "tel", "vbscript", "view-source", "ws", "wss"),
    }
)
"""URI schemes, in lower case, that open no app: some run code, some show their content to others."""


@record
class Application:
    """A tenant; owns everything else."""

    id: str
    name: str
    identity_rule: IdentityRule
    created_at: Micros


@dataclass(frozen=True, slots=True)
class Profile:
    """The public profile of an application. Members are spelled as on the wire and checked; unset members are absent.

    branding               name (always there), icon_url, website_url, description
    hosted_authentication  how its sign-in pages look: background_image_url, alignment, color_primary, color_secondary,
                           title, subtitle, background_color, spacing (px), terms_of_service_url, privacy_policy_url
    idp_settings           origins and issuers, each a list with commas between
    additional_settings    login_url, logout_url, refresh_token_expiration_absolute and _idle (seconds, 0: none),
                           rotate_refresh_token, allow_query_param_in_redirect_uri (bool); never shown to API callers
    domain                 kept for the wire, without effect
    mail_settings          hard_delete (bool): messages may be erased at once
    """

    branding: Mapping[str, Any]
    hosted_authentication: Mapping[str, Any]
    idp_settings: Mapping[str, Any]
    additional_settings: Mapping[str, Any]
    domain: str
    mail_settings: Mapping[str, Any]
    updated_at: Micros


@dataclass(frozen=True, slots=True)
class RedirectUri:
    """Where hosted sign-in may lead back to.

    url       what a request must name, byte for byte
    settings  as `platform` wants them: origin of `js`, bundle_id of `ios`, package_name of `android`, …
    """

    id: str
    application_id: str
    url: str
    platform: Platform
    settings: Mapping[str, str]
    created_at: Micros
    updated_at: Micros


@dataclass(frozen=True, slots=True)
class ApiKey:
    """A bearer secret of an application. The secret itself is shown once and never stored."""

    id: str
    application_id: str
    name: str
    permissions: tuple[str, ...]
    created_at: Micros
    updated_at: Micros
    expires_at: Micros | None
    revoked_at: Micros | None
    last_used_at: Micros | None

    def status(self, at: Micros) -> Literal["active", "expired", "revoked"]:
        if self.revoked_at is not None:
            return "revoked"
        return "expired" if self.expires_at is not None and self.expires_at <= at else "active"


@record
class Caller:
    """The sender of a request: the application and the key that authenticated it."""

    application: Application
    key_id: str
    permissions: tuple[str, ...]
