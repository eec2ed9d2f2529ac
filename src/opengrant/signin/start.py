"""The start of a hosted sign-in, and the link that asks a mailbox owner for another one."""

import secrets as random
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Literal
from urllib.parse import urlencode

from pydantic import SecretStr

from opengrant.access.console_sessions import ConsoleSession
from opengrant.errors import InvalidRequest, LoginInvalid
from opengrant.model import Application, Clock, Grant, ProviderName
from opengrant.providers.registry import OFFERED
from opengrant.signin.admin_consent import AdminConsent
from opengrant.signin.consent import ConsentPages
from opengrant.signin.login import LOGIN_LASTS, AuthorizationRequest, LoginDigests, path_of
from opengrant.signin.owner_links import OwnerLinks
from opengrant.signin.return_url import ReturnUrls
from opengrant.store.connectors import connectors
from opengrant.store.engine.port import Steps, Store
from opengrant.store.grants import grants
from opengrant.store.signin import logins
from opengrant.store.signin.logins import Login
from opengrant.tenants.applications import Applications

CONNECTED = "/v3/connect/connected"
"""The page where the sign-in of an owner link ends."""
_SECTIONS: tuple[Literal["select_provider", "detect"], ...] = ("detect", "select_provider")


@dataclass(frozen=True, slots=True)
class Begun:
    """Where the browser goes now, and the cookie that binds the sign-in to it."""

    url: str
    browser: SecretStr
    login_id: str
    state: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class SignInStart:
    """Built once, in assembly/."""

    db: Store
    applications: Applications
    digests: LoginDigests
    consent: ConsentPages
    admin_consent: AdminConsent
    returns: ReturnUrls
    links: OwnerLinks
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
        return await self._begin(app, request, base=base)

    async def begin_in_console(
        self, session: ConsoleSession, provider: ProviderName | None, login_hint: str | None, *, base: str
    ) -> Begun:
        """Start a sign-in that makes the grant itself and returns to the console. Raises InvalidRequest.

        provider  None: the user chooses
        """
        request = _in_console(session, base)
        request = replace(request, providers=(provider,) if provider else (), login_hint=login_hint)
        return await self._begin(session.application, request, base=base)

    async def reconnect_in_console(self, session: ConsoleSession, grant: Grant, *, base: str) -> Begun:
        """As `begin_in_console`, for the mailbox of a grant and no other."""
        request = replace(_in_console(session, base), **await self._again(session.application, grant))
        return await self._begin(session.application, request, base=base)

    async def begin_by_link(self, code: str, *, base: str) -> Begun:
        """Start the sign-in of an owner link. Raises LoginInvalid, InvalidRequest."""
        link = self.links.read(code)
        app = await self.applications.find(link.application_id)
        if app is None:
            raise LoginInvalid("The application that this link belongs to is gone.")
        request = AuthorizationRequest(
            redirect_uri=f"{base}{CONNECTED}",
            providers=(link.provider,) if link.provider else (),
            sections=_SECTIONS,
            login_hint=link.login_hint,
            link_by=link.by,
        )
        if link.grant_id is not None:
            grant = await self.db.read(grants.find(app.id, link.grant_id))
            if grant is None:
                raise LoginInvalid("The mailbox that this link belongs to is no longer known here.")
            request = replace(request, **await self._again(app, grant))
        return await self._begin(app, request, base=base)

    async def owner_link_for_new(
        self, app: Application, provider: ProviderName | None, login_hint: str | None, *, base: str
    ) -> str:
        """A link to connect a new mailbox. Raises InvalidRequest when there is no connector for it."""
        request = AuthorizationRequest(redirect_uri="", providers=(provider,) if provider else ())
        await offered(self.db, app, request)
        return self.links.url(self.links.new(app, provider=provider, login_hint=login_hint), base=base)

    async def owner_link(self, app: Application, grant: Grant, *, base: str) -> str:
        """A link for the owner of this mailbox. Raises InvalidRequest when no owner can sign in to it."""
        await self._reconnecting(app, grant)
        return self.links.url(self.links.new(app, grant_id=grant.id), base=base)

    async def _again(self, app: Application, grant: Grant) -> dict[str, Any]:
        """Members of a request for the mailbox of a grant and no other. Raises InvalidRequest."""
        credential_id = await self._reconnecting(app, grant)
        return {"providers": (grant.provider,), "login_hint": grant.email, "credential_id": credential_id}

    async def _begin(self, app: Application, request: AuthorizationRequest, *, base: str) -> Begun:
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
        return Begun(url, cookie, login.id, request.state)

    async def reconnect_link(self, app: Application, grant: Grant, *, redirect_uri: str | None, base: str) -> str:
        """The address where the owner of a mailbox signs in to it again. `base`: our own origin as browsers see it.

        redirect_uri  one of the application's; None: its first
        Raises InvalidRequest, CallbackNotAllowed.
        """
        credential_id = await self._reconnecting(app, grant)
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
        if credential_id is not None:
            query["credential_id"] = credential_id
        return f"{base}/v3/connect/auth?{urlencode(query)}"

    async def _reconnecting(self, app: Application, grant: Grant) -> str | None:
        """The credential to sign in with again; None: the connector's present one. Raises InvalidRequest."""
        if grant.provider not in OFFERED:
            raise InvalidRequest(
                f"Hosted sign-in does not offer {grant.provider}. Connect it by POST /v3/connect/custom."
            )
        if grant.organisation_address is not None:
            raise InvalidRequest("A credential of its organisation keeps this grant alive: no user signs in for it.")
        connector = await self.db.read(connectors.find(app.id, grant.provider))
        if connector is None:
            raise InvalidRequest(f"This application has no {grant.provider} connector. POST /v3/connectors first.")
        return None if grant.credential_id == connector.active_credential_id else grant.credential_id


def _in_console(session: ConsoleSession, base: str) -> AuthorizationRequest:
    return AuthorizationRequest(
        redirect_uri=f"{base}/console",
        sections=_SECTIONS,
        state=random.token_urlsafe(16),
        console=session.id,
    )


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
