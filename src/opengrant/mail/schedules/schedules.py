"""Schedules of a grant: messages to be sent later are kept, listed and cancelled."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import timedelta

from opengrant.errors import DataNotFound, GrantNotFound, InvalidData, RateLimited
from opengrant.mail.metadata import Pairs
from opengrant.mail.outgoing import Ready
from opengrant.mail.schedules.sealing import Kept, seal
from opengrant.model import SECOND, Application, Clock, Grant, Micros, micros
from opengrant.store import secrets
from opengrant.store.engine.port import Steps, Store
from opengrant.store.grants import grants
from opengrant.store.mail import outgoing
from opengrant.store.mail.outgoing import Outgoing, Waiting
from opengrant.vault import Vault

__all__ = ["BOUNDS", "Bounds", "Outgoing", "Schedules", "Waiting"]

SOONEST = timedelta(minutes=1)
LATEST = timedelta(days=30)
KEPT = timedelta(hours=72)
"""After the time at which it was to be sent."""
SHOWN = 2_000
"""In a list, which has no pages."""
_ASK_AGAIN = 600
"""Seconds for Retry-After where the bounds are reached."""
_BATCH = 500
_CANCELLED = "Cancelled by a request."


@dataclass(frozen=True, slots=True)
class Bounds:
    """What may wait at once."""

    of_grant: Waiting
    of_application: Waiting


BOUNDS = Bounds(Waiting(1_000, 250 * 1024 * 1024), Waiting(20_000, 2 * 1024 * 1024 * 1024))


@dataclass(frozen=True, slots=True, kw_only=True)
class Schedules:
    """Built once, in assembly/. waiting: receives how many messages of all applications wait."""

    db: Store
    vault: Vault
    clock: Clock
    waiting: Callable[[int], None]
    bounds: Bounds = BOUNDS

    def check_time(self, send_at: int) -> None:
        """send_at: seconds since the epoch. Raises InvalidData: it is not in the window."""
        ahead = send_at - self.clock() // SECOND
        if not SOONEST.total_seconds() <= ahead <= LATEST.total_seconds():
            raise InvalidData("send_at: a message is sent in one minute at the earliest, in 30 days at the latest.")

    async def add(
        self, app: Application, grant: Grant, mail: Ready, *, send_at: int, id_: str, pairs: Pairs | None = None
    ) -> Outgoing:
        """Keep a message until it is sent; one with that id stays as it is. pairs: its metadata, once it is sent.

        Raises InvalidData, RateLimited: too many wait. GrantNotFound.
        """
        self.check_time(send_at)
        at = self.clock()
        one = Outgoing(
            application_id=app.id,
            grant_id=grant.id,
            id=id_,
            message_id=mail.message_id,
            host=grant.mail_host or grant.provider.value,
            size=len(mail.raw),
            state="pending",
            send_at=send_at * SECOND,
            run_at=send_at * SECOND,
            owner=None,
            attempts=0,
            handed_at=None,
            outcome=None,
            closed_at=None,
            created_at=at,
        )
        await self.db.write(self._add(grant, one, await seal(self.vault, app.id, id_, Kept(mail, pairs))))
        return one

    def _add(self, grant: Grant, one: Outgoing, pieces: Sequence[secrets.SecretRow]) -> Steps[None]:
        if not (yield from grants.stays(grant, self.db.dialect)):
            raise GrantNotFound(f"There is no grant {grant.id} in this application.")
        of_grant, of_all = yield from outgoing.waiting(grant.application_id, grant.id)
        for there, most, whose in (
            (of_grant, self.bounds.of_grant, "one grant"),
            (of_all, self.bounds.of_application, "one application"),
        ):
            if there.messages >= most.messages or there.size + one.size > most.size:
                raise RateLimited(
                    f"send_at: at most {most.messages:,} messages of {whose} wait to be sent, of {most.size >> 20:,} MB"
                    " in all. Cancel some, or wait until they are sent.",
                    retry_after=_ASK_AGAIN,
                )
        if not (yield from outgoing.add(one)):
            return
        for piece in pieces:
            yield from secrets.put(piece, at=one.created_at)

    async def all_of(self, grant: Grant) -> list[Outgoing]:
        """Those that wait, and the latest of those whose time was in the last three days; the earliest first."""
        return await self.db.read(outgoing.of_grant(grant.application_id, grant.id, limit=SHOWN))

    async def get(self, grant: Grant, id_: str) -> Outgoing:
        """Raises DataNotFound."""
        found = await self.db.read(outgoing.find(grant.application_id, grant.id, id_))
        if found is None:
            raise _unknown(id_)
        return found

    async def cancel(self, grant: Grant, id_: str) -> None:
        """Raises DataNotFound: there is none, it is closed, or it is being sent."""

        def script() -> Steps[None]:
            key = (grant.application_id, grant.id, id_)
            if (yield from outgoing.cancel(*key, _CANCELLED, at=self.clock())):
                yield from secrets.destroy(grant.application_id, outgoing.KIND, [id_])
                return
            found = yield from outgoing.find(*key)
            if found is None:
                raise _unknown(id_)
            if found.state == "pending":
                raise DataNotFound("This message is being sent: it cannot be cancelled any more.")
            raise DataNotFound(f"This schedule is closed: {found.state}.")

        await self.db.write(script())

    async def measure(self) -> None:
        self.waiting(await self.db.read(outgoing.all_waiting()))

    async def forget(self, app: Application) -> None:
        """Drop closed schedules, three days after their time."""
        cutoff: Micros = self.clock() - micros(KEPT)
        while await self.db.write(outgoing.forget_closed(app.id, sent_before=cutoff, limit=_BATCH)) == _BATCH:
            continue


def _unknown(id_: str) -> DataNotFound:
    return DataNotFound(f"There is no schedule {id_[:100]} of this grant.")
