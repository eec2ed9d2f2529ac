"""The login form of a hosted sign-in: proves a password that was typed here."""

import asyncio
from dataclasses import dataclass, replace

from opengrant.errors import Evidence, LoginInvalid, OpenGrantError, ProviderUnavailable
from opengrant.grants import refusals
from opengrant.grants.connect.connect import Connect
from opengrant.model import ProviderName
from opengrant.model.logins import EwsLogin, ImapLogin, PasswordLogin
from opengrant.providers.verdict import Kind, Verdict
from opengrant.signin.abuse_limits import AbuseLimits
from opengrant.signin.ending import Ending
from opengrant.signin.login import OVER, OpenLogins
from opengrant.signin.return_url import ReturnUrls
from opengrant.signin.visit import Visit


@dataclass(frozen=True, slots=True, kw_only=True)
class PasswordForm:
    """Built once, in assembly/."""

    logins: OpenLogins
    connect: Connect
    limits: AbuseLimits
    ending: Ending
    returns: ReturnUrls
    patience: float = 30
    """Seconds for the whole proof, the search for the server included: the page promises this time."""

    async def servers(self, visit: Visit, login: PasswordLogin, *, search: bool) -> tuple[str, ...]:
        """Where the password would go, for the page to say so before it is typed. The login's own password is not used.

        search  ask the network, which counts; without it the answer is empty where the servers are not known
        Raises  RateLimited, Overloaded, and what a failed search raises
        """
        if not search:
            return await self.connect.password_servers(login, search=False)
        try:
            async with self.limits.searching(visit.app, visit.login.id), asyncio.timeout(self.patience):
                return await self.connect.password_servers(login, search=True)
        except TimeoutError:
            raise timed_out(login.provider, self.patience) from None

    async def submit(self, visit: Visit, login: PasswordLogin, *, shown: tuple[str, ...]) -> str:
        """Prove a password. Returns where the browser goes.

        shown  the servers that the user has seen: the password goes to them and to those that the login names only

        A provider's refusal is raised as by connect/custom, and the user may try again.
        Raises NotShown when it would go to a server that the login does not name as shown, ProviderUnavailable after
        `patience`, CallbackNotAllowed when the redirect URI was removed meanwhile.
        """
        provider = login.provider
        if isinstance(login, ImapLogin | EwsLogin):  # the servers of the others are always the same
            login = replace(login, shown=shown)
        ask = visit.request.custom_connect(login, login_id=visit.login.id)
        try:
            async with asyncio.timeout(self.patience), self.limits.proving(visit.app, visit.login.id):
                proof = await self.connect.prove_password(visit.app, ask, login)
        except TimeoutError:
            raise timed_out(provider, self.patience) from None
        await self.connect.refuse_other_owner(visit.app, provider, proof)
        if not await self.logins.end(visit.login):
            raise LoginInvalid(OVER)
        try:
            return await self.ending.succeed(visit.app, visit.request, visit.login, provider, proof)
        except OpenGrantError as problem:
            return await self.returns.failure(visit.app, visit.request, problem)


def timed_out(provider: ProviderName, patience: float) -> ProviderUnavailable:
    evidence = Evidence(provider.value, "imap", "command", code="timeout")
    verdict = Verdict(Kind.PROVIDER_DOWN, "gave_up", "Check the server settings, or try again later.", retryable=True)
    return ProviderUnavailable(
        f"{refusals.NAMES[provider]} did not answer within {patience:.0f} s. {verdict.remedy}",
        provider_error=refusals.provider_error(evidence, verdict),
    )
