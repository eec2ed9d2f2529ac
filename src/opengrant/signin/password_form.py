"""The login form of a hosted sign-in: proves a password that was typed here."""

import asyncio
from dataclasses import dataclass

from opengrant.errors import Evidence, LoginInvalid, OpenGrantError, ProviderUnavailable
from opengrant.grants import refusals
from opengrant.grants.connect.connect import Connect
from opengrant.model import ProviderName
from opengrant.model.logins import PasswordLogin
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

    async def submit(self, visit: Visit, login: PasswordLogin) -> str:
        """Prove a password. Returns where the browser goes.

        A provider's refusal is raised as by connect/custom, and the user may try again.
        Raises ProviderUnavailable after `patience`; CallbackNotAllowed when the redirect URI was removed meanwhile.
        """
        provider = login.provider
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
