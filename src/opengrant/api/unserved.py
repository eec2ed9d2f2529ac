"""Paths of the vendor's API that are not served yet: after authentication, 501 with an alternative.

A client that moves here calls them. A 404 would mean that a grant or a message is missing, and clients then delete
their copy. A row leaves this table when its path is served. /openapi.json lists none of them.
"""

from collections.abc import Iterator, Mapping, Sequence

from opengrant.api.http.request import Request
from opengrant.api.http.route_table import Handler, Key, Operation
from opengrant.errors import NotImplementedYet

_GRANT = "/v3/grants/{grant_id}"
_LIVE = "POST /v3/grants/{grant_id}/token gives the live access token of a Google, Microsoft or Yahoo grant"
_MAIL = (
    f"{_LIVE}; call the Gmail API or Microsoft Graph with it, or Yahoo's IMAP and SMTP. Mailboxes of IMAP, iCloud and"
    " Exchange are reached with the password that connected them."
)
_CALENDAR = f"{_LIVE}; call the Google Calendar API or Microsoft Graph with it. For iCloud, use CalDAV."
_CONTACTS = f"{_LIVE}; call the Google People API or Microsoft Graph with it. For iCloud, use CardDAV."
_MEETINGS = "POST /v3/grants/{grant_id}/token gives the live access token of a Zoom grant; call the Zoom API with it."
_RULES = (
    "There are no policies, rules and lists here yet: leave policy_id and rule_ids out, and decide in your own code."
)
_SCHEDULER = f"There is no scheduler here yet. {_CALENDAR}"
_SEND = f"Send through a grant of the sender. {_MAIL}"
_CHANNELS = "Make a webhook: POST /v3/webhooks."
_COMPOSE = "There is no text generation here: call a language model from your own code."

_UPLOADS = "Send files with the message or draft: 25 MB in all, as multipart/form-data."

_TABLE: Sequence[tuple[str, Sequence[str]]] = (
    (
        _UPLOADS,
        (
            f"POST {_GRANT}/attachment-uploads",
            f"POST {_GRANT}/attachment-uploads/{{attachment_id}}/complete",
        ),
    ),
    (
        _COMPOSE,
        (
            f"POST {_GRANT}/messages/smart-compose",
            f"POST {_GRANT}/messages/{{message_id}}/smart-compose",
        ),
    ),
    (_SEND, ("POST /v3/domains/{domain_name}/messages/send",)),
    (
        _CONTACTS,
        (
            f"POST {_GRANT}/contacts",
            f"PUT DELETE {_GRANT}/contacts/{{contact_id}}",
        ),
    ),
    (
        _MEETINGS,
        tuple(
            row
            for root in (_GRANT, "/v3")
            for row in (
                f"GET POST {root}/notetakers",
                f"GET PUT PATCH DELETE {root}/notetakers/{{notetaker_id}}",
                f"DELETE {root}/notetakers/{{notetaker_id}}/cancel",
                f"POST {root}/notetakers/{{notetaker_id}}/leave",
                f"GET DELETE {root}/notetakers/{{notetaker_id}}/media",
                f"GET {root}/notetakers/{{notetaker_id}}/history",
            )
        ),
    ),
    (
        _SCHEDULER,
        (
            f"GET POST {_GRANT}/scheduling/configurations",
            f"GET PUT DELETE {_GRANT}/scheduling/configurations/{{configuration_id}}",
            f"GET POST {_GRANT}/scheduling/configurations/{{configuration_id}}/group-events",
            f"PUT DELETE {_GRANT}/scheduling/configurations/{{configuration_id}}/group-events/{{event_id}}",
            f"POST {_GRANT}/scheduling/configurations/{{configuration_id}}/import-group-events",
            "GET /v3/scheduling/availability",
            "POST /v3/scheduling/sessions",
            "DELETE /v3/scheduling/sessions/{session_id}",
            "POST /v3/scheduling/bookings",
            "GET PUT PATCH DELETE /v3/scheduling/bookings/{booking_id}",
        ),
    ),
    (
        _RULES,
        (
            "GET POST /v3/policies",
            "GET PUT DELETE /v3/policies/{policy_id}",
            "GET POST /v3/rules",
            "GET PUT DELETE /v3/rules/{rule_id}",
            "GET POST /v3/lists",
            "GET PUT DELETE /v3/lists/{list_id}",
            "GET POST DELETE /v3/lists/{list_id}/items",
            f"GET {_GRANT}/rule-evaluations",
        ),
    ),
    (
        _CHANNELS,
        tuple(
            row
            for kind in ("pubsub", "sns")
            for row in (f"GET POST /v3/channels/{kind}", f"GET PUT PATCH DELETE /v3/channels/{kind}/{{channel_id}}")
        ),
    ),
)
"""What to use instead, and the verbs and paths that it stands for."""


def rows() -> Iterator[tuple[str, str, str]]:
    """(verb, path, what to use instead) of each call."""
    for instead, calls in _TABLE:
        for verbs_and_path in calls:
            *verbs, path = verbs_and_path.split()
            yield from ((verb, path, instead) for verb in verbs)


def _handler(path: str, instead: str) -> Handler:
    async def refuse(_: Request) -> Mapping[str, object]:
        raise NotImplementedYet(f"{path} is not served by this server yet. {instead}")

    return refuse


def _operation(verb: str, path: str, instead: str) -> Operation:
    return Operation(
        method=verb,
        path=path,
        handler=_handler(path, instead),
        tag="",
        access=Key(by_token=path.startswith(_GRANT)),
        served=False,
    )


UNSERVED: Sequence[Operation] = tuple(_operation(*row) for row in rows())
