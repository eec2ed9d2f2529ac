"""`python -m bench.watching`: what a mailbox that is listened to holds, and how soon new mail is told.

The mail server is a real Dovecot behind TLS with a mailbox for each grant; one `opengrant serve` listens to all of
them. A message is put into the inboxes of some by turns. The time runs from the server's OK to the webhook's arrival.
"""

import argparse
import contextlib
import random
import ssl
import statistics
import sys
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlsplit

import httpx
from tests.peers.dovecot import Dovecot

from bench.load import Unexpected
from bench.mailboxes import cpu, serving
from bench.proxy import Client
from bench.report import about_the_machine

_PATIENCE = 600.0
_PASSWORD = "watched"
_REST = 20.0
"""Seconds for which the server is watched at rest."""
# Hibernation keeps a thousand idle clients of Dovecot out of a process each.
_MORE = """
imap_hibernate_timeout = 2s
mailbox_idle_check_interval = 1s
service imap-hibernate {
  unix_listener imap-hibernate {
    mode = 0666
  }
}
service imap {
  process_limit = 4000
  unix_listener imap-master {
    mode = 0666
  }
}
"""


@dataclass
class Inbox:
    """Receives webhooks. awaited: Message-IDs; told: when each came."""

    awaited: set[str] = field(default_factory=set)
    told: dict[str, float] = field(default_factory=dict)

    def take(self, body: str) -> None:
        at = time.perf_counter()
        for id_ in [one for one in self.awaited if one in body]:
            self.awaited.discard(id_)
            self.told[id_] = at


@contextlib.contextmanager
def _receiver() -> Iterator[tuple[Inbox, str]]:
    inbox = Inbox()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            (challenge,) = parse_qs(urlsplit(self.path).query)["challenge"]
            self._answer(challenge.encode())

        def do_POST(self) -> None:
            inbox.take(self.rfile.read(int(self.headers["Content-Length"])).decode())
            self._answer(b"")

        def _answer(self, body: bytes) -> None:
            self.send_response(200)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 -- the base class's name
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield inbox, f"http://127.0.0.1:{server.server_address[1]}/hook"
    server.shutdown()


def main() -> int:
    parser = argparse.ArgumentParser(prog="bench.watching", description=__doc__)
    parser.add_argument("--mailboxes", type=int, default=1000, help="mailboxes that are listened to; 1000")
    parser.add_argument("--mails", type=int, default=100, help="messages that are put into them; 100")
    chosen = parser.parse_args()
    print(", ".join(f"{name} {value}" for name, value in about_the_machine().items()))
    accounts = {_name(number): _PASSWORD for number in range(chosen.mailboxes)}
    room = {"OPENGRANT_WATCH__CONNECTIONS": "100000", "OPENGRANT_WATCH__CONNECTIONS_PER_HOST": "100000"}
    with _receiver() as (inbox, url), serving(room, accounts=accounts, dovecot_more=_MORE) as place:
        time.sleep(2)
        before = place.process.memory_info().rss
        began = time.perf_counter()
        body = {"webhook_url": url, "trigger_types": ["message.created"]}
        place.http.post("/v3/webhooks", json=body).raise_for_status()
        _until(lambda: _listening(place.http) >= chosen.mailboxes, "not all mailboxes are listened to")
        took = time.perf_counter() - began
        time.sleep(5)
        held = (place.process.memory_info().rss - before) / chosen.mailboxes
        spent = cpu(place.process)
        time.sleep(_REST)
        rest = (cpu(place.process) - spent) / _REST
        each = f"{held / 1e3:.1f} KB each, {rest:.1%} of a core at rest"
        print(f"{chosen.mailboxes} mailboxes: {took:.0f} s to begin, {each}")
        _tell_latency(place.dovecot, inbox, chosen.mailboxes, chosen.mails)
    return 0


def _tell_latency(dovecot: Dovecot, inbox: Inbox, mailboxes: int, mails: int) -> None:
    trust = ssl.create_default_context(cafile=str(dovecot.ca_file))
    waits = list[float]()
    for number in range(mails):
        id_ = f"bench{number}@example.com"
        owner = Client(dovecot.imaps, trust, _name(random.randrange(mailboxes)), _PASSWORD)
        inbox.awaited.add(id_)
        owner.append(_message(id_))
        at = time.perf_counter()
        _until(lambda id_=id_: id_ in inbox.told, "a message is not told", pause=0.005)
        waits.append(inbox.told[id_] - at)
        owner.close()
    waits.sort()
    p95 = waits[int(len(waits) * 0.95) - 1]
    print(f"new mail to webhook: {statistics.median(waits):.2f} s median, {p95:.2f} s p95, {waits[-1]:.2f} s at most")


def _message(id_: str) -> bytes:
    head = f"Message-ID: <{id_}>\r\nFrom: ana@example.com\r\nTo: bob@example.com\r\nSubject: Bench\r\n\r\n"
    return head.encode() + b"Hello, this is a short message.\r\n" * 50


def _name(number: int) -> str:
    return f"user{number}@example.com"


def _listening(client: httpx.Client) -> float:
    for line in client.get("/metrics").text.splitlines():
        if line.startswith("opengrant_mail_listeners "):
            return float(line.split()[1])
    return 0


def _until(true: Callable[[], bool], otherwise: str, *, pause: float = 0.2) -> None:
    deadline = time.monotonic() + _PATIENCE
    while not true():
        if time.monotonic() > deadline:
            raise Unexpected(otherwise)
        time.sleep(pause)


if __name__ == "__main__":
    sys.exit(main())
