"""Sessions of the console: a browser acts for an API key, or for an operator.

A cookie carries the session; only its keyed digest is stored. A session that an API key began has the permissions of
the key and ends with it. A session that a link began is an *operator's*: `opengrant console` prints the link, so its
user has the command line, and the session may do as much for its application.
"""

import secrets as random
import uuid
from dataclasses import dataclass
from datetime import timedelta

from pydantic import SecretStr

from opengrant.access.api_keys import ApiKeys
from opengrant.errors import NotFound, Unauthorized
from opengrant.events import audit
from opengrant.events.actor import Actor, act_as
from opengrant.model import SECOND, Application, Clock, Micros, micros
from opengrant.store.access import console_sessions as console
from opengrant.store.access.console_sessions import ConsoleSession
from opengrant.store.engine.port import Steps, Store
from opengrant.store.tenants import applications
from opengrant.vault.digests import Digests

__all__ = [
    "IDLE",
    "LASTS",
    "LINK_LASTS",
    "MOST",
    "ConsoleSession",
    "ConsoleSessions",
    "NewLink",
    "NewSession",
    "actor_of",
]

LASTS = timedelta(hours=8)
"""From its start, used or not."""
IDLE = timedelta(minutes=30)
"""From its last use."""
LINK_LASTS = timedelta(minutes=5)
MOST = 50
"""Live sessions of an application, counted apart for keys and for links; one more ends the oldest."""

_NOTED_EVERY: Micros = 60 * SECOND
"""A use is stored when the previous one is this old."""
_LONGEST = 128
"""Characters of a cookie or a link's code that is looked up; ours have 43."""


@dataclass(frozen=True, slots=True)
class NewSession:
    """A session with the value of its cookie, which is not stored."""

    session: ConsoleSession
    cookie: SecretStr


@dataclass(frozen=True, slots=True)
class NewLink:
    """A code that begins one session of an application, once, until expires_at."""

    application: Application
    code: SecretStr
    expires_at: Micros


