"""Our pages of a hosted sign-in, as one browser uses them: choose a provider, search one by address, cancel."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from opengrant.errors import InvalidRequest, LoginInvalid
from opengrant.grants.connect.detect import Detect, way_in
from opengrant.model import Application, ProviderName
from opengrant.signin.abuse_limits import AbuseLimits
from opengrant.signin.consent import ConsentPages
from opengrant.signin.login import OVER, AuthorizationRequest, OpenLogins
from opengrant.signin.return_url import ReturnUrls
from opengrant.signin.start import offered
from opengrant.store.engine.port import Store
from opengrant.store.signin import logins
from opengrant.store.signin.logins import Login
from opengrant.tenants.applications import Applications


@dataclass(frozen=True, slots=True)
class Visit:
    """A sign-in that a browser has proven to be its own.

    offered  the providers on the page, in their order, each with the scopes that are asked for
    """

    app: Application
    login: Login
    request: AuthorizationRequest
    offered: Mapping[ProviderName, tuple[str, ...]]
    csrf: str = field(repr=False)
    handle: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Visits:
    """Built once, in assembly/."""

    db: Store
    applications: Applications
    logins: OpenLogins
    consent: ConsentPages
    detect: Detect
    limits: AbuseLimits
    returns: ReturnUrls

    async def open(self, handle: str, cookies: Sequence[str]) -> Visit:
        """The sign-in behind one of our pages. `cookies`: the browser's, of all its sign-ins.

        Raises LoginInvalid when it is over, or belongs to another browser.
        """
        login = await self.logins.find(handle, cookies)
        app = await self.applications.find(login.application_id)
        if app is None:
            raise LoginInvalid(OVER)
        request = AuthorizationRequest.from_row(login.ask)
        providers = await offered(self.db, app, request)
        return Visit(app, login, request, providers, self.logins.digests.csrf(login), handle)

    async def choose(self, visit: Visit, provider: ProviderName, *, base: str) -> str:
        """Take the user's choice. Returns where the browser goes. Raises InvalidRequest, LoginInvalid."""
        if provider not in visit.offered:
            raise InvalidRequest("provider: it is not among those that are offered.")
        url, login = await self.consent.lead(visit.app, visit.request, visit.login, provider, base=base)
        if not await self.db.write(logins.choose(visit.app.id, login.id, provider, login.secret)):
            raise LoginInvalid(OVER)
        return url

    async def recognise(self, visit: Visit, email: str) -> ProviderName | None:
        """The offered provider that takes an address; if none does, the provider of the address, if it is known.

        Raises InvalidRequest when it is no address, RateLimited, Overloaded, ProviderUnavailable.
        """
        async with self.limits.searching(visit.app, visit.login.id):
            found = await self.detect.provider(visit.app, email, any_provider=True, rate_limited=False)
        return None if found is None else (way_in(found, visit.offered) or found).provider

    async def cancel(self, visit: Visit) -> str:
        """End the sign-in. Returns where the browser goes. Raises CallbackNotAllowed."""
        await self.logins.end(visit.login)
        return await self.returns.refusal(
            visit.app, visit.request, "access_denied", "The user cancelled the sign-in.", 403
        )
