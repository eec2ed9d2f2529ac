"""`python -m bench.watching`: what a mailbox that is listened to holds, and how soon new mail is told.

The mail server is a real Dovecot behind TLS with a mailbox for each grant; one `opengrant serve` listens to all of
them. A message is put into the inboxes of some by turns. The time runs from the server's OK to the webhook's arrival.
"""

import argparse
import contextlib
import os
import random
import statistics
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import httpx
import psutil
from tests.peers.dovecot import ELSEWHERE, Dovecot

from bench.load import Unexpected
from bench.proxy import Client, healthy
from bench.report import about_the_machine
from bench.stage import run

_PATIENCE = 600.0
_KEY = "bench-" + "k" * 40
_PASSWORD = "watched"
# Any name is a mailbox. Hibernation keeps a thousand idle clients of Dovecot out of a process each.
_MORE = """
passdb {
  driver = static
  args = password=watched
}
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
    """Receives webhooks: when each message was told of."""

    told: dict[str, float] = field(default_factory=dict)
    url: str = ""


@contextlib.contextmanager
def _receiver() -> Iterator[Inbox]:
    inbox = Inbox()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            (challenge,) = parse_qs(urlsplit(self.path).query)["challenge"]
            self._answer(challenge.encode())

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"])).decode()
            at = time.perf_counter()
            for id_ in list(waiting):
                if id_ in body:
                    waiting.discard(id_)
                    inbox.told[id_] = at
            self._answer(b"")

        def _answer(self, body: bytes) -> None:
            self.send_response(200)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 -- the base class's name
            pass

    waiting = inbox.waiting = set[str]()  # type: ignore[attr-defined]
    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, daemon=True).start()
    inbox.url = f"http://127.0.0.1:{server.server_address[1]}/hook"
    yield inbox
    server.shutdown()


def main() -> int:
    parser = argparse.ArgumentParser(prog="bench.watching", description=__doc__)
    parser.add_argument("--mailboxes", type=int, default=1000, help="mailboxes that are listened to; 1000")
    parser.add_argument("--mails", type=int, default=100, help="messages that are put into them; 100")
    chosen = parser.parse_args()
    print(", ".join(f"{name} {value}" for name, value in about_the_machine().items()))
    with contextlib.ExitStack() as opened:
        directory = Path(opened.enter_context(tempfile.TemporaryDirectory(prefix="opengrant-bench-")))
        inbox = opened.enter_context(_receiver())
        dovecot = opened.enter_context(Dovecot(_MORE))
        log = directory / "opengrant.log"
        port = _free_port()
        settings = {
            **{name: value for name, value in os.environ.items() if not name.startswith("OPENGRANT_")},
            **dovecot.settings(),
            "OPENGRANT_DATA_DIR": str(directory / "data"),
            "OPENGRANT_PORT": str(port),
            "OPENGRANT_BOOTSTRAP_API_KEY": _KEY,
            "OPENGRANT_WATCH__CONNECTIONS": "100000",
            "OPENGRANT_WATCH__CONNECTIONS_PER_HOST": "100000",
        }
        server = opened.enter_context(run([sys.executable, "-m", "opengrant", "serve"], log, settings))
        headers = {"Authorization": f"Bearer {_KEY}"}
        client = httpx.Client(base_url=f"http://127.0.0.1:{port}", headers=headers, trust_env=False, timeout=120)
        opened.callback(client.close)
        _until(lambda: healthy(client), "OpenGrant does not start", log)
        _connect(client, dovecot, chosen.mailboxes)
        time.sleep(2)
        process = psutil.Process(server.pid)
        before = process.memory_info().rss
        began = time.perf_counter()
        body = {"webhook_url": inbox.url, "trigger_types": ["message.created"]}
        client.post("/v3/webhooks", json=body).raise_for_status()
        _until(lambda: _listening(client) >= chosen.mailboxes, "not all mailboxes are listened to", log)
        took = time.perf_counter() - began
        time.sleep(5)
        held = (process.memory_info().rss - before) / chosen.mailboxes
        spent = process.cpu_times()
        time.sleep(20)
        idle = process.cpu_times()
        cpu = (idle.user + idle.system - spent.user - spent.system) / 20
        print(
            f"{chosen.mailboxes} mailboxes: {took:.0f} s to begin, {held / 1e3:.1f} KB each,"
            f" {cpu:.1%} of a core at rest"
        )
        _tell_latency(dovecot, inbox, chosen.mailboxes, chosen.mails)
    return 0


def _tell_latency(dovecot: Dovecot, inbox: Inbox, mailboxes: int, mails: int) -> None:
    import ssl  # noqa: PLC0415

    trust = ssl.create_default_context(cafile=str(dovecot.ca_file))
    waits = list[float]()
    for number in range(mails):
        id_ = f"bench{number}@example.com"
        owner = Client(dovecot.imaps, trust, _name(random.randrange(mailboxes)), _PASSWORD)
        inbox.waiting.add(id_)  # type: ignore[attr-defined]
        owner.put(_message(id_))
        at = time.perf_counter()
        _until(lambda id_=id_: id_ in inbox.told, "a message is not told", None, pause=0.005)
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


def _connect(client: httpx.Client, dovecot: Dovecot, mailboxes: int) -> None:
    client.post("/v3/connectors", json={"provider": "imap"}).raise_for_status()
    held = {"imap_password": _PASSWORD, "imap_host": ELSEWHERE, "imap_port": dovecot.imaps}

    def connect(number: int) -> None:
        body = {"provider": "imap", "settings": {**held, "imap_username": _name(number)}}
        client.post("/v3/connect/custom", json=body).raise_for_status()

    with ThreadPoolExecutor(16) as pool:
        list(pool.map(connect, range(mailboxes)))


def _listening(client: httpx.Client) -> float:
    for line in client.get("/metrics").text.splitlines():
        if line.startswith("opengrant_mail_listeners "):
            return float(line.split()[1])
    return 0


def _until(true, otherwise: str, log: Path | None, *, pause: float = 0.2) -> None:  # type: ignore[no-untyped-def]
    deadline = time.monotonic() + _PATIENCE
    while not true():
        if time.monotonic() > deadline:
            raise Unexpected(f"{otherwise}\n{log.read_text()[-3000:] if log else ''}")
        time.sleep(pause)


def _free_port() -> int:
    import socket  # noqa: PLC0415

    with socket.create_server(("127.0.0.1", 0)) as one:
        return int(one.getsockname()[1])


if __name__ == "__main__":
    sys.exit(main())
