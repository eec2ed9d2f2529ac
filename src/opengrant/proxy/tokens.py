"""Proxy tokens: each opens one grant's mailbox through the mail proxy, for a limited time.

They are stored as the other tokens of this server are (signin/tokens.py), each as a family of its own: they end with
their grant, can be revoked like an access token, and are swept with the expired ones. The API does not take them: their
prefix is another one.
"""

import uuid
from dataclasses import dataclass

from pydantic import SecretStr

from opengrant.access import bearer_tokens
from opengrant.errors import GrantNotFound
from opengrant.events import audit
from opengrant.grants.refusals import refuse_blocked
from opengrant.model import SECOND, Application, Clock, Grant, Micros
from opengrant.store.engine.port import Steps, Store
from opengrant.store.signin import tokens
from opengrant.vault.digests import Digests

LASTS = 3600
LONGEST = 86_400
"""Seconds."""


@dataclass(frozen=True, slots=True)
class ProxyToken:
    """A token, which is not stored, and when it ends."""

    token: SecretStr
    expires_at: Micros


@dataclass(frozen=True, slots=True, kw_only=True)
class ProxyTokens:
    """Built once, in assembly/."""

    db: Store
    digests: Digests
    clock: Clock

    async def issue(self, app: Application, grant: Grant, *, reason: str, expires_in: int) -> ProxyToken:
        """expires_in: seconds. Raises Blocked, and GrantNotFound when the grant was deleted meanwhile."""
        refuse_blocked(grant)
        made = ProxyToken(bearer_tokens.make(bearer_tokens.PROXY, app.id), self.clock() + expires_in * SECOND)
        await self.db.write(self._issue(app, grant.id, made, reason))
        return made

    def _issue(self, app: Application, grant_id: str, made: ProxyToken, reason: str) -> Steps[None]:
        now = self.clock()
        family = tokens.Family(id=str(uuid.uuid4()), grant_id=grant_id, scope=(), created_at=now, used_at=now)
        if not (yield from tokens.begin(app.id, family, self.db.dialect)):
            raise GrantNotFound("Grant not found")
        digest = self.digests.token(app.id, made.token.get_secret_value())
        yield from tokens.add(app.id, family.id, "access", digest, at=now, expires_at=made.expires_at)
        yield from audit.record(
            app.id, "token.issued", at=now, grant_id=grant_id, means="proxy", family_id=family.id, reason=reason
        )

    def digest_of(self, token: str) -> tuple[str, str] | None:
        """(application id, digest), by which a token is looked up; None for what can be no proxy token."""
        app_id = bearer_tokens.application_of(bearer_tokens.PROXY, token)
        return None if app_id is None else (app_id, self.digests.token(app_id, token))

    async def find(self, app_id: str, digest: str) -> tokens.Token | None:
        """The row of a token that has not ended."""
        row = await self.db.read(tokens.find(app_id, digest))
        return None if row is None or row.over(self.clock()) else row
