"""Ids of folders, messages and threads, made of what the server says: no table is needed to find them again."""

import base64
import binascii
import hashlib
import re
from typing import NamedTuple

MAX_MESSAGE_ID = 900
"""Characters of a Message-ID that is an id here."""
MAX_THREAD = 700
"""Characters of a Message-ID that is a thread's id, base64 and all, as it is."""

_PLAIN = re.compile(r"[A-Za-z0-9_.-]+")
_BAD = re.compile(r"[\x00-\x20\x7f-\x9f]")
_OWN = "uid:"


class Located(NamedTuple):
    """Where a message lies that has no Message-ID to go by. validity: UIDVALIDITY of the folder."""

    wire: bytes
    validity: int
    uid: int


def folder_id(name: str) -> str:
    return name if _PLAIN.fullmatch(name) else "~" + _pack(name.encode("utf-8", "surrogatepass"))


def folder_name(id_: str) -> str | None:
    """None: it is no id of a folder."""
    if not id_.startswith("~"):
        return id_ if _PLAIN.fullmatch(id_) else None
    try:
        name = _unpack(id_[1:]).decode("utf-8", "surrogatepass")
    except ValueError:
        return None
    return name if folder_id(name) == id_ else None


def message_id(header: str, wire: bytes, validity: int, uid: int) -> str:
    """header: the Message-ID with angle brackets, "" without one."""
    if header and len(header) <= MAX_MESSAGE_ID and header.isascii() and not _BAD.search(header):
        return header
    return _OWN + _pack(b"\0".join((wire, b"%d" % validity, b"%d" % uid)))


def located(id_: str) -> Located | None:
    """None: it is a Message-ID."""
    if not id_.startswith(_OWN):
        return None
    try:
        wire, validity, uid = _unpack(id_.removeprefix(_OWN)).rsplit(b"\0", 2)
    except ValueError:
        return None
    if b"\r" in wire or b"\n" in wire or b"\0" in wire or not (_is_number(validity) and _is_number(uid)):
        return None
    return Located(wire, int(validity), int(uid))


def is_message_id(id_: str) -> bool:
    """Whether a server can be asked for it."""
    return 0 < len(id_) <= MAX_MESSAGE_ID and id_.isascii() and not _BAD.search(id_)


def thread_id(root: str) -> str:
    """root: the first Message-ID of the conversation, or what stands for it."""
    if len(root) > MAX_THREAD:
        root = "#" + hashlib.sha256(root.encode("utf-8", "surrogatepass")).hexdigest()[:32]
    return "t" + _pack(root.encode("utf-8", "surrogatepass"))


def thread_root(id_: str) -> str | None:
    """The Message-ID that a thread begins with; None: none that can be asked for."""
    try:
        root = _unpack(id_[1:]).decode() if id_.startswith("t") else ""
    except ValueError:
        return None
    return root if root and not root.startswith("#") and is_message_id(root) else None


def _is_number(text: bytes) -> bool:
    return text.isdigit() and len(text) <= 20


def _pack(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).decode("ascii").rstrip("=")


def _unpack(text: str) -> bytes:
    """Raises ValueError."""
    try:
        return base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
    except binascii.Error as error:
        raise ValueError(text) from error
