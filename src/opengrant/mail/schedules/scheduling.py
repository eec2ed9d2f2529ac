"""Takes messages to be sent later: they are made and checked at once, and kept as they will be handed over."""

import secrets
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

from opengrant.access.idempotency import Attempt, Idempotency
from opengrant.mail import reading
from opengrant.mail.metadata import Pairs
from opengrant.mail.outgoing import Letter, Ready
from opengrant.mail.port import Message
from opengrant.mail.schedules.schedules import Schedules
from opengrant.mail.sending import Once, Sending, as_message
from opengrant.model import Application, Grant
from opengrant.vault.digests import Digests


class Scheduled(NamedTuple):
    """message: as it will be sent. replayed: the same request came before."""

    message: Message
    schedule_id: str
    replayed: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Scheduling:
    """Built once, in assembly/."""

    sending: Sending
    schedules: Schedules
    idempotency: Idempotency
    digests: Digests

    async def schedule(
        self,
        app: Application,
        grant: Grant,
        said: Letter | bytes,
        *,
        send_at: int,
        pairs: Pairs | None,
        once: Once | None,
    ) -> Scheduled:
        """Keep a message until it is sent.

        send_at  seconds since the epoch
        pairs    its metadata
        once     the same request makes one schedule, though a process dies
        Raises   what Sending.prepare, Schedules.add and Idempotency.one_attempt raise.
        """
        if once is None:
            id_, made = await self._add(app, grant, said, send_at=send_at, pairs=pairs, token=secrets.token_hex(16))
            return Scheduled(await as_message(made, made.message_id), id_, replayed=False)
        # Of key and body: the key may come with another body an hour later.
        token = self.digests.message_id(app.id, grant.id, f"{once.key}\n{self.digests.request(app.id, once.body)}")
        ready: Ready | None = None

        async def run(_: Attempt) -> Mapping[str, Any]:
            nonlocal ready
            id_, ready = await self._add(app, grant, said, send_at=send_at, pairs=pairs, token=token)
            return {"schedule_id": id_, "date": ready.date, "references": reading.references(ready.raw)}

        done, replayed = await self.idempotency.one_attempt(app, once.key, once.body, run, within=f"send {grant.id}")
        if ready is None:
            ready = await self.sending.made_again(
                app, grant, said, token=token, date=done["date"], references=done["references"]
            )
        return Scheduled(await as_message(ready, ready.message_id), done["schedule_id"], replayed)

    async def _add(
        self,
        app: Application,
        grant: Grant,
        said: Letter | bytes,
        *,
        send_at: int,
        pairs: Pairs | None,
        token: str,
    ) -> tuple[str, Ready]:
        self.schedules.check_time(send_at)
        await self.sending.mail.mailbox(app, grant).check_sending()
        ready = await self.sending.prepare(app, grant, said, token=token)
        id_ = str(uuid.UUID(hex=token))
        await self.schedules.add(app, grant, ready, send_at=send_at, id_=id_, pairs=pairs)
        return id_, ready
