"""What a caller wants to be sent or kept as a draft, before it is a message."""

from dataclasses import field

from opengrant.mail.mime.compose import File
from opengrant.model.basics import record
from opengrant.model.mail import Address


@record
class Letter:
    """sender: None for the grant's own address. reply_to_message_id: id of the message that it answers."""

    sender: Address | None = None
    to: tuple[Address, ...] = ()
    cc: tuple[Address, ...] = ()
    bcc: tuple[Address, ...] = ()
    reply_to: tuple[Address, ...] = ()
    subject: str = ""
    body: str = field(default="", repr=False)
    is_html: bool = True
    files: tuple[File, ...] = ()
    reply_to_message_id: str | None = None
    headers: tuple[tuple[str, str], ...] = ()
