"""What is measured: each line is a stream of requests, and what the remotes do meanwhile."""

import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from itertools import count, cycle
from random import Random
from typing import Any

from bench import rooms
from bench.remotes import DIGITS, REFRESH_TAIL
from bench.rooms import EVENTS, MONDAY, WEEK

FEW, MANY, EXPIRED = 1_000, 100_000, 60_000
"""Grants that the three prefilled applications hold; tokens of the last one's have ended, each is renewed once."""

DOMAIN = "example.com"
"""Of every mailbox; Agent Accounts live on it too."""
BULK_SCOPE = "https://www.googleapis.com/auth/gmail.readonly"


@dataclass(frozen=True, slots=True)
class Scene:
    """What requests are made of.

    empty, few, many, expired  API keys of four applications, by the grants they held at first
    ids          grant ids, by application
    credentials  ids of the empty one's further credentials, by the variant of connect/custom that names it
    ports        of the remotes, by protocol
    fresh        numbers of mailboxes that nobody has connected yet
    renewable    grant ids of the application `expired`, each once
    rooms        API key of an application whose grant `room` has a calendar
    """

    empty: str
    few: str
    many: str
    expired: str
    ids: Mapping[str, list[str]]
    credentials: Mapping[str, str]
    ports: Mapping[str, int]
    fresh: Iterator[int]
    renewable: Iterator[str]
    rooms: str
    room: str


@dataclass(frozen=True, slots=True)
class Line:
    """latency: milliseconds that the provider takes for each answer. slow: few answers a second on any machine."""

    name: str
    title: str
    status: int
    requests: Callable[[Scene], Iterator[bytes]]
    latency: int = 0
    id_token: bool = False
    slow: bool = False


def mailbox(number: int) -> str:
    """As bench/remotes.py spells it."""
    return f"user{number:0{DIGITS}}@{DOMAIN}"


_NUMBER = f"%0{DIGITS}d"
_USER = f"user{_NUMBER}@{DOMAIN}"


def _bodies(scene: Scene) -> dict[str, dict[str, Any]]:
    """What is sent for each variant of connect/custom, with a place for the number of the mailbox."""
    token = {"refresh_token": f"1//{_NUMBER}{REFRESH_TAIL}"}
    bulk, named, ports = {"email_address": _USER}, scene.credentials, scene.ports
    here = "127.0.0.1"
    imap = {"imap_username": _USER, "imap_password": "abcd efgh ijkl mnop", "imap_host": here}
    ews = {"ews_username": _USER, "ews_password": "correct horse", "ews_host": here, "ews_port": ports["https"]}
    settings: dict[str, dict[str, Any]] = {
        "google": token,
        "google override": {**token, "credential_id": named["google override"]},
        "google bulk": {**bulk, "credential_id": named["google bulk"], "scopes": [BULK_SCOPE]},
        "microsoft": token,
        "microsoft bulk": {**bulk, "credential_id": named["microsoft bulk"]},
        "yahoo": token,
        "zoom": token,
        "imap": {**imap, "imap_port": ports["imap"]},
        "icloud": {"username": _USER, "password": "abcd-efgh-ijkl-mnop"},
        "ews": ews,
        "virtual-calendar": {"email": f"room-{_NUMBER}"},
        "nylas": {"email": _USER},
        "nylas password": {"email": _USER, "app_password": "Abcdefgh1jklmnopq9"},
    }
    return {
        variant: {"provider": variant.partition(" ")[0], "settings": given, "state": "customer"}
        for variant, given in settings.items()
    }


def _create(variant: str, scene: Scene) -> Iterator[bytes]:
    return _connect(variant, scene, scene.empty, scene.fresh)


def _again(variant: str, scene: Scene) -> Iterator[bytes]:
    return _connect(variant, scene, scene.few, cycle(range(FEW)))


def _connect(variant: str, scene: Scene, key: str, numbers: Iterable[int]) -> Iterator[bytes]:
    return map(_post(key, json.dumps(_bodies(scene)[variant])).__mod__, numbers)


def _get_one(scene: Scene) -> Iterator[bytes]:
    ids = scene.ids["many"].copy()
    Random(1).shuffle(ids)
    template = _get(scene.many, "/v3/grants/%b")
    return (template % id_.encode() for id_ in cycle(ids))


