"""A webhook receiver: a real HTTP(S) server on loopback that records what it gets, and can be any kind of unwell.

Each `Hook` is one path of it. By default it answers the challenge and takes every notification.
"""

import gzip
import hmac
import json
import ssl
import threading
import uuid
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

WAIT = 60.0
"""Seconds after which a test has failed, and not the machine been slow."""


@dataclass(frozen=True)
class Received:
    """One notification, as bytes and headers."""

    body: bytes
    headers: dict[str, str]

    @property
    def envelope(self) -> dict[str, Any]:
        packed = self.headers.get("content-encoding") == "gzip"
        decoded: dict[str, Any] = json.loads(gzip.decompress(self.body) if packed else self.body)
        return decoded

    @property
    def object(self) -> dict[str, Any]:
        found: dict[str, Any] = self.envelope["data"]["object"]
        return found

    def is_signed_with(self, secret: str) -> bool:
        expected = hmac.new(secret.encode(), self.body, "sha256").hexdigest()
        return hmac.compare_digest(expected, self.headers["x-nylas-signature"])


@dataclass
class Answer:
    """status 0 closes the connection without a word; `held` keeps the answer back until it is set."""

    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes = b""
    held: threading.Event | None = None


class Hook:
    """One destination. What it answers next is `plan`, then `usual`."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.usual = Answer()
        self.plan: deque[Answer] = deque()
        self.challenge: Callable[[str], Answer] = lambda text: Answer(body=text.encode())
        self.challenges: list[str] = []
        self.received: list[Received] = []
        self.under_way = self.most_under_way = 0
        self._changed = threading.Condition()

    def take(self, request: Received) -> Answer:
        with self._changed:
            self.received.append(request)
            self._changed.notify_all()
            return self.plan.popleft() if self.plan else self.usual

    def wait_for(self, count: int) -> list[Received]:
        """Until that many notifications have come."""
        with self._changed:
            assert self._changed.wait_for(lambda: len(self.received) >= count, WAIT), (
                f"{len(self.received)} of {count} notifications came"
            )
            return list(self.received)

    def enter(self, step: int) -> None:
        with self._changed:
            self.under_way += step
            self.most_under_way = max(self.most_under_way, self.under_way)

    @property
    def types(self) -> list[str]:
        return [one.envelope["type"] for one in self.received]


class Receiver:
    """Start and stop with `with`."""

    def __init__(self, certificate: tuple[Path, Path] | None = None) -> None:
        self._hooks: dict[str, Hook] = {}
        self._server = _Server(("127.0.0.1", 0), _Handler)
        self._server.hooks = self._hooks
        self._scheme = "http"
        if certificate is not None:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(*certificate)
            self._server.socket = context.wrap_socket(self._server.socket, server_side=True)
            self._scheme = "https"

    @property
    def port(self) -> int:
        return int(self._server.server_address[1])

    def hook(self, host: str = "127.0.0.1") -> Hook:
        path = f"/{uuid.uuid4().hex}"
        made = self._hooks[path] = Hook(f"{self._scheme}://{host}:{self.port}{path}")
        return made

    def __enter__(self) -> "Receiver":
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True)
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join(WAIT)


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 256
    hooks: dict[str, Hook]

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Clients that hang up are part of the tests."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: _Server

    def do_GET(self) -> None:
        hook = self._hook()
        if hook is None:
            return
        (challenge,) = parse_qs(urlsplit(self.path).query)["challenge"]
        hook.challenges.append(challenge)
        answer = hook.challenge(challenge)
        self._hold(answer)
        self._answer(answer)

    def do_POST(self) -> None:
        hook = self._hook()
        if hook is None:
            return
        body = self.rfile.read(int(self.headers["Content-Length"]))
        hook.enter(1)
        answer = hook.take(Received(body, {name.lower(): value for name, value in self.headers.items()}))
        self._hold(answer)
        hook.enter(-1)  # before the answer: with it, the next one may come
        self._answer(answer)

    def _hook(self) -> Hook | None:
        hook = self.server.hooks.get(urlsplit(self.path).path)
        if hook is None:
            self.send_error(404)
        return hook

    @staticmethod
    def _hold(answer: Answer) -> None:
        if answer.held is not None:
            answer.held.wait(WAIT)

    def _answer(self, answer: Answer) -> None:
        if answer.status == 0:
            self.close_connection = True
            self.connection.close()
            return
        self.send_response(answer.status)
        for name, value in answer.headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(answer.body)))
        self.end_headers()
        self.wfile.write(answer.body)

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 -- the base class's name
        """Nothing: tests look at what was received."""
