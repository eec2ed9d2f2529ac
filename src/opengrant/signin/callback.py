"""The callback of a hosted sign-in: a provider sends the browser back."""

import hmac
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import structlog
from pydantic import SecretStr

from opengrant.errors import LoginInvalid, OpenGrantError
from opengrant.grants.connect.connect import Connect
from opengrant.model import Application, ProviderName
from opengrant.signin.admin_consent import AdminConsent
from opengrant.signin.ending import Ending
from opengrant.signin.login import CALLBACK, OVER, AuthorizationRequest, OpenLogins
from opengrant.signin.return_url import ReturnUrls, oauth_error
from opengrant.store.signin.logins import Login
from opengrant.tenants.applications import Applications

log = structlog.get_logger()


@dataclass(frozen=True, slots=True, kw_only=True)
class _Answer:
    """A provider's answer, after its state was checked."""

    app: Application
    request: AuthorizationRequest
    login: Login
    provider: ProviderName
    state_secret: str
    query: Mapping[str, str]
    base: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Callback:
    """Built once, in assembly/."""

    applications: Applications
    logins: OpenLogins
    admin_consent: AdminConsent
    connect: Connect
    ending: Ending
    returns: ReturnUrls

    async def finish(self, query: Mapping[str, str], *, base: str, cookies: Sequence[str]) -> str:
        """Take a provider's answer. Returns where the browser goes. `base`: our own origin, as when it was sent there.

        Raises LoginInvalid when this browser was not sent there with this state, CallbackNotAllowed when the redirect
        URI was removed meanwhile.
        """
        handle, _, secret = query.get("state", "").rpartition(".")
        login = await self.logins.find(handle, cookies)
        expected = self.logins.digests.state(login, secret)
        if login.provider is None or not hmac.compare_digest(login.secret, expected):
            raise LoginInvalid(OVER)
        app = await self.applications.find(login.application_id)
        if app is None or not await self.logins.end(login):
            raise LoginInvalid(OVER)
        request = AuthorizationRequest.from_row(login.ask)
        answer = _Answer(
            app=app,
            request=request,
            login=login,
            provider=login.provider,
            state_secret=secret,
            query=query,
            base=base,
        )
        try:
            return await self._finish(answer)
        except OpenGrantError as problem:
            log.warning("sign_in_failed", login_id=login.id, provider=login.provider.value, error=problem.type)
            return await self.returns.failure(app, request, problem)

    async def _finish(self, answer: _Answer) -> str:
        app, request, query = answer.app, answer.request, answer.query
        if query.get("error"):
            description = query.get("error_description") or query["error"]
            return await self.returns.refusal(app, request, oauth_error(query["error"]), description, 400)
        if request.response_type == "adminconsent":
            tenant = await self.admin_consent.confirm(app, request, query)
            return await self.returns.build(app, request, {"admin_consent": "true", "tenant": tenant})
        if not (code := query.get("code")):
            description = "The provider sent neither a code nor an error."
            return await self.returns.refusal(app, request, "server_error", description, 502)
        proof = await self.connect.prove_code(
            app,
            request.custom_connect(request.hosted_login(answer.provider), login_id=answer.login.id),
            SecretStr(code),
            redirect_uri=f"{answer.base}{CALLBACK}",
            verifier=self.logins.digests.verifier(answer.login, answer.state_secret),
        )
        await self.connect.refuse_other_owner(app, answer.provider, proof)
        return await self.ending.succeed(app, request, answer.login, answer.provider, proof)
