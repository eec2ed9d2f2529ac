"""Hosted sign-in: the user proves a mailbox here, and the browser returns to the application with a one-time code.

    start ──▶ choose a provider ──▶ the provider's consent page ──▶ callback ─┐
                               └──▶ a login form of ours ──▶ submit ──────────┴──▶ code ──▶ redeem: a grant

A sign-in makes no grant before the application has redeemed its code: until then the proof is stored sealed beside
the code, for ten minutes. A sign-in belongs to one browser (a cookie), to one provider once that is chosen (a new state
for each), and is used once. docs/hosted-auth.md describes it for applications.
"""

from dataclasses import dataclass

from opengrant.model import Application
from opengrant.signin.abuse_limits import AbuseLimits
from opengrant.signin.callback import Callback
from opengrant.signin.codes import LoginCodes
from opengrant.signin.password_form import PasswordForm
from opengrant.signin.redeem import Redemption
from opengrant.signin.start import SignInStart
from opengrant.signin.visit import Visits


@dataclass(frozen=True, slots=True, kw_only=True)
class Hosted:
    """The services of hosted sign-in, in the order of the diagram. Built once, in assembly/."""

    start: SignInStart
    visits: Visits
    password_form: PasswordForm
    callback: Callback
    codes: LoginCodes
    redemption: Redemption
    limits: AbuseLimits

    async def forget(self, app: Application) -> None:
        """Drop sign-ins, codes and counts that are over."""
        await self.codes.forget(app)
        await self.limits.forget(app)
