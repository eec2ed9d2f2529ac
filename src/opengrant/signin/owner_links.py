"""Owner links: an operator sends one to the owner of a mailbox, who signs in with it. No redirect URI is needed.

A link names an application and perhaps a provider, an address or a grant, and until when it works. A keyed digest
protects that, so nothing is stored. Who has a link can connect a mailbox of their own, or reconnect the one that the
link names; it reads nothing.
"""

import base64
import hmac
from dataclasses import dataclass
from datetime import timedelta

from pydantic_core import from_json, to_json

from opengrant.errors import LoginInvalid
from opengrant.events import audit
from opengrant.events.actor import actor_name
from opengrant.model import SECOND, Application, Clock, Micros, ProviderName, micros
from opengrant.store.engine.port import Store
from opengrant.vault.digests import Digests

LASTS = timedelta(days=7)
PATH = "/v3/connect/link"
_OVER = "This link has expired or is incomplete. Ask the person who sent it to you for a new one."
_LONGEST = 2000


@dataclass(frozen=True, slots=True)
class OwnerLink:
    """What a link says.

    by          the actor that made it, who is the actor of its grants too
    provider    None: the owner chooses
    grant_id    the grant to reconnect; None: any mailbox
    """

    application_id: str
    by: str
    expires_at: Micros
    provider: ProviderName | None = None
    login_hint: str | None = None
    grant_id: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class OwnerLinks:
    """Built once, in assembly/."""

    db: Store
    digests: Digests
    clock: Clock

    def new(
        self,
        app: Application,
        *,
        provider: ProviderName | None = None,
        login_hint: str | None = None,
        grant_id: str | None = None,
    ) -> OwnerLink:
        """A link of the present actor that works for a week."""
        return OwnerLink(app.id, actor_name(), self.clock() + micros(LASTS), provider, login_hint, grant_id)

    async def made(self, app: Application, links: int) -> None:
        """Record in the audit trail that links were made."""
        await self.db.write(audit.record(app.id, "owner_link.created", at=self.clock(), links=links))

    def url(self, link: OwnerLink, *, base: str) -> str:
        """`base`: our own origin as browsers see it."""
        members = [link.application_id, link.by, link.expires_at // SECOND]
        members += [link.provider, link.login_hint, link.grant_id]
        said = base64.urlsafe_b64encode(to_json(members)).decode().rstrip("=")
        return f"{base}{PATH}/{said}.{self.digests.owner_link(said)}"

    def read(self, code: str) -> OwnerLink:
        """The link of a code. Raises LoginInvalid when we did not make it, or its time is over."""
        said, _, digest = code.partition(".")
        known = code.isascii() and len(code) <= _LONGEST
        if not known or not hmac.compare_digest(digest.encode(), self.digests.owner_link(said).encode()):
            raise LoginInvalid(_OVER)
        app, by, expires_at, provider, login_hint, grant_id = from_json(
            base64.urlsafe_b64decode(said + "=" * (-len(said) % 4))
        )
        if expires_at * SECOND <= self.clock():
            raise LoginInvalid(_OVER)
        named = None if provider is None else ProviderName(provider)
        return OwnerLink(app, by, expires_at * SECOND, named, login_hint, grant_id)
