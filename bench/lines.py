"""What is measured: each line is a stream of requests, and what the remotes do meanwhile."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import count, cycle
from random import Random

from bench.remotes import DIGITS

FEW, MANY = 1_000, 100_000
"""Grants that the two prefilled applications hold."""

_REFRESH_TAIL = "0gAbCdEfGhIjKl-" * 6  # a real one has some 103 characters


@dataclass(frozen=True, slots=True)
class Scene:
    """What requests are made of.

    empty, few, many  API keys of three applications, by how many grants they held at first
    ids               grant ids of the one with many
    fresh             numbers of mailboxes that nobody has connected yet
    """

    empty: str
    few: str
    many: str
    ids: list[str]
    imap_port: int
    fresh: Iterator[int]


@dataclass(frozen=True, slots=True)
class Line:
    """latency: milliseconds that the provider takes for each answer."""

    name: str
    title: str
    status: int
    requests: Callable[[Scene], Iterator[bytes]]
    latency: int = 0
    id_token: bool = False


def mailbox(number: int) -> str:
    """As bench/remotes.py spells it."""
    return f"user{number:0{DIGITS}}@example.com"


def _create_google(scene: Scene) -> Iterator[bytes]:
    return map(_google(scene.empty).__mod__, scene.fresh)


def _again_google(scene: Scene) -> Iterator[bytes]:
    return map(_google(scene.few).__mod__, cycle(range(FEW)))


def _google(key: str) -> bytes:
    settings = f'{{"refresh_token": "1//%0{DIGITS}d{_REFRESH_TAIL}"}}'
    return _post(key, f'{{"provider": "google", "settings": {settings}, "state": "customer"}}')


def _create_imap(scene: Scene) -> Iterator[bytes]:
    login = f'"imap_username": "user%0{DIGITS}d@example.com", "imap_password": "abcd efgh ijkl mnop"'
    settings = f'{{{login}, "imap_host": "127.0.0.1", "imap_port": {scene.imap_port}}}'
    return map(_post(scene.empty, f'{{"provider": "imap", "settings": {settings}}}').__mod__, scene.fresh)


def _get_one(scene: Scene) -> Iterator[bytes]:
    ids = scene.ids.copy()
    Random(1).shuffle(ids)
    template = _get(scene.many, "/v3/grants/%b")
    return (template % id_.encode() for id_ in cycle(ids))


def _list_few(scene: Scene) -> Iterator[bytes]:
    return cycle([_get(scene.few, "/v3/grants?limit=50")])


def _list_many(scene: Scene) -> Iterator[bytes]:
    return cycle([_get(scene.many, "/v3/grants?limit=50")])


def _head(verb: str, path: str, key: str) -> str:
    return f"{verb} {path} HTTP/1.1\r\nhost: 127.0.0.1\r\naccept: */*\r\nauthorization: Bearer {key}\r\n"


def _get(key: str, path: str) -> bytes:
    return f"{_head('GET', path, key)}\r\n".encode()


def _post(key: str, body: str) -> bytes:
    """A request with a place for the number of a mailbox in its body."""
    length = len(body % 0)
    kind = f"content-type: application/json\r\ncontent-length: {length}\r\n\r\n"
    return f"{_head('POST', '/v3/connect/custom', key)}{kind}{body}".encode()


LINES = (
    Line("create", "connect google, create", 201, _create_google),
    Line("create-20", "connect google, create, 20 ms", 201, _create_google, latency=20),
    Line("create-id", "connect google, create, id_token", 201, _create_google, id_token=True),
    Line("again", "connect google, re-auth", 201, _again_google),
    Line("again-20", "connect google, re-auth, 20 ms", 201, _again_google, latency=20),
    Line("imap", "connect imap, create", 201, _create_imap),
    Line("get", "get one grant", 200, _get_one),
    Line("list-few", f"list 50 of {FEW:,}", 200, _list_few),
    Line("list-many", f"list 50 of {MANY:,}", 200, _list_many),
)


def fresh_numbers() -> Iterator[int]:
    return count(MANY)
