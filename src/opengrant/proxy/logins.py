"""Logins of mail programs: who logs in, to which grant, and the session at its mail server."""

import uuid
from dataclasses import dataclass, field
from datetime import timedelta

from pydantic import SecretStr

from opengrant.access.api_keys import ApiKeys
from opengrant.access.rate_limits import RateLimit
from opengrant.errors import AccessDenied, Unauthorized
from opengrant.events import audit
from opengrant.events.actor import Actor, acting
from opengrant.grants.manage import find_named
from opengrant.model import Application, Clock, Grant
from opengrant.net.mail_login import MailLeg
from opengrant.net.mail_session import Session
from opengrant.proxy.throttle import Places, RefusedLogins
from opengrant.proxy.tokens import ProxyTokens
from opengrant.proxy.upstream import Upstream
from opengrant.store.access import api_keys
from opengrant.store.engine.port import Store
from opengrant.store.grants import grants

PERMISSION = "grants.proxy"
PER_GRANT = 15
"""Sessions of one grant at once in a process. Gmail takes 15 of one account, Dovecot 10 of one user and address."""
PER_HOST = 500
"""Sessions at one mail server at once in a process."""
LOGINS = 60
"""Of one grant in a minute, on all nodes."""
_LONGEST_NAME = 512

_NOT_ADMITTED = (
    "The user name is a grant's id or address, and the password an API key with the permission grants.proxy, or a"
    " proxy token of this grant. One of them is wrong or has ended."
)


@dataclass(frozen=True, slots=True)
class Pass:
    """What a mail program has shown. Its digest tells later whether it still counts.

    key_digest  of an API key; None for a proxy token
    """

    application: Application
    grant_id: str
    actor: Actor
    key_digest: bytes | None = None
    token_digest: str = ""


@dataclass(frozen=True, slots=True)
class Opened:
    """A session at the mail server, to be given back with `Logins.ended`."""

    admitted: Pass
    session: Session
    places: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Logins:
    """Built once, in assembly/, for one process."""

    db: Store
    clock: Clock
    api_keys: ApiKeys
    tokens: ProxyTokens
    upstream: Upstream
    refused: RefusedLogins = field(default_factory=RefusedLogins)
    places: Places = field(default_factory=Places)

    async def open(self, leg: MailLeg, username: str, password: SecretStr, *, address: str) -> Opened:
        """Check the login and open the session at the mail server. The audit trail has it before this returns.

        address  of the mail program
        Raises   Unauthorized, AccessDenied, RateLimited, Overloaded, StoreUnavailable, and what `Upstream` raises
        """
        self.refused.check(address)
        try:
            admitted = await self._admit(username, password)
        except (Unauthorized, AccessDenied):
            self.refused.count(address)
            raise
        with acting(admitted.actor):
            return await self._open(leg, admitted, address)

    async def _open(self, leg: MailLeg, admitted: Pass, address: str) -> Opened:
        app, grant_id = admitted.application, admitted.grant_id
        await self._rate.take(app, of=grant_id)
        state, login = await self.upstream.login(app, grant_id, leg)
        taken = list[str]()
        try:
            for place, limit, refusal in (
                (f"grant {app.id} {grant_id}", PER_GRANT, "This grant has too many sessions open. Close one."),
                (f"host {login.host}", PER_HOST, "Too many sessions are open at this mail server. Try again later."),
            ):
                self.places.take(place, limit, refusal)
                taken.append(place)
            session = await self.upstream.open(app, state, login)
            try:
                entry = audit.record_alone(
                    app.id, "grant.proxied", at=self.clock(), grant_id=grant_id, protocol=leg, address=address
                )
                await self.db.write(entry)
            except BaseException:
                session.connection.close()
                raise
        except BaseException:
            self._give_back(taken)
            raise
        return Opened(admitted, session, tuple(taken))

    def ended(self, opened: Opened) -> None:
        self._give_back(opened.places)

    async def still_admits(self, admitted: Pass) -> bool:
        """Whether the key or token and its grant would be accepted today. Raises StoreUnavailable."""
        app, now = admitted.application, self.clock()
        if admitted.key_digest is None:
            alive = await self.tokens.find(app.id, admitted.token_digest) is not None
        else:
            alive = await self.db.read(api_keys.find_live(admitted.key_digest, now=now)) is not None
        grant = await self.db.read(grants.find(app.id, admitted.grant_id)) if alive else None
        return grant is not None and not grant.blocked and grant.status == "valid"

    async def forget(self, app: Application) -> None:
        """Drop counts that are over."""
        await self._rate.forget(app)

    async def _admit(self, username: str, password: SecretStr) -> Pass:
        """Raises Unauthorized, AccessDenied."""
        shown, request_id = password.get_secret_value(), str(uuid.uuid4())
        if (token := self.tokens.digest_of(shown)) is not None:
            row = await self.tokens.find(*token)
            grant = None if row is None else await self._named(row.application, username)
            if row is None or grant is None or grant.id != row.family.grant_id:
                raise Unauthorized(_NOT_ADMITTED)
            actor = Actor.holder(grant.id, request_id)
            return Pass(row.application, grant.id, actor, token_digest=token[1])
        try:
            caller = await self.api_keys.authenticate(shown)
        except Unauthorized:
            raise Unauthorized(_NOT_ADMITTED) from None
        if PERMISSION not in caller.permissions:
            raise AccessDenied(
                f"This API key lacks the permission {PERMISSION}. Make one that has it: opengrant keys create"
                f" {caller.application.id} --permission {PERMISSION}"
            )
        if (grant := await self._named(caller.application, username)) is None:
            raise Unauthorized(_NOT_ADMITTED)
        actor = Actor.key(caller.key_id, request_id)
        return Pass(caller.application, grant.id, actor, key_digest=self.api_keys.digest_of(shown))

    async def _named(self, app: Application, username: str) -> Grant | None:
        """`username` may be `application/` and the name: mail programs want user names of two accounts to differ."""
        if len(username) > _LONGEST_NAME or not username.isprintable():
            return None
        return await self.db.read(find_named(app, username.removeprefix(f"{app.id}/")))

    def _give_back(self, taken: "list[str] | tuple[str, ...]") -> None:
        for place in taken:
            self.places.give_back(place)

    @property
    def _rate(self) -> RateLimit:
        return RateLimit(db=self.db, clock=self.clock, name=PERMISSION, limit=LOGINS, window=timedelta(minutes=1))