@dataclass(frozen=True, slots=True, kw_only=True)
class ConsoleSessions:
    """Built once, in assembly/."""

    db: Store
    api_keys: ApiKeys
    digests: Digests
    clock: Clock

    async def authenticate(self, cookie: str) -> ConsoleSession:
        """The session of a cookie. Raises Unauthorized, with the same text for every reason."""
        now = self.clock()
        session = None
        if len(cookie) <= _LONGEST:
            digest = self.digests.console("session", cookie)
            session = await self.db.read(console.find(digest, now=now, idle_since=_idle_since(now)))
        if session is None:
            raise Unauthorized("This console session has ended. Sign in again.")
        if session.used_at <= now - _NOTED_EVERY:
            # Stored at once, unlike uses of keys: a use in memory does not keep a session from ending as idle.
            await self.db.write(console.used(session.application.id, session.id, at=now))
        if session.key_id is not None:
            self.api_keys.uses[session.key_id] = now
        return session

    async def begin_by_key(self, api_key: SecretStr, *, request_id: str) -> NewSession:
        """Raises Unauthorized, with the same text for every reason."""
        try:
            caller = await self.api_keys.authenticate(api_key.get_secret_value())
        except Unauthorized:
            raise _no_such_key() from None
        act_as(Actor.key(caller.key_id, request_id))
        cookie = _secret()
        begun = await self.db.write(self._by_key(caller.application, caller.key_id, cookie))
        return NewSession(begun, cookie)

    def _by_key(self, app: Application, key_id: str, cookie: SecretStr) -> Steps[ConsoleSession]:
        begun = yield from self._begin(app.id, str(uuid.uuid4()), cookie, key_id=key_id)
        if begun is None:
            raise _no_such_key()  # the key was revoked meanwhile
        return begun

    async def begin_by_link(self, code: SecretStr, *, request_id: str) -> NewSession:
        """Raises Unauthorized, with the same text for every reason."""
        session_id, cookie = str(uuid.uuid4()), _secret()
        act_as(Actor.console(session_id, request_id))
        return NewSession(await self.db.write(self._by_link(session_id, code, cookie)), cookie)

    def _by_link(self, session_id: str, code: SecretStr, cookie: SecretStr) -> Steps[ConsoleSession]:
        digest = self.digests.console("link", code.get_secret_value())
        redeemed = yield from console.redeem(digest, now=self.clock())
        if redeemed is None:
            raise Unauthorized(
                "This link was used, is older than 5 minutes, or never was. Make another: opengrant console"
            )
        application_id, link_id = redeemed
        begun = yield from self._begin(application_id, session_id, cookie, link_id=link_id)
        if begun is None:
            raise RuntimeError("the session was written and is not there")
        return begun

    def _begin(
        self,
        application_id: str,
        session_id: str,
        cookie: SecretStr,
        *,
        key_id: str | None = None,
        link_id: str | None = None,
    ) -> Steps[ConsoleSession | None]:
        now = self.clock()
        idle_since = _idle_since(now)
        digest = self.digests.console("session", cookie.get_secret_value())
        # The lock makes sessions that begin at once count one after the other.
        yield from applications.lock(application_id)
        yield from console.forget(application_id, now=now, idle_since=idle_since)
        crowded_out = yield from console.crowd_out(application_id, operator=key_id is None, keep=MOST - 1)
        for ended in crowded_out:
            yield from _record_end(application_id, ended, now, reason="crowded_out")
        yield from console.add(application_id, session_id, digest, key_id, at=now, expires_at=now + micros(LASTS))
        yield from audit.record(
            application_id,
            "console_session.created",
            at=now,
            console_session_id=session_id,
            api_key_id=key_id,
            console_link_id=link_id,
        )
        return (yield from console.find(digest, now=now, idle_since=idle_since))

    async def of_application(self, app: Application) -> list[ConsoleSession]:
        """Live sessions of an application, newest first."""
        now = self.clock()
        return await self.db.read(console.of_application(app.id, now=now, idle_since=_idle_since(now)))

    async def end(self, app: Application, session_id: str) -> None:
        """Takes effect with the next request. Raises NotFound."""
        await self.db.write(self._end(app, session_id))

    def _end(self, app: Application, session_id: str) -> Steps[None]:
        now = self.clock()
        yield from console.forget(app.id, now=now, idle_since=_idle_since(now))
        if not (yield from console.end(app.id, session_id)):
            raise NotFound("There is no such session in this application.")
        yield from _record_end(app.id, session_id, now)

    async def end_all(self, app: Application) -> int:
        """End all sessions of an application, and its unused links. Returns the number of sessions."""
        return await self.db.write(self._end_all(app))

    def _end_all(self, app: Application) -> Steps[int]:
        now = self.clock()
        yield from console.forget(app.id, now=now, idle_since=_idle_since(now))
        ended = yield from console.end_all(app.id)
        for session_id in ended:
            yield from _record_end(app.id, session_id, now)
        return len(ended)

    async def link(self, app: Application) -> NewLink:
        """A code for a link. It gives an operator's session, so only the command line may call this."""
        now, code = self.clock(), _secret()
        new = NewLink(app, code, now + micros(LINK_LASTS))
        await self.db.write(self._link(new, now))
        return new

    def _link(self, new: NewLink, now: Micros) -> Steps[None]:
        link_id = str(uuid.uuid4())
        digest = self.digests.console("link", new.code.get_secret_value())
        yield from console.add_link(new.application.id, link_id, digest, at=now, expires_at=new.expires_at)
        yield from audit.record(new.application.id, "console_link.created", at=now, console_link_id=link_id)

    async def forget(self, app: Application) -> None:
        """Drop sessions and links that are over. Each new session drops them too, so there are few."""
        now = self.clock()
        await self.db.write(console.forget(app.id, now=now, idle_since=_idle_since(now)))


def actor_of(session: ConsoleSession, request_id: str | None) -> Actor:
    """A session that an API key began acts as the key."""
    if session.key_id is not None:
        return Actor.key(session.key_id, request_id)
    return Actor.console(session.id, request_id)


def _record_end(application_id: str, session_id: str, at: Micros, reason: str | None = None) -> Steps[None]:
    yield from audit.record(
        application_id, "console_session.ended", at=at, console_session_id=session_id, reason=reason
    )


def _secret() -> SecretStr:
    """43 characters, 256 bits."""
    return SecretStr(random.token_urlsafe(32))


def _no_such_key() -> Unauthorized:
    return Unauthorized("This API key is unknown, expired or revoked.")


def _idle_since(now: Micros) -> Micros:
    return now - micros(IDLE)
