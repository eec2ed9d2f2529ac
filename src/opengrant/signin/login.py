"""A hosted sign-in under way: what the application asked for, and the browser that it belongs to."""

import base64
import hmac
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Literal

from pydantic import SecretStr

from opengrant.errors import LoginInvalid
from opengrant.model import SECOND, Clock, CustomConnect, Micros, ProviderName
from opengrant.model.logins import HostedLogin, MailboxLogin
from opengrant.providers.registry import OAUTH
from opengrant.store.engine.port import Store
from opengrant.store.signin import logins
from opengrant.store.signin.logins import Login
from opengrant.vault.digests import Digests

LOGIN_LASTS: Micros = 15 * 60 * SECOND
CALLBACK = "/v3/connect/callback"
OVER = "This sign-in is over, or was started in another browser. Go back to the application and start it again."


@dataclass(frozen=True, slots=True)
class AuthorizationRequest:
    """What an application asks of a sign-in, validated.

    providers  in the order of the page; empty: every provider that the application has a connector for
    sections   of the page that offers a choice
    challenge  the application's PKCE challenge; None without PKCE
    granted    scopes of earlier consents are wanted in the token too
    console    the session of the console that began it. The sign-in makes the grant itself, and the browser returns to
               the console without a code: `redirect_uri` is our own page, and `state` names the sign-in there
    link_by    the actor that made the owner link that began it. The sign-in makes the grant itself, and ends on our
               own page, `redirect_uri`
    """

    redirect_uri: str
    response_type: Literal["code", "adminconsent"] = "code"
    providers: tuple[ProviderName, ...] = ()
    sections: tuple[Literal["select_provider", "detect"], ...] = ("select_provider",)
    scope: tuple[str, ...] | None = None
    state: str | None = None
    login_hint: str | None = None
    access_type: Literal["online", "offline"] = "online"
    challenge: str | None = None
    method: str | None = None
    credential_id: str | None = None
    smtp_required: bool = False
    granted: bool = False
    console: str | None = None
    link_by: str | None = None

    @property
    def ours(self) -> bool:
        """Whether it ends here, with a grant, and not at the application, with a code."""
        return self.console is not None or self.link_by is not None

    def to_row(self) -> dict[str, Any]:
        row = asdict(self)
        if not self.ours:
            del row["console"], row["link_by"]  # the release before does not know them
        return row

    @classmethod
    def from_row(cls, row: Mapping[str, Any]) -> "AuthorizationRequest":
        members = dict(row)
        members["providers"] = tuple(ProviderName(name) for name in row["providers"])
        members["sections"] = tuple(row["sections"])
        members["scope"] = None if row["scope"] is None else tuple(row["scope"])
        return cls(**members)

    def custom_connect(self, login: MailboxLogin, *, login_id: str) -> CustomConnect:
        """The request that connects the mailbox of this sign-in."""
        state = None if self.ours else self.state
        return CustomConnect(login=login, scope=self.scope, state=state, login_id=login_id)

    def hosted_login(self, provider: ProviderName) -> HostedLogin:
        """With the client that the request names; a password has none."""
        return HostedLogin(provider=provider, credential_id=self.credential_id if provider in OAUTH else None)


@dataclass(frozen=True, slots=True, kw_only=True)
class LoginDigests:
    """Keyed digests that bind a sign-in to its browser and to the provider's answer."""

    digests: Digests

    def browser(self, cookie: SecretStr) -> str:
        return self.digests.login("browser", cookie.get_secret_value())

    def state(self, login: Login, secret: str) -> str:
        return self.digests.login(f"state {login.application_id} {login.id}", secret)

    def csrf(self, login: Login) -> str:
        return self.digests.login(f"csrf {login.application_id} {login.id}", login.browser)

    def verifier(self, login: Login, secret: str) -> SecretStr:
        """Our PKCE verifier towards the provider. It is derived from the state's secret with a key, so the state alone
        does not reveal it, and it is not stored."""
        return SecretStr(self.digests.login(f"verifier {login.application_id} {login.id}", secret))


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenLogins:
    """Sign-ins that are neither used nor expired. Built once, in assembly/."""

    db: Store
    digests: LoginDigests
    clock: Clock

    async def find(self, handle: str, cookies: Sequence[str]) -> Login:
        """The sign-in of a handle, if one of the browser's cookies belongs to it. Raises LoginInvalid."""
        application_id, login_id = _parse(handle)
        login = await self.db.read(logins.find(application_id, login_id))
        same_browser = login is not None and any(
            hmac.compare_digest(login.browser, self.digests.browser(SecretStr(cookie))) for cookie in cookies
        )
        if login is None or not same_browser or login.used_at is not None or login.expires_at <= self.clock():
            raise LoginInvalid(OVER)
        return login

    async def end(self, login: Login) -> bool:
        """True for one caller only."""
        return await self.db.write(logins.use(login.application_id, login.id, at=self.clock()))


def path_of(login: Login) -> str:
    """Our pages of a sign-in."""
    return f"/v3/connect/login/{handle_of(login)}"


def handle_of(login: Login) -> str:
    """What names a sign-in in an address."""
    owner = base64.urlsafe_b64encode(login.application_id.encode()).decode().rstrip("=")
    return f"{owner}.{login.id}"


def _parse(handle: str) -> tuple[str, str]:
    """Raises LoginInvalid."""
    owner, _, login_id = handle.partition(".")
    try:
        application_id = base64.urlsafe_b64decode(owner + "=" * (-len(owner) % 4)).decode()
    except ValueError:
        raise LoginInvalid(OVER) from None
    if not (application_id + login_id).isprintable():  # PostgreSQL takes no NUL
        raise LoginInvalid(OVER)
    return application_id, login_id
