"""/v3/grants/{grant_id}/contacts: who the mailbox corresponds with."""

from opengrant.api.folders import BY_TOKEN, ERRORS
from opengrant.api.http import cursors, data_plane
from opengrant.api.http.data_plane import grant_of
from opengrant.api.http.request import Request
from opengrant.api.http.route_table import Cursor, One, route
from opengrant.api.wire import contacts as wire
from opengrant.api.wire.calendars import Selected
from opengrant.api.wire.fields import Answer
from opengrant.mail import shown
from opengrant.mail.contacts import id_of

_TAG = "Contacts"
_CONTACTS = "/v3/grants/{grant_id}/contacts"


@route(
    "GET",
    _CONTACTS,
    tag=_TAG,
    access=BY_TOKEN,
    query=wire.ContactsQuery,
    answers=Cursor(wire.Contact),
    errors=ERRORS,
)
async def list_contacts(request: Request) -> tuple[list[Answer], str | None]:
    """List contacts.

    Lists the people that a mailbox corresponds with, the last one first: with `source=inbox`.

    For IMAP, iCloud and Yahoo grants. They are taken from the headers of the newest 1,000 messages in the inbox (who
    wrote them) and of the newest 1,000 that were sent (who they went to), and remembered for five minutes. The
    mailbox's own address and those of automatic senders, such as noreply, are left out. No address book is kept here.
    """
    grant = await grant_of(request)
    of = f"contacts {grant.id}"
    raw, place = data_plane.continued(data_plane.raw_query(request, lists=frozenset({"source"})), of=of)
    query = data_plane.check(wire.ContactsQuery, raw)
    chosen = data_plane.selection(query.select)
    contacts = request.services.contacts
    contacts.check(grant)
    if not query.of_inbox():
        return [], None
    after, size = data_plane.time_and_id(place), min(query.limit, 200)
    found = await contacts.of_mailbox(request.application, grant, email=query.email)
    ordered = sorted((-one.date, id_of(one), number) for number, one in enumerate(found))
    left = [one for one in ordered if after is None or one[:2] > (-after[0], after[1])]
    cursor = cursors.cursor(raw, [-left[size - 1][0], left[size - 1][1]], of=of) if len(left) > size else None
    return [chosen(shown.contact(found[number], grant.id, id_)) for _, id_, number in left[:size]], cursor


@route(
    "GET",
    f"{_CONTACTS}/groups",
    tag=_TAG,
    access=BY_TOKEN,
    query=wire.GroupsQuery,
    answers=Cursor(wire.ContactGroup),
    errors=ERRORS,
)
async def list_contact_groups(request: Request) -> tuple[list[Answer], str | None]:
    """List contact groups.

    There are none: the list is empty.
    """
    grant = await grant_of(request)
    data_plane.read_flags(request, wire.GroupsQuery)
    request.services.contacts.check(grant)
    return [], None


@route(
    "GET",
    f"{_CONTACTS}/{{contact_id}}",
    tag=_TAG,
    access=BY_TOKEN,
    query=Selected,
    answers=One(wire.Contact),
    errors=ERRORS,
)
async def get_contact(request: Request) -> Answer:
    """Get a contact.

    By its id. An address keeps its id as long as the newest messages name it.
    """
    grant = await grant_of(request)
    query = data_plane.read_flags(request, Selected)
    contact_id = request.params["contact_id"]
    found = await request.services.contacts.get(request.application, grant, contact_id)
    return data_plane.selection(query.select)(shown.contact(found, grant.id, contact_id))
