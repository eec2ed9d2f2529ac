"""Tokens that applications hold for grants: issued, refreshed, revoked, forgotten.

They are ours, never a provider's. The tokens of one sign-in are a family and end together: with a revocation, with a
code or a rotated refresh token that is used a second time, and with the grant.
"""

import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Literal

from pydantic import SecretStr

from opengrant.access import bearer_tokens
from opengrant.errors import OAuthRefused
from opengrant.events import audit
from opengrant.model import SECOND, Application, Clock, Grant, Micros, micros
from opengrant.providers.registry import FACTS
from opengrant.signin.id_tokens import IdTokens
from opengrant.store.engine.port import Steps, Store
from opengrant.store.grants import grants
from opengrant.store.signin import tokens
from opengrant.tenants.applications import Applications
from opengrant.vault.digests import Digests

ACCESS_FOR = 3600
"""Seconds that an access token is valid."""

Means = Literal["authorization_code", "refresh_token", "client_credentials"]
"""What a token was issued for; the wire's grant types."""

_REMEMBER_SPENT = timedelta(days=30)
"""How long a rotated refresh token is remembered: used again, it revokes its family."""
_REMEMBER_FAMILY = timedelta(days=1)
"""How long a family without tokens is remembered: far longer than a one-time code is valid."""
_AT_ONCE = 500
"""Rows that one transaction drops."""
_MOST_TURNS = 200
"""Transactions of one sweep for one application; the next sweep drops the rest."""


@dataclass(frozen=True, slots=True)
class RefreshTokenTerms:
    """How long refresh tokens are valid, as the application has set it; None: no limit.

    absolute  seconds from the sign-in
    idle      seconds from the last refresh
    rotate    each refresh issues a new refresh token and retires the one that was sent
    """

    absolute: int | None = None
    idle: int | None = None
    rotate: bool = False

    @classmethod
    def of(cls, additional_settings: Mapping[str, Any]) -> "RefreshTokenTerms":
        """From an application's `additional_settings`, already validated."""
        return cls(
            absolute=additional_settings.get("refresh_token_expiration_absolute") or None,
            idle=additional_settings.get("refresh_token_expiration_idle") or None,
            rotate=bool(additional_settings.get("rotate_refresh_token")),
        )

    def end(self, begun_at: Micros, used_at: Micros) -> Micros | None:
        """When the refresh token of a family expires."""
        ends = [
            since + seconds * SECOND
            for since, seconds in ((begun_at, self.absolute), (used_at, self.idle))
            if seconds is not None
        ]
        return min(ends, default=None)


@dataclass(frozen=True, slots=True)
class Issued:
    """The answer of the token endpoint. refresh_token: None when there is no new one."""

    grant: Grant
    access_token: SecretStr
    scope: tuple[str, ...]
    id_token: SecretStr
    refresh_token: SecretStr | None = None
    expires_in: int = ACCESS_FOR


