"""Our tokens, read: the grant that an access token opens, and what a token says of itself."""

from dataclasses import dataclass
from typing import NamedTuple

from opengrant.access import bearer_tokens
from opengrant.model import SECOND, Application, Clock
from opengrant.signin.id_tokens import IdTokens
from opengrant.signin.tokens import dead_token
from opengrant.store.engine.port import Store
from opengrant.store.grants import grants
from opengrant.store.signin import tokens
from opengrant.vault.digests import Digests


class Holder(NamedTuple):
    """The application that an access token was issued to, and the one grant that it opens."""

    application: Application
    grant_id: str


@dataclass(frozen=True, slots=True)
class Info:
    """What a token says of itself; times in Unix seconds."""

    issuer: str
    audience: str
    subject: str
    email: str
    issued_at: int
    expires_at: int


@dataclass(frozen=True, slots=True, kw_only=True)
class TokenReader:
    """Built once, in assembly/."""

    db: Store
    digests: Digests
    id_tokens: IdTokens
    clock: Clock

    async def bearer(self, token: str) -> Holder | None:
        """The holder of an access token; None when it is not one of ours, or is expired.

        The grant may be deleted meanwhile: then nothing is found under its id.
        """
        row = await self._find(token)
        return None if row is None else Holder(row.application, row.family.grant_id)

    async def info(self, access_token: str, *, issuer: str) -> Info:
        """`issuer`: the base URL that the caller reached us at. Raises OAuthRefused when the token is invalid."""
        row = await self._find(access_token)
        if row is None or row.expires_at is None:
            raise dead_token()
        grant = await self.db.read(grants.find(row.application.id, row.family.grant_id))
        if grant is None:
            raise dead_token()
        return Info(
            issuer=issuer,
            audience=row.application.id,
            subject=grant.id,
            email=grant.email,
            issued_at=row.created_at // SECOND,
            expires_at=row.expires_at // SECOND,
        )

    async def id_token_info(self, id_token: str) -> Info:
        """Raises OAuthRefused when the token is invalid, or its grant was deleted."""
        claims = await self.id_tokens.read(id_token)
        grant = await self.db.read(grants.find(claims["aud"], claims["sub"]))
        if grant is None:
            raise dead_token()
        return Info(
            issuer=claims["iss"],
            audience=claims["aud"],
            subject=claims["sub"],
            email=grant.email,
            issued_at=claims["iat"],
            expires_at=claims["exp"],
        )

    async def _find(self, token: str) -> tokens.Token | None:
        """The row of a valid access token."""
        app_id = bearer_tokens.application_of(bearer_tokens.ACCESS, token)
        if app_id is None:
            return None
        row = await self.db.read(tokens.find(app_id, self.digests.token(app_id, token)))
        return None if row is None or row.over(self.clock()) else row
