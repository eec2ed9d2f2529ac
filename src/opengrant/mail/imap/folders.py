"""Folders of an IMAP mailbox: listed, found by id, created, renamed, deleted."""

from collections.abc import Coroutine, Sequence
from typing import Any, TypeVar

from opengrant.errors import DataNotFound, InvalidData, ProviderFailure
from opengrant.mail import ids
from opengrant.model.mail import Folder
from opengrant.net.imap import commands
from opengrant.net.imap.commands import ListedFolder
from opengrant.net.imap.names import decode_name, encode_name
from opengrant.net.imap.session import ImapSession

T = TypeVar("T")

MAX_NAME = 1024
"""Characters of a folder's name."""

_GONE = frozenset({"NONEXISTENT", "TRYCREATE"})
_REFUSALS = frozenset(
    {"NO", "ALREADYEXISTS", "CANNOT", "NOPERM", "HASCHILDREN", "INUSE", "OVERQUOTA", "LIMIT", "TOOBIG"}
)
_USUAL = {
    "\\trash": ("trash", "deleted items", "deleted messages", "bin"),
    "\\drafts": ("drafts", "draft"),
    "\\sent": ("sent", "sent items", "sent messages"),
    "\\junk": ("junk", "spam", "bulk mail"),
    "\\archive": ("archive", "archives"),
}
"""Names of folders on servers that do not say what a folder is for (RFC 6154), below a prefix such as `INBOX.`, too."""


async def listed(session: ImapSession) -> list[Folder]:
    return [_folder(one) for one in await commands.list_folders(session, counts=True)]


async def get(session: ImapSession, folder_id: str) -> Folder:
    """Raises DataNotFound."""
    found = next((one for one in await listed(session) if one.id == folder_id), None)
    if found is None:
        raise _missing(folder_id)
    return found


async def wire_name(session: ImapSession, folder_id: str) -> bytes:
    """The name that the server knows a folder by. Whether there is such a folder shows when it is opened.

    Raises DataNotFound: no folder can have that id.
    """
    name = ids.folder_name(folder_id)
    if name is None:
        raise _missing(folder_id)
    if name.isascii():
        return encode_name(name)
    # A server may write a name as UTF-8 or as modified UTF-7, and then knows it by that form alone.
    found = next((one.wire for one in await commands.list_folders(session) if one.name == name), None)
    return found or encode_name(name)


async def create(session: ImapSession, name: str) -> Folder:
    """Raises InvalidData."""
    await asked(commands.create_folder(session, _checked(name)))
    return await get(session, ids.folder_id(name))


async def rename(session: ImapSession, folder_id: str, name: str) -> Folder:
    """Raises DataNotFound, InvalidData."""
    was = await _changeable(session, folder_id)
    if _checked(name) != was.name:
        await asked(commands.rename_folder(session, was.wire, name))
    return await get(session, ids.folder_id(name))


async def delete(session: ImapSession, folder_id: str) -> None:
    """With its messages. Raises DataNotFound, InvalidData."""
    await asked(commands.delete_folder(session, (await _changeable(session, folder_id)).wire))


def purpose(folders: Sequence[ListedFolder], attribute: str) -> ListedFolder | None:
    """The folder for a purpose such as `\\trash`, by what the server says, else by its usual names."""
    usable = [one for one in folders if commands.can_open(one)]
    for one in usable:
        if attribute in {mark.lower() for mark in one.attributes}:
            return one
    names = _USUAL.get(attribute, ())
    return next((one for one in usable if _last(one).lower() in names), None)


async def make(session: ImapSession, listed: Sequence[ListedFolder], name: str) -> bytes:
    """A folder for what a mailbox has none for; its wire name. Some servers keep all folders within the inbox.

    listed  the folders that there are
    Raises InvalidData.
    """
    delimiter = next((one.delimiter for one in listed if one.name.upper() == "INBOX"), "")
    for tried in [name, f"INBOX{delimiter}{name}"] if delimiter else [name]:
        try:
            await commands.create_folder(session, tried)
        except ProviderFailure as failure:
            if not session.usable or "NO" not in failure.evidence.subcodes:
                raise
            continue
        return encode_name(tried)
    raise InvalidData(f"The mailbox has no folder {name}, and the mail server makes none.")


def is_for(folder: ListedFolder, attribute: str, folders: Sequence[ListedFolder]) -> bool:
    found = purpose(folders, attribute)
    return found is not None and found.wire == folder.wire


def _last(folder: ListedFolder) -> str:
    return folder.name.rsplit(folder.delimiter, 1)[-1] if folder.delimiter else folder.name


async def _changeable(session: ImapSession, folder_id: str) -> ListedFolder:
    found = next(
        (one for one in await commands.list_folders(session) if ids.folder_id(one.name) == folder_id),
        None,
    )
    if found is None:
        raise _missing(folder_id)
    if found.name.upper() == "INBOX":
        raise InvalidData("folder_id: the inbox can be neither renamed nor deleted.")
    return found


def _checked(name: str) -> str:
    if not 0 < len(name) <= MAX_NAME or any(ord(letter) < 32 or ord(letter) == 127 for letter in name):
        raise InvalidData(f"name: 1 to {MAX_NAME} characters, none of them a control character.")
    try:
        encode_name(name)
    except ValueError:
        raise InvalidData("name: this is no Unicode text.") from None
    return name


async def asked(command: Coroutine[Any, Any, T], *, field: str = "name") -> T:
    """Run a command that a server refuses for what it was asked. Raises InvalidData with the server's words."""
    try:
        return await command
    except ProviderFailure as failure:
        evidence = failure.evidence
        if evidence.code in _GONE:
            raise DataNotFound("There is no such folder.") from None
        if "NO" in evidence.subcodes and evidence.code in _REFUSALS:
            raise InvalidData(f"{field}: the mail server does not do that. It said: {evidence.text}") from None
        raise


def _folder(one: ListedFolder) -> Folder:
    return Folder(ids.folder_id(one.name), one.name, one.attributes, one.delimiter, one.total, one.unread)


def _missing(folder_id: str) -> DataNotFound:
    return DataNotFound(f"There is no folder {folder_id[:200]!r}. GET /v3/grants/{{grant_id}}/folders lists them.")


def id_of(wire: bytes) -> str:
    return ids.folder_id(decode_name(wire))
