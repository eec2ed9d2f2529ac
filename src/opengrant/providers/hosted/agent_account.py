"""Agent Accounts: mailboxes that live here. No remote; our own rules accept them.

Whether the address is on a domain of the application's is for the caller to ask first: it takes the store. A domain has
many spellings and one mailbox: addresses are kept with theirs in lower-cased A-labels, as registered domains are.
An app password is kept only as its bcrypt hash; it opens IMAP and SMTP, without one there is neither. It can be set,
replaced and taken away, and stays where nothing is said about it.
"""

import asyncio
import re

import bcrypt
from pydantic import SecretStr

from opengrant.errors import InvalidRequest
from opengrant.model import AppPasswordSecret, Identity, NoSecret, Verified
from opengrant.model.logins import AgentAccountLogin
from opengrant.net.guard import BadHost, parse_host

TELL_OF_SECRET = ("has_app_password",)
"""Settings that say what the secret holds: they stay or change with it."""
COST = 12
"""Two to this power rounds of bcrypt."""

_PRINTABLE = re.compile(r"[!-~]{18,40}")
_KINDS = (
    (re.compile(r"[A-Z]"), "an upper-case letter"),
    (re.compile(r"[a-z]"), "a lower-case letter"),
    (re.compile(r"[0-9]"), "a digit"),
)


class AgentAccount:
    """Accepts an address, and an app password that follows the rules."""

    def __init__(self, *, cost: int = COST) -> None:
        self.cost = cost

    async def verify(self, login: AgentAccountLogin) -> Verified:
        """Check the rules and hash the password.

        Returns   `settings`: email, policy_id, has_app_password, which holds for an account that has none so far.
        Raises    InvalidRequest, whose text never holds the password
        """
        email = address(login.email)
        shown: dict[str, str | bool] = {"email": email}
        if login.policy_id is not None:
            shown["policy_id"] = login.policy_id
        shown["has_app_password"] = login.app_password is not None
        secret: AppPasswordSecret | NoSecret | None = None
        if login.app_password is not None:
            secret = AppPasswordSecret(app_password_bcrypt=await self._hash(login.app_password.get_secret_value()))
        elif login.drops_app_password:
            secret = NoSecret()
        return Verified(Identity(email=email), shown, secret)

    async def _hash(self, password: str) -> SecretStr:
        check(password)
        # Takes a quarter of a second of CPU; bcrypt lets go of the interpreter meanwhile.
        hashed = await asyncio.to_thread(bcrypt.hashpw, password.encode(), bcrypt.gensalt(self.cost))
        return SecretStr(hashed.decode())


def address(email: str) -> str:
    """The one spelling of an address. Raises InvalidRequest."""
    local, _, domain = email.rpartition("@")
    try:
        return f"{local}@{parse_host(domain)}"
    except BadHost:
        raise InvalidRequest("settings.email: what stands behind the @ is not a domain.") from None


def check(password: str) -> None:
    """The rules for app passwords. Raises InvalidRequest that says which one is broken."""
    if not _PRINTABLE.fullmatch(password):
        raise InvalidRequest("settings.app_password: must be 18 to 40 printable ASCII characters, without spaces.")
    missing = [name for kind, name in _KINDS if not kind.search(password)]
    if missing:
        raise InvalidRequest(f"settings.app_password: must contain {' and '.join(missing)}.")
