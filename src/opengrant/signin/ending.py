"""The end of a hosted sign-in that succeeded: a code for the application, or a grant at once."""

from dataclasses import dataclass

from opengrant.access.console_sessions import ConsoleSessions, actor_of
from opengrant.errors import InvalidRequest
from opengrant.events.actor import Actor, acting, request_id
from opengrant.grants.connect.connect import Connect
from opengrant.grants.connect.proof import Proof
from opengrant.model import Application, ProviderName
from opengrant.signin.codes import LoginCodes
from opengrant.signin.login import AuthorizationRequest
from opengrant.signin.return_url import ReturnUrls
from opengrant.store.signin.logins import Login


@dataclass(frozen=True, slots=True, kw_only=True)
class Ending:
    """Built once, in assembly/."""

    connect: Connect
    codes: LoginCodes
    returns: ReturnUrls
    sessions: ConsoleSessions

    async def succeed(
        self, app: Application, request: AuthorizationRequest, login: Login, provider: ProviderName, proof: Proof
    ) -> str:
        """Returns where the browser goes.

        Raises ReauthEmailInvalid, CallbackNotAllowed; where it makes a grant what `Connect.accept` raises, and
        InvalidRequest when the session of the console has ended.
        """
        if not request.ours:
            return await self.codes.issue(app, request, login, provider, proof)
        await self.codes.refuse_other_mailbox(app, request, provider, proof.identity)
        custom = request.custom_connect(request.hosted_login(provider), login_id=login.id)
        with acting(await self._actor(app, request)):
            grant = await self.connect.accept(app, custom, proof)
        return await self.returns.build(app, request, {"grant_id": grant.id})

    async def _actor(self, app: Application, request: AuthorizationRequest) -> Actor:
        """In whose name the grant is made. Raises InvalidRequest."""
        if request.link_by is not None:
            return Actor(request.link_by, request_id())
        # The answer of a provider comes without the session's cookie, which is for requests of our own pages only.
        sessions = await self.sessions.of_application(app)
        session = next((one for one in sessions if one.id == request.console), None)
        if session is None:
            raise InvalidRequest("The session of the console that began this sign-in has ended. Sign in there again.")
        return actor_of(session, request_id())