@dataclass(frozen=True, slots=True, kw_only=True)
class AccessTokens:
    """Built once, in assembly/.

    An argument `issuer` is the base URL that the caller reached us at.
    """

    db: Store
    digests: Digests
    applications: Applications
    signing: IdTokens
    clock: Clock

    async def issue(
        self,
        app: Application,
        grant: Grant,
        means: Means,
        *,
        issuer: str,
        scope: tuple[str, ...],
        offline: bool = False,
        code_id: str | None = None,
    ) -> Issued:
        """An access token, and with `offline` a refresh token.

        code_id  the one-time code that is exchanged; `revoke_of_code` revokes its tokens
        Raises   OAuthRefused when the grant was deleted, or the code's tokens were revoked, meanwhile
        """
        access = bearer_tokens.make(bearer_tokens.ACCESS, app.id)
        refresh = bearer_tokens.make(bearer_tokens.REFRESH, app.id) if offline else None
        terms = await self._terms(app) if offline else RefreshTokenTerms()
        await self.db.write(
            self._issue(app, grant.id, means, scope=scope, access=access, refresh=refresh, terms=terms, code_id=code_id)
        )
        return await self._issued(app, grant, scope, access, refresh, issuer)

    def _issue(
        self,
        app: Application,
        grant_id: str,
        means: Means,
        *,
        scope: tuple[str, ...],
        access: SecretStr,
        refresh: SecretStr | None,
        terms: RefreshTokenTerms,
        code_id: str | None,
    ) -> Steps[None]:
        now = self.clock()
        family = tokens.Family(
            id=code_id or str(uuid.uuid4()), grant_id=grant_id, scope=scope, created_at=now, used_at=now
        )
        if not (yield from tokens.begin(app.id, family, self.db.dialect)):
            raise OAuthRefused("invalid_grant", "The grant was deleted, or the code was used before.")
        yield from self._add(app, family.id, access, now + ACCESS_FOR * SECOND, "access", now)
        if refresh is not None:
            yield from self._add(app, family.id, refresh, terms.end(now, now), "refresh", now)
        yield from audit.record(app.id, "token.issued", at=now, grant_id=grant_id, means=means, family_id=family.id)

    async def refresh(self, app: Application, refresh_token: SecretStr, *, issuer: str) -> Issued:
        """A new access token; with rotation a new refresh token too.

        A refresh token that was rotated before revokes its family: two clients have it, so one of them stole it.
        Raises OAuthRefused, with the same text for every invalid token.
        """
        terms = await self._terms(app)
        access = bearer_tokens.make(bearer_tokens.ACCESS, app.id)
        replacement = bearer_tokens.make(bearer_tokens.REFRESH, app.id) if terms.rotate else None
        digest = self._digest(app.id, refresh_token)
        # A reused token is a result, not an exception: an exception would roll the revocation back.
        refreshed = await self.db.write(self._refresh(app, digest, terms, access, replacement))
        if refreshed is None:
            raise _dead_refresh_token()
        grant, scope = refreshed
        return await self._issued(app, grant, scope, access, replacement, issuer)

    def _refresh(
        self, app: Application, digest: str, terms: RefreshTokenTerms, access: SecretStr, replacement: SecretStr | None
    ) -> Steps[tuple[Grant, tuple[str, ...]] | None]:
        now = self.clock()
        row = yield from tokens.find(app.id, digest)
        if row is None or row.kind != "refresh" or row.over(now):
            raise _dead_refresh_token()
        family = row.family
        end = terms.end(family.created_at, family.used_at)
        grant = yield from grants.find(app.id, family.grant_id)
        if grant is None or (end is not None and end <= now):
            raise _dead_refresh_token()
        if not (yield from tokens.use(app.id, family.id, at=now)):
            raise _dead_refresh_token()
        if row.spent_at is not None:
            yield from self._reused(app, family, now)
            return None
        refuse_blocked(grant)
        end = terms.end(family.created_at, now)
        if replacement is None:
            yield from tokens.prolong(app.id, digest, expires_at=end)
        else:
            forget_at = now + micros(_REMEMBER_SPENT)
            if not (yield from tokens.spend(app.id, digest, at=now, forget_at=forget_at)):
                yield from self._reused(app, family, now)
                return None
            yield from self._add(app, family.id, replacement, end, "refresh", now)
        yield from self._add(app, family.id, access, now + ACCESS_FOR * SECOND, "access", now)
        yield from audit.record(
            app.id, "token.issued", at=now, grant_id=grant.id, means="refresh_token", family_id=family.id
        )
        return grant, family.scope

    def _reused(self, app: Application, family: tokens.Family, now: Micros) -> Steps[None]:
        yield from tokens.revoke(app.id, family.id, at=now)
        yield from audit.record(app.id, "token.reused", at=now, grant_id=family.grant_id, family_id=family.id)

    async def revoke(self, token: str) -> None:
        """End the family of an access, refresh or proxy token; the grant stays.

        Raises OAuthRefused when it is invalid.
        """
        kinds = (bearer_tokens.ACCESS, bearer_tokens.REFRESH, bearer_tokens.PROXY)
        app_id = next(filter(None, (bearer_tokens.application_of(kind, token) for kind in kinds)), None)
        if app_id is None:
            raise dead_token()
        await self.db.write(self._revoke(app_id, self._digest(app_id, SecretStr(token))))

    def _revoke(self, app_id: str, digest: str) -> Steps[None]:
        now = self.clock()
        row = yield from tokens.find(app_id, digest)
        if row is None or row.over(now):
            raise dead_token()
        family = row.family
        if (yield from tokens.revoke(app_id, family.id, at=now)) is None:
            raise dead_token()
        yield from audit.record(app_id, "token.revoked", at=now, grant_id=family.grant_id, family_id=family.id)

    async def revoke_of_code(self, app: Application, code_id: str) -> None:
        """A one-time code was sent twice: revoke its tokens, also those that are just being issued."""
        await self.db.write(self._revoke_of_code(app, code_id))

    def _revoke_of_code(self, app: Application, code_id: str) -> Steps[None]:
        now = self.clock()
        grant_id = yield from tokens.revoke(app.id, code_id, at=now)
        if grant_id is not None:
            yield from audit.record(app.id, "token.reused", at=now, grant_id=grant_id or None, family_id=code_id)

    async def forget(self, app: Application) -> None:
        """Drop expired tokens and empty families, in batches."""
        now = self.clock()
        unused_since = now - micros(_REMEMBER_FAMILY)
        for _ in range(_MOST_TURNS):
            if await self.db.write(tokens.forget_expired(app.id, at=now, limit=_AT_ONCE)) < _AT_ONCE:
                break
        for _ in range(_MOST_TURNS):
            if await self.db.write(tokens.forget_empty(app.id, unused_since=unused_since, limit=_AT_ONCE)) < _AT_ONCE:
                break

    async def _terms(self, app: Application) -> RefreshTokenTerms:
        return RefreshTokenTerms.of((await self.applications.profile(app)).additional_settings)

    async def _issued(
        self,
        app: Application,
        grant: Grant,
        scope: tuple[str, ...],
        access: SecretStr,
        refresh: SecretStr | None,
        issuer: str,
    ) -> Issued:
        claims = {
            "iss": issuer,
            "aud": app.id,
            "sub": grant.id,
            "email": grant.email,
            "email_verified": not FACTS[grant.provider].claimed_address
            and grant.settings.get("email_verified") is not False,
            "provider": grant.provider.value,
            **({} if grant.name is None else {"name": grant.name}),
        }
        return Issued(grant, access, scope, await self.signing.sign(claims), refresh)

    def _add(
        self,
        app: Application,
        family_id: str,
        token: SecretStr,
        expires_at: Micros | None,
        kind: tokens.Kind,
        now: Micros,
    ) -> Steps[None]:
        digest = self._digest(app.id, token)
        yield from tokens.add(app.id, family_id, kind, digest, at=now, expires_at=expires_at)

    def _digest(self, app_id: str, token: SecretStr) -> str:
        return self.digests.token(app_id, token.get_secret_value())


def refuse_blocked(grant: Grant) -> None:
    """Raises OAuthRefused."""
    if grant.blocked:
        raise OAuthRefused("access_denied", "This grant is blocked. The operator of the server can tell why.")


def _dead_refresh_token() -> OAuthRefused:
    return OAuthRefused("invalid_grant", "The refresh token is unknown, expired or revoked.")


def dead_token() -> OAuthRefused:
    return OAuthRefused("invalid_token", "Token expired or revoked")
