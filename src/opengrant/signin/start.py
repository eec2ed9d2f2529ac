"""The start of a hosted sign-in, and the link that asks a mailbox owner for another one."""

import secrets as random
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import urlencode

from pydantic import SecretStr

from opengrant.errors import InvalidRequest
from opengrant.model import Application, Clock, Grant, ProviderName
from opengrant.providers.registry import OFFERED
from opengrant.signin.admin_consent import AdminConsent
from opengrant.signin.consent import ConsentPages
from opengrant.signin.login import LOGIN_LASTS, AuthorizationRequest, LoginDigests, path_of
from opengrant.signin.return_url import ReturnUrls
from opengrant.store.connectors import connectors
from opengrant.store.engine.port import Steps, Store
from opengrant.store.signin import logins
from opengrant.store.signin.logins import Login
from opengrant.tenants.applications import Applications


@dataclass(frozen=True, slots=True)
class Begun:
    """Where the browser goes now, and the cookie that binds the sign-in to it."""

    url: str
    browser: SecretStr
    login_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class SignInStart:
    """Built once, in assembly/."""

    db: Store
    applications: Applications
    digests: LoginDigests
    consent: ConsentPages
    admin_consent: AdminConsent
    returns: ReturnUrls
    clock: Clock

    async def begin(self, client_id: str, request: AuthorizationRequest, *, base: str) -> Begun:
        """Start a sign-in. `base`: our own origin as the browser sees it.

        Errors are raised here and never redirected: only a registered redirect URI may be redirected to.
        Raises InvalidRequest, CallbackNotAllowed.
        """
        app = await self.applications.find(client_id)
        if app is None:
            raise InvalidRequest("client_id: there is no such application. It is your application's id.")
        await self.returns.require_registered(app, request.redirect_uri)
        providers = await offered(self.db, app, request)
        cookie = SecretStr(random.token_urlsafe(32))
        now = self.clock()
        login = Login(
            application_id=app.id,
            id=uuid.uuid4().hex,
            ask=request.to_row(),
            browser=self.digests.browser(cookie),
            secret="",
            provider=None,
            created_at=now,
            expires_at=now + LOGIN_LASTS,
        )
        if request.response_type == "adminconsent":
            url, login = await self.admin_consent.lead(app, request, login, base=base)
        elif len(providers) == 1:
            url, login = await self.consent.lead(app, request, login, next(iter(providers)), base=base)
        else:
            url = path_of(login)
        await self.db.write(logins.add(login))
        return Begun(url, cookie, login.id)

    async def reconnect_link(self, app: Application, grant: Grant, *, redirect_uri: str | None, base: str) -> str:
        """The address where the owner of a mailbox signs in to it again. `base`: our own origin as browsers see it.

        redirect_uri  one of the application's; None: its first
        Raises InvalidRequest, CallbackNotAllowed.
        """
        if grant.provider not in OFFERED:
            raise InvalidRequest(
                f"Hosted sign-in does not offer {grant.provider}. Connect it by POST /v3/connect/custom."
            )
        if grant.organisation_address is not None:
            raise InvalidRequest("A credential of its organisation keeps this grant alive: no user signs in for it.")
        connector = await self.db.read(connectors.find(app.id, grant.provider))
        if connector is None:
            raise InvalidRequest(f"This application has no {grant.provider} connector. POST /v3/connectors first.")
        if redirect_uri is None:
            redirect_uri = await self.returns.first(app)
        else:
            await self.returns.require_registered(app, redirect_uri)
        query = {
            "client_id": app.id,
            "redirect_uri": redirect_uri,
            "response_type": "code",
            "provider": grant.provider.value,
            "login_hint": grant.email,
        }
        if grant.credential_id is not None and grant.credential_id != connector.active_credential_id:
            query["credential_id"] = grant.credential_id
        return f"{base}/v3/connect/auth?{urlencode(query)}"


async def offered(db: Store, app: Application, request: AuthorizationRequest) -> Mapping[ProviderName, tuple[str, ...]]:
    """Providers that the user may choose from, in the order of the page, each with the scopes that are asked for.

    Raises InvalidRequest when there is none, or when a provider that the request names has no connector.
    """

    def script() -> Steps[dict[ProviderName, tuple[str, ...]]]:
        page = yield from connectors.page(app.id, limit=100, offset=0)
        return {connector.provider: connector.scope for connector in page}

    connected = await db.read(script())
    if missing := [name for name in request.providers if name not in connected]:
        raise InvalidRequest(f"provider: this application has no {missing[0]} connector. POST /v3/connectors first.")
    providers = request.providers or tuple(name for name in OFFERED if name in connected)
    if not providers:
        raise InvalidRequest("This application has no connector that a user could sign in to. POST /v3/connectors.")
    return {name: connected[name] if request.scope is None else request.scope for name in providers}
