"""/v3/grants/{grant_id}/folders."""

from typing import Any

from opengrant.api.http import cursors, data_plane
from opengrant.api.http.data_plane import grant_of
from opengrant.api.http.request import Request
from opengrant.api.http.route_table import Cursor, Key, One, route
from opengrant.api.wire import folders as wire
from opengrant.api.wire.calendars import Selected
from opengrant.api.wire.fields import Answer
from opengrant.errors import (
    Blocked,
    DataNotFound,
    GrantExpired,
    GrantNotFound,
    InvalidAuthentication,
    InvalidData,
    NotImplementedYet,
    Overloaded,
    ProviderUnavailable,
    RateLimited,
    RefusalDoubted,
)
from opengrant.mail import shown

TAG = "Mail"
ERRORS = (
    *(InvalidData, InvalidAuthentication, GrantExpired, GrantNotFound, DataNotFound, Blocked, RateLimited),
    *(NotImplementedYet, Overloaded, RefusalDoubted, ProviderUnavailable),
)
_FOLDERS = "/v3/grants/{grant_id}/folders"
_FOLDER = f"{_FOLDERS}/{{folder_id}}"
BY_TOKEN = Key(by_token=True, by_session=False)
"""Of calls for mail. The console reads mail by calls of its own, which take `grants.mail` (console_mail.py)."""


@route("GET", _FOLDERS, tag=TAG, access=BY_TOKEN, query=wire.FoldersQuery, answers=Cursor(wire.Folder), errors=ERRORS)
async def list_folders(request: Request) -> tuple[list[Answer], str | None]:
    """List folders.

    Lists the folders of a mailbox, in the order of the mail server.

    For IMAP, iCloud and Yahoo grants. The mail server is asked at this moment.
    """
    grant = await grant_of(request)
    of = f"folders {grant.id}"
    raw, place = data_plane.continued(data_plane.raw_query(request), of=of)
    query = data_plane.check(wire.FoldersQuery, raw)
    chosen = data_plane.selection(query.select)
    found = await request.services.mail.mailbox(request.application, grant).folders()
    start, size = _after(place, [one.id for one in found]), min(query.limit, 200)
    page = found[start : start + size]
    cursor = cursors.cursor(raw, [page[-1].id], of=of) if start + size < len(found) else None
    return [chosen(shown.folder(one, grant.id)) for one in page], cursor


def _after(place: list[Any] | None, ids: list[str]) -> int:
    """Where the page begins. place: the id of the last folder of the page before; it may be gone."""
    if place is None:
        return 0
    if len(place) != 1 or not isinstance(place[0], str):
        raise InvalidData("page_token: this is no next_cursor of this list.")
    if place[0] not in ids:
        raise InvalidData("page_token: a folder was renamed or deleted meanwhile. Begin the list again.")
    return ids.index(place[0]) + 1


@route(
    "POST",
    _FOLDERS,
    tag=TAG,
    access=BY_TOKEN,
    body=wire.FolderBody,
    query=Selected,
    answers=One(wire.Folder),
    errors=ERRORS,
)
async def create_folder(request: Request) -> Answer:
    """Create a folder.

    The mail server decides which names are possible.
    """
    grant = await grant_of(request)
    query = data_plane.read_flags(request, Selected)
    body = data_plane.read(request, wire.FolderBody)
    made = await request.services.mail.mailbox(request.application, grant).create_folder(body.name)
    return data_plane.selection(query.select)(shown.folder(made, grant.id))


@route("GET", _FOLDER, tag=TAG, access=BY_TOKEN, query=Selected, answers=One(wire.Folder), errors=ERRORS)
async def get_folder(request: Request) -> Answer:
    """Get a folder.

    By its id.
    """
    grant = await grant_of(request)
    query = data_plane.read_flags(request, Selected)
    found = await request.services.mail.mailbox(request.application, grant).folder(request.params["folder_id"])
    return data_plane.selection(query.select)(shown.folder(found, grant.id))


@route(
    "PUT",
    _FOLDER,
    tag=TAG,
    access=BY_TOKEN,
    body=wire.FolderPatch,
    query=Selected,
    answers=One(wire.Folder),
    errors=ERRORS,
)
async def update_folder(request: Request) -> Answer:
    """Update a folder.

    Renames it. Its id changes with its name, and so do the ids of the folders within it.
    """
    grant = await grant_of(request)
    query = data_plane.read_flags(request, Selected)
    name = data_plane.read(request, wire.FolderPatch).new_name()
    mailbox = request.services.mail.mailbox(request.application, grant)
    renamed = await mailbox.rename_folder(request.params["folder_id"], name)
    return data_plane.selection(query.select)(shown.folder(renamed, grant.id))


@route("DELETE", _FOLDER, tag=TAG, access=BY_TOKEN, errors=ERRORS)
async def delete_folder(request: Request) -> None:
    """Delete a folder.

    Deletes the folder with its messages.
    """
    grant = await grant_of(request)
    await request.services.mail.mailbox(request.application, grant).delete_folder(request.params["folder_id"])
