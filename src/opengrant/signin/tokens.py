"""Tokens that applications hold for grants: handed out, refreshed, looked at, revoked, forgotten.

They are ours, never a provider's. All that one sign-in handed out is a family, and dies as one: with a revocation,
with a code or a rotated refresh token that is presented a second time, and with its grant.
"""

import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Literal, NamedTuple

from pydantic import SecretStr

from opengrant.access import bearer_tokens as opaque
from opengrant.errors import OAuthRefused
from opengrant.events import audit
from opengrant.model import SECOND, Application, Clock, Grant, Micros
from opengrant.providers.registry import FACTS
from opengrant.signin.id_tokens import Signing
from opengrant.store.engine.port import Steps, Store
from opengrant.store.grants import grants
from opengrant.store.signin import tokens
from opengrant.tenants.applications import Applications
from opengrant.vault.digests import Digests

ACCESS_FOR = 3600
"""Seconds that an access token is good for."""

Means = Literal["authorization_code", "refresh_token", "client_credentials"]
"""What a token was handed out for; the wire's grant types."""

_REMEMBER_SPENT = timedelta(days=30)
"""How long a rotated refresh token is known for one, so that it kills its family when it comes again."""
_REMEMBER_FAMILY = timedelta(days=1)
"""How long a family without tokens is remembered: far longer than a one-time code lives."""
_AT_ONCE = 500
"""Rows that one transaction drops."""
_MOST_TURNS = 200
"""Transactions that one sweep spends on an application; what is left waits for the next."""


@dataclass(frozen=True, slots=True)
class RefreshTokenTerms:
    """How long refresh tokens live, as an application sets it; None: without end.

    absolute  seconds from the sign-in
    idle      seconds from the last refresh
    rotate    each refresh hands out a new refresh token and retires the one it came with
    """

    absolute: int | None = None
    idle: int | None = None
    rotate: bool = False

    @classmethod
    def of(cls, additional_settings: Mapping[str, Any]) -> "RefreshTokenTerms":
        """From an application's `additional_settings`, already checked."""
        return cls(
            additional_settings.get("refresh_token_expiration_absolute") or None,
            additional_settings.get("refresh_token_expiration_idle") or None,
            bool(additional_settings.get("rotate_refresh_token")),
        )

    def end(self, begun_at: Micros, used_at: Micros) -> Micros | None:
        """When the refresh token of a family is over."""
        ends = [
            since + seconds * SECOND
            for since, seconds in ((begun_at, self.absolute), (used_at, self.idle))
            if seconds is not None
        ]
        return min(ends, default=None)


class Holder(NamedTuple):
    """Who comes with an access token: the application it was handed to, and the one grant it is good for."""

    application: Application
    grant_id: str


@dataclass(frozen=True, slots=True)
class Issued:
    """What the token endpoint answers. refresh_token: None when there is no new one."""

    grant: Grant
    access_token: SecretStr
    scope: tuple[str, ...]
    id_token: SecretStr
    refresh_token: SecretStr | None = None
    expires_in: int = ACCESS_FOR


@dataclass(frozen=True, slots=True)
class Info:
    """What a token says of itself; times in Unix seconds."""

    issuer: str
    audience: str
    subject: str
    email: str
    issued_at: int
    expires_at: int


