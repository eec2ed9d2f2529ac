"""A request's API key and the grant that its path names, looked up together."""

from dataclasses import dataclass

from opengrant.access.api_keys import ApiKeys
from opengrant.grants.manage import UUID, find_named
from opengrant.model import Caller, Grant, Micros
from opengrant.store.access import api_keys
from opengrant.store.access.api_keys import LiveKey
from opengrant.store.engine.port import Steps, Store
from opengrant.store.grants import keyed


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyAndGrant:
    """One script in place of two: one round trip on PostgreSQL, one wait for a thread on SQLite.

    Built once, in assembly/rooms.py.
    """

    db: Store
    api_keys: ApiKeys

    async def look_up(self, bearer: str | None, name: str) -> tuple[Caller, Grant | None]:
        """The caller, and the caller's grant of that name as `Grants.get` finds it; None if there is none.

        Raises Unauthorized.
        """
        digest, now = self.api_keys.digest_of(bearer), self.api_keys.clock()
        key, grant = await self.db.read(_look_up(digest, name, now=now))
        return self.api_keys.accept(key, digest, at=now), grant


def _look_up(digest: bytes, name: str, *, now: Micros) -> Steps[tuple[LiveKey | None, Grant | None]]:
    if UUID.fullmatch(name):
        key, grant = yield from keyed.find(digest, name.lower(), now=now)
    else:
        key, grant = (yield from api_keys.find_live(digest, now=now)), None
    if key is not None and grant is None:
        grant = yield from find_named(key.caller.application, name)
    return key, grant
