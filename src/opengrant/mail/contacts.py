"""Contacts of a mailbox: the people that it corresponds with, as its messages name them. None is stored."""

import hashlib
import re
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import timedelta

from opengrant.errors import DataNotFound
from opengrant.mail.places import refuse_without_mail
from opengrant.mail.service import MailService
from opengrant.model import Application, Clock, Grant, Micros, fold, is_recent, micros
from opengrant.model.mail import Correspondent

FRESH = timedelta(minutes=5)
"""For so long they are remembered."""
REMEMBERED = 50_000
"""Contacts of all grants, in this process."""
_MACHINES = re.compile(
    r"(no|do-?not|never)[-_.]?reply|mailer-daemon|postmaster|bounces?|notifications?|unsubscribe|abuse|listserv|majordomo"
)
"""Local parts of automatic senders; what follows a mark such as `+` does not count."""
_MARK = re.compile(r"[-+._=].*")


@dataclass(frozen=True, slots=True, kw_only=True)
class Contacts:
    """Built once, in assembly/."""

    mail: MailService
    clock: Clock
    held: OrderedDict[str, tuple[Micros, Sequence[Correspondent]]] = field(default_factory=OrderedDict, repr=False)

    def check(self, grant: Grant) -> None:
        """Raises InvalidData: the provider has no mail. NotImplementedYet."""
        refuse_without_mail(self.mail.places, grant)

    async def of_mailbox(self, app: Application, grant: Grant, *, email: str | None = None) -> list[Correspondent]:
        """The last one first. email: a part of the address. Raises what `Mailbox.correspondents` raises."""
        part = None if email is None else fold(email.strip())
        return [one for one in await self._all(app, grant) if part is None or part in one.email]

    async def get(self, app: Application, grant: Grant, contact_id: str) -> Correspondent:
        """Raises DataNotFound."""
        found = next((one for one in await self._all(app, grant) if id_of(one) == contact_id), None)
        if found is None:
            raise DataNotFound(f"contact_id: this mailbox has no contact {contact_id[:60]!r} in its newest messages.")
        return found

    async def _all(self, app: Application, grant: Grant) -> Sequence[Correspondent]:
        mailbox, at = self.mail.mailbox(app, grant), self.clock()
        known = self.held.get(grant.id)
        if known is not None and is_recent(known[0], within=micros(FRESH), now=at):
            return known[1]
        own = fold(grant.email)
        found = [one for one in await mailbox.correspondents() if one.email != own and not _is_machine(one.email)]
        self.held.pop(grant.id, None)
        self.held[grant.id] = (at, found)
        self._make_room(at)
        return found

    def _make_room(self, at: Micros) -> None:
        """Forget what is old, and the oldest where there is too much."""
        count = sum(len(kept) + 1 for _, kept in self.held.values())
        while len(self.held) > 1:
            oldest, kept = next(iter(self.held.values()))
            if count <= REMEMBERED and is_recent(oldest, within=micros(FRESH), now=at):
                break
            count -= len(kept) + 1
            self.held.popitem(last=False)


def id_of(one: Correspondent) -> str:
    """The same for an address whenever it is asked for."""
    return "c" + hashlib.blake2b(one.email.encode("utf-8", "surrogatepass"), digest_size=16).hexdigest()


def _is_machine(email: str) -> bool:
    local = email.rpartition("@")[0]
    return _MACHINES.fullmatch(local) is not None or _MACHINES.fullmatch(_MARK.sub("", local)) is not None
