"""Signatures of a grant: made safe when they are written, and put at the end of a message when it is sent."""

import asyncio
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field

from opengrant.errors import DataNotFound, GrantNotFound, InvalidData
from opengrant.mail.places import refuse_without_mail
from opengrant.mail.safe_html import MOST_TAGS, has_image_within, safe_html
from opengrant.model import Application, Clock, Grant, ProviderName
from opengrant.model.mail import Signature
from opengrant.providers.facts import MailPlace
from opengrant.store.engine.port import Steps, Store
from opengrant.store.grants import grants
from opengrant.store.mail import signatures

MOST = 10
"""Of a grant."""
LONGEST = 100 * 1024
"""Bytes of a signature."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Signatures:
    """Built once, in assembly/. places: by provider, where its grants' mail is."""

    db: Store
    clock: Clock
    places: Mapping[ProviderName, MailPlace] = field(repr=False)

    async def of_grant(self, grant: Grant) -> list[Signature]:
        """In the order of their creation."""
        refuse_without_mail(self.places, grant)
        return await self.db.read(signatures.of_grant(grant.application_id, grant.id))

    async def create(self, grant: Grant, *, name: str, body: str) -> Signature:
        """Raises InvalidData, GrantNotFound."""
        refuse_without_mail(self.places, grant)
        at = self.clock()
        fresh = Signature(
            grant.application_id, grant.id, str(uuid.uuid4()), name, await _safe(body), created_at=at, updated_at=at
        )

        def script() -> Steps[None]:
            if not (yield from grants.stays(grant, self.db.dialect, alone=True)):
                raise GrantNotFound("Grant not found")
            if (yield from signatures.count(grant.application_id, grant.id)) >= MOST:
                raise InvalidData(f"A grant has at most {MOST} signatures. Delete one first.")
            yield from signatures.add(fresh)

        await self.db.write(script())
        return fresh

    async def get(self, grant: Grant, signature_id: str) -> Signature:
        """Raises DataNotFound."""
        refuse_without_mail(self.places, grant)
        found = await self.db.read(signatures.find(grant.application_id, grant.id, signature_id))
        return _there(found, signature_id)

    async def change(self, grant: Grant, signature_id: str, *, name: str | None, body: str | None) -> Signature:
        """None stays. Raises DataNotFound, InvalidData."""
        refuse_without_mail(self.places, grant)
        safe = None if body is None else await _safe(body)
        changed = await self.db.write(
            signatures.change(grant.application_id, grant.id, signature_id, name=name, body=safe, at=self.clock())
        )
        return _there(changed, signature_id)

    async def delete(self, grant: Grant, signature_id: str) -> None:
        """Raises DataNotFound."""
        refuse_without_mail(self.places, grant)
        if not await self.db.write(signatures.delete(grant.application_id, grant.id, signature_id)):
            raise _missing(signature_id)

    async def signature(self, app: Application, grant: Grant, signature_id: str) -> str:
        """Its HTML, for a message that names it. Raises InvalidData."""
        found = await self.db.read(signatures.find(app.id, grant.id, signature_id))
        if found is None:
            raise InvalidData(f"signature_id: this grant has no signature {signature_id[:60]!r}.")
        return found.body


async def _safe(body: str) -> str:
    """Raises InvalidData."""
    if len(body.encode("utf-8", "surrogatepass")) > LONGEST:
        raise InvalidData(f"body: at most {LONGEST} bytes.")
    if has_image_within(body):
        raise InvalidData("body: images cannot be written out in it (data:). Give the https address of each image.")
    try:
        return await asyncio.to_thread(safe_html, body)
    except ValueError:
        raise InvalidData(f"body: at most {MOST_TAGS} tags.") from None


def _there(found: Signature | None, signature_id: str) -> Signature:
    if found is None:
        raise _missing(signature_id)
    return found


def _missing(signature_id: str) -> DataNotFound:
    return DataNotFound(f"signature_id: this grant has no signature {signature_id[:60]!r}.")
