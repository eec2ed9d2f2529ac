"""A message that a caller has written itself: checked, and made fit for a mail server, with as little change as can be.

Lines end in CRLF afterwards, Bcc is gone, and Message-ID and Date are there. All else stays as it was written.
"""

import re
from collections.abc import Iterator
from dataclasses import field

from opengrant.errors import InvalidData
from opengrant.mail.mime import writing
from opengrant.mail.mime.addresses import addresses
from opengrant.mail.mime.compose import LONGEST_LINE, date_field
from opengrant.mail.mime.headers import MOST_BYTES, Headers, message_id
from opengrant.model.basics import record
from opengrant.model.mail import Address

_BLIND = (b"bcc", b"resent-bcc")
_FIELD = re.compile(rb"([!-9;-~]{1,76})[ \t]*:[^\n]*\n(?>(?:[ \t][^\n]*\n)*)")


@record
class Given:
    """recipients: of To, Cc and Bcc. bcc: of Bcc, which is not in `raw`."""

    raw: bytes = field(repr=False)
    message_id: str
    sender: Address
    recipients: tuple[Address, ...]
    bcc: tuple[Address, ...]


def given(mime: bytes, *, message_id_: str, date: int) -> Given:
    """Of more than `LOOP_LIMIT` bytes in a thread.

    message_id_, date  for a message that has none
    Raises             InvalidData
    """
    if b"\0" in mime:
        raise InvalidData("mime: has a NUL, which mail must not have. Encode it as Base64.")
    data = writing.lines(mime)
    if writing.has_longer_line(data, LONGEST_LINE):
        raise InvalidData(f"mime: has a line of more than {LONGEST_LINE} bytes. Encode it, or fold it.")
    head, separator, body = data.partition(b"\r\n\r\n")
    head += b"\r\n" if separator else b""
    if len(head) > MOST_BYTES:
        raise InvalidData(f"mime: its header is longer than {MOST_BYTES} bytes.")
    fields = list(_fields(head))
    said = Headers.read(head)
    senders = addresses(said.every("from"))
    to, cc, bcc = (addresses(said.every(name)) for name in ("to", "cc", "bcc"))
    if not senders:
        raise InvalidData("mime: has no From with an address.")
    if not (to or cc or bcc):
        raise InvalidData("mime: has no recipient in To, Cc or Bcc.")
    kept = [text for name, text in fields if name not in _BLIND]
    names = {name for name, _ in fields}
    found = message_id(said.first("message-id"))
    if found is None:
        kept = [text for name, text in fields if name not in (*_BLIND, b"message-id")]
        kept.insert(0, writing.field("Message-ID", [" " + message_id_]))
    if b"date" not in names:
        kept.insert(0, date_field(date))
    raw = b"".join((*kept, b"\r\n", body))
    return Given(raw, found or message_id_, senders[0], (*to, *cc, *bcc), bcc)


def _fields(head: bytes) -> Iterator[tuple[bytes, bytes]]:
    """Their names in lower case, and their bytes. Raises InvalidData."""
    at = 0
    while at < len(head):
        found = _FIELD.match(head, at)
        if found is None:
            raise InvalidData("mime: begins with a line that is no header field. The header ends with an empty line.")
        yield found[1].lower(), found[0]
        at = found.end()