class Tokens:
    """Built once, in assembly/installation.py.

    Where an argument is called `issuer`, it is the base URL that the caller reached us at.
    """

    def __init__(self, db: Store, digests: Digests, applications: Applications, signing: Signing, clock: Clock) -> None:
        self._db, self._digests, self._applications, self._clock = db, digests, applications, clock
        self.signing = signing

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

        code_id  the one-time code they are handed out for: what `revoke_of_code` takes back
        Raises   OAuthRefused when the grant has gone, or the code's tokens were taken back, meanwhile
        """
        access = opaque.make(opaque.ACCESS, app.id)
        refresh = opaque.make(opaque.REFRESH, app.id) if offline else None
        terms = await self._terms(app) if offline else RefreshTokenTerms()
        await self._db.write(self._issue(app, grant.id, means, scope, access, refresh, terms, code_id))
        return await self._issued(app, grant, scope, access, refresh, issuer)

    def _issue(
        self,
        app: Application,
        grant_id: str,
        means: Means,
        scope: tuple[str, ...],
        access: SecretStr,
        refresh: SecretStr | None,
        terms: RefreshTokenTerms,
        code_id: str | None,
    ) -> Steps[None]:
        now = self._clock()
        family = tokens.Family(code_id or str(uuid.uuid4()), grant_id, scope, now, now)
        if not (yield from tokens.begin(app.id, family, self._db.dialect)):
            raise OAuthRefused("invalid_grant", "The grant was deleted, or the code was used before.")
        yield from self._add(app, family.id, access, now + ACCESS_FOR * SECOND, "access", now)
        if refresh is not None:
            yield from self._add(app, family.id, refresh, terms.end(now, now), "refresh", now)
        yield from audit.record(app.id, "token.issued", at=now, grant_id=grant_id, means=means, family_id=family.id)

    async def refresh(self, app: Application, refresh_token: SecretStr, *, issuer: str) -> Issued:
        """A new access token; with rotation a new refresh token too.

        A refresh token that was rotated away before revokes its family: two have it, and one of them should not.
        Raises OAuthRefused, in the same words for every token that is not good.
        """
        terms = await self._terms(app)
        access = opaque.make(opaque.ACCESS, app.id)
        successor = opaque.make(opaque.REFRESH, app.id) if terms.rotate else None
        digest = self._digest(app.id, refresh_token)
        # What must not be undone by a refusal is told by a result, not raised: an exception rolls back.
        refreshed = await self._db.write(self._refresh(app, digest, terms, access, successor))
        if refreshed is None:
            raise _dead_refresh_token()
        grant, scope = refreshed
        return await self._issued(app, grant, scope, access, successor, issuer)

    def _refresh(
        self, app: Application, digest: str, terms: RefreshTokenTerms, access: SecretStr, successor: SecretStr | None
    ) -> Steps[tuple[Grant, tuple[str, ...]] | None]:
        now = self._clock()
        held = yield from tokens.find(app.id, digest)
        if held is None or held.kind != "refresh" or held.over(now):
            raise _dead_refresh_token()
        family = held.family
        end = terms.end(family.created_at, family.used_at)
        grant = yield from grants.find(app.id, family.grant_id)
        if grant is None or (end is not None and end <= now):
            raise _dead_refresh_token()
        if not (yield from tokens.use(app.id, family.id, at=now)):
            raise _dead_refresh_token()
        if held.spent_at is not None:
            yield from self._reused(app, family, now)
            return None
        refuse_blocked(grant)
        end = terms.end(family.created_at, now)
        if successor is None:
            yield from tokens.prolong(app.id, digest, expires_at=end)
        else:
            forget_at = now + int(_REMEMBER_SPENT.total_seconds()) * SECOND
            if not (yield from tokens.spend(app.id, digest, at=now, forget_at=forget_at)):
                yield from self._reused(app, family, now)
                return None
            yield from self._add(app, family.id, successor, end, "refresh", now)
        yield from self._add(app, family.id, access, now + ACCESS_FOR * SECOND, "access", now)
        yield from audit.record(
            app.id, "token.issued", at=now, grant_id=grant.id, means="refresh_token", family_id=family.id
        )
        return grant, family.scope

    def _reused(self, app: Application, family: tokens.Family, now: Micros) -> Steps[None]:
        yield from tokens.revoke(app.id, family.id, at=now)
        yield from audit.record(app.id, "token.reused", at=now, grant_id=family.grant_id, family_id=family.id)

    async def bearer(self, token: str) -> Holder | None:
        """Who comes with it; None when it is no access token of ours, or is over.

        Its grant may be deleted by now: then nothing is found under its id.
        """
        held = await self._find(opaque.ACCESS, token)
        return None if held is None else Holder(held.application, held.family.grant_id)

    async def info(self, access_token: str, *, issuer: str) -> Info:
        """Raises OAuthRefused when it is not good."""
        held = await self._find(opaque.ACCESS, access_token)
        if held is None or held.expires_at is None:
            raise _dead_token()
        grant = await self._db.read(grants.find(held.application.id, held.family.grant_id))
        if grant is None:
            raise _dead_token()
        app_id, since, until = held.application.id, held.created_at // SECOND, held.expires_at // SECOND
        return Info(issuer, app_id, grant.id, grant.email, since, until)

    async def id_token_info(self, id_token: str) -> Info:
        """Raises OAuthRefused when it is not good, or its grant is gone."""
        claims = await self.signing.read(id_token)
        grant = await self._db.read(grants.find(claims["aud"], claims["sub"]))
        if grant is None:
            raise _dead_token()
        return Info(claims["iss"], claims["aud"], claims["sub"], grant.email, claims["iat"], claims["exp"])

    async def revoke(self, token: str) -> None:
        """End the family of an access or refresh token; the grant stays. Raises OAuthRefused when it is over."""
        app_id = opaque.application_of(opaque.ACCESS, token) or opaque.application_of(opaque.REFRESH, token)
        if app_id is None:
            raise _dead_token()
        await self._db.write(self._revoke(app_id, self._digest(app_id, SecretStr(token))))

    def _revoke(self, app_id: str, digest: str) -> Steps[None]:
        now = self._clock()
        held = yield from tokens.find(app_id, digest)
        if held is None or held.over(now):
            raise _dead_token()
        family = held.family
        if (yield from tokens.revoke(app_id, family.id, at=now)) is None:
            raise _dead_token()
        yield from audit.record(app_id, "token.revoked", at=now, grant_id=family.grant_id, family_id=family.id)

    async def revoke_of_code(self, app: Application, code_id: str) -> None:
        """A one-time code came twice: what it was, or is just being, exchanged for must not be used."""
        await self._db.write(self._revoke_of_code(app, code_id))

    def _revoke_of_code(self, app: Application, code_id: str) -> Steps[None]:
        now = self._clock()
        grant_id = yield from tokens.revoke(app.id, code_id, at=now)
        if grant_id is not None:
            yield from audit.record(app.id, "token.reused", at=now, grant_id=grant_id or None, family_id=code_id)

    async def forget(self, app: Application) -> None:
        """Drop what is over, a few at a time."""
        now = self._clock()
        unused_since = now - int(_REMEMBER_FAMILY.total_seconds()) * SECOND
        for _ in range(_MOST_TURNS):
            if await self._db.write(tokens.forget_expired(app.id, at=now, limit=_AT_ONCE)) < _AT_ONCE:
                break
        for _ in range(_MOST_TURNS):
            if await self._db.write(tokens.forget_empty(app.id, unused_since=unused_since, limit=_AT_ONCE)) < _AT_ONCE:
                break

    async def _terms(self, app: Application) -> RefreshTokenTerms:
        return RefreshTokenTerms.of((await self._applications.profile(app)).additional_settings)

    async def _find(self, prefix: str, token: str) -> tokens.Token | None:
        app_id = opaque.application_of(prefix, token)
        if app_id is None:
            return None
        held = await self._db.read(tokens.find(app_id, self._digest(app_id, SecretStr(token))))
        return None if held is None or held.over(self._clock()) else held

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
        return self._digests.token(app_id, token.get_secret_value())


def refuse_blocked(grant: Grant) -> None:
    """Raises OAuthRefused."""
    if grant.blocked:
        raise OAuthRefused("access_denied", "This grant is blocked. Whoever runs the server can tell why.")


def _dead_refresh_token() -> OAuthRefused:
    return OAuthRefused("invalid_grant", "The refresh token is unknown, expired or revoked.")


def _dead_token() -> OAuthRefused:
    return OAuthRefused("invalid_token", "Token expired or revoked")
