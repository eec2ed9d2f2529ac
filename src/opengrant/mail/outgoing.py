"""What a caller wants to be sent or kept as a draft, before it is a message and as one."""

import asyncio
import secrets
from dataclasses import field

from opengrant.errors import InvalidData
from opengrant.mail.mime import LOOP_LIMIT, writing
from opengrant.mail.mime.compose import File, Outgoing, compose
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


def new_message_id(sender: Address) -> str:
    """With angle brackets."""
    try:
        domain = writing.address(sender.email, field="from").rpartition("@")[2]
    except InvalidData:
        domain = "localhost"
    return f"<{secrets.token_hex(16)}@{'localhost' if domain.startswith('[') else domain}>"


async def composed(
    said: Letter,
    *,
    own: Address,
    message_id: str,
    date: int,
    references: tuple[str, ...] = (),
    with_bcc: bool = False,
) -> bytes:
    """The message. own: who it is from where the letter does not say; date: seconds. Raises InvalidData."""
    outgoing = Outgoing(
        sender=said.sender or own,
        message_id=message_id,
        date=date,
        to=said.to,
        cc=said.cc,
        bcc=said.bcc,
        reply_to=said.reply_to,
        subject=said.subject,
        body=said.body,
        is_html=said.is_html,
        files=said.files,
        references=references,
        headers=said.headers,
    )
    if len(said.body) + sum(len(file.content) for file in said.files) > LOOP_LIMIT:
        return await asyncio.to_thread(compose, outgoing, with_bcc=with_bcc)
    return compose(outgoing, with_bcc=with_bcc)
