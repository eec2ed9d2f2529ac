"""What operators read of mailboxes in the console, in the audit trail."""

from dataclasses import dataclass

from opengrant.events import audit
from opengrant.model import Application, Clock, Grant
from opengrant.store.engine.port import Store


@dataclass(frozen=True, slots=True, kw_only=True)
class MailReadings:
    """Built once, in assembly/."""

    db: Store
    clock: Clock

    async def note(
        self, app: Application, grant: Grant, *, folder: str | None = None, message_id: str | None = None
    ) -> None:
        """The trail names what was read before its reader has it, and nothing of what it says.

        folder      the list of a folder's messages was read; with neither, that of the folders
        message_id  a message was read
        """
        await self.db.write(
            audit.record_alone(
                app.id, "grant.mail_read", at=self.clock(), grant_id=grant.id, folder=folder, message_id=message_id
            )
        )
