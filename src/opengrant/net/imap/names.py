"""Names of folders and other texts as IMAP writes them: modified UTF-7 (RFC 3501 section 5.1.3), quoted strings."""

import base64
import binascii
import re

LONGEST = 8 * 1024
"""Bytes of a name that is decoded. The longest that this server makes take a third of it."""

_OUTSIDE = re.compile(r"&|[^\x20-\x7e]+")
_SHIFTED = re.compile(rb"&([A-Za-z0-9+,]*)-")


def encode_name(name: str) -> bytes:
    """A folder's name in modified UTF-7. Raises ValueError for what is no Unicode text."""

    def shift(found: re.Match[str]) -> str:
        if found[0] == "&":
            return "&-"
        packed = base64.b64encode(found[0].encode("utf-16-be")).rstrip(b"=").replace(b"/", b",")
        return f"&{packed.decode('ascii')}-"

    return _OUTSIDE.sub(shift, name).encode("ascii")


def decode_name(name: bytes) -> str:
    """The name that modified UTF-7 or UTF-8 stands for.

    A name that would not come out the same again stays as it is: each name has one form, so that it can be sent back.
    """
    if not name.isascii() or len(name) > LONGEST:
        return name.decode("utf-8", "replace")
    try:
        text = _SHIFTED.sub(_unshift, name).decode("utf-8")
        return text if encode_name(text) == name else name.decode("ascii")
    except (ValueError, binascii.Error):
        return name.decode("ascii")


def _unshift(found: re.Match[bytes]) -> bytes:
    if not found[1]:
        return b"&"
    packed = found[1].replace(b",", b"/")
    return base64.b64decode(packed + b"=" * (-len(packed) % 4), validate=True).decode("utf-16-be").encode()


def quoted(text: bytes) -> bytes:
    """A quoted string. Raises ValueError for what none can hold: NUL and ends of lines."""
    if re.search(rb"[\x00\r\n]", text):
        raise ValueError("not in a quoted string")
    return b'"' + text.replace(b"\\", b"\\\\").replace(b'"', b'\\"') + b'"'