def _list_few(scene: Scene) -> Iterator[bytes]:
    return cycle([_get(scene.few, "/v3/grants?limit=50")])


def _list_many(scene: Scene) -> Iterator[bytes]:
    return cycle([_get(scene.many, "/v3/grants?limit=50")])


def _token(scene: Scene) -> Iterator[bytes]:
    return map(partial(_post_token, scene.few), cycle(scene.ids["few"]))


def _token_refresh(scene: Scene) -> Iterator[bytes]:
    return map(partial(_post_token, scene.expired), scene.renewable)


def _week(scene: Scene) -> Iterator[bytes]:
    query = f"calendar_id=primary&start={MONDAY}&end={MONDAY + WEEK}&expand_recurring=true&limit=200"
    return cycle([_get(scene.rooms, f"/v3/grants/{scene.room}/events?{query}")])


def _book(scene: Scene) -> Iterator[bytes]:
    head = _head("POST", f"/v3/grants/{scene.room}/events?calendar_id=primary", scene.rooms)
    for number in scene.fresh:
        body = json.dumps(rooms.body(number))
        kind = f"content-type: application/json\r\ncontent-length: {len(body)}\r\n\r\n"
        yield f"{head}{kind}{body}".encode()


def _head(verb: str, path: str, key: str) -> str:
    return f"{verb} {path} HTTP/1.1\r\nhost: 127.0.0.1\r\naccept: */*\r\nauthorization: Bearer {key}\r\n"


def _get(key: str, path: str) -> bytes:
    return f"{_head('GET', path, key)}\r\n".encode()


def _post(key: str, body: str) -> bytes:
    """A request with a place for the number of a mailbox in its body."""
    length = len(body % 0)
    kind = f"content-type: application/json\r\ncontent-length: {length}\r\n\r\n"
    return f"{_head('POST', '/v3/connect/custom', key)}{kind}{body}".encode()


def _post_token(key: str, grant_id: str) -> bytes:
    body = '{"reason": "bench"}'
    kind = f"content-type: application/json\r\ncontent-length: {len(body)}\r\n\r\n"
    return f"{_head('POST', f'/v3/grants/{grant_id}/token', key)}{kind}{body}".encode()


_google = partial(_create, "google")
_google_again = partial(_again, "google")

LINES = (
    Line("create", "connect google, create", 201, _google),
    Line("create-20", "connect google, create, 20 ms", 201, _google, latency=20),
    Line("create-id", "connect google, create, id_token", 201, _google, id_token=True),
    Line("again", "connect google, re-auth", 201, _google_again),
    Line("again-20", "connect google, re-auth, 20 ms", 201, _google_again, latency=20),
    Line("override", "connect google, override", 201, partial(_create, "google override")),
    Line("google-bulk", "connect google, bulk", 201, partial(_create, "google bulk")),
    Line("microsoft", "connect microsoft", 201, partial(_create, "microsoft")),
    Line("microsoft-bulk", "connect microsoft, bulk", 201, partial(_create, "microsoft bulk")),
    Line("yahoo", "connect yahoo", 201, partial(_create, "yahoo")),
    Line("zoom", "connect zoom", 201, partial(_create, "zoom")),
    Line("imap", "connect imap, create", 201, partial(_create, "imap")),
    Line("icloud", "connect icloud", 201, partial(_create, "icloud")),
    Line("ews", "connect ews", 201, partial(_create, "ews")),
    Line("virtual", "connect virtual-calendar", 201, partial(_create, "virtual-calendar")),
    Line("agent", "connect nylas", 201, partial(_create, "nylas")),
    Line("agent-password", "connect nylas, app_password", 201, partial(_create, "nylas password"), slow=True),
    Line("get", "get one grant", 200, _get_one),
    Line("token", "token, stored", 200, _token),
    Line("token-refresh", "token, expired", 200, _token_refresh),
    Line("week", f"list a week of {EVENTS} events", 200, _week),
    Line("book", "create an event", 200, _book),
    Line("list-few", f"list 50 of {FEW:,}", 200, _list_few),
    Line("list-many", f"list 50 of {MANY:,}", 200, _list_many),
)


def fresh_numbers() -> Iterator[int]:
    return count(MANY)
