"""`python -m bench.mail`: what reading a mailbox costs, against a floor that speaks the same IMAP by hand.

The mail server is a real Dovecot behind TLS. A page is the newest 20 of 400 messages of 6 KB, texts too; one message
has 90 KB. CPU is that of the server's process, the least of some rounds, and both sides take turns. Then ten mailboxes
download 20 MB each at once: how much more memory is resident while they do.
"""

import argparse
import contextlib
import hashlib
import json
import random
import ssl
import statistics
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote

import httpx
import psutil
from tests.mail.mailbox import RECEIVED, mail

from bench import sampling
from bench.load import Unexpected
from bench.mailboxes import KEY, PATIENCE, Place, cpu, serving
from bench.proxy import Client
from bench.report import about_the_machine
from bench.stage import first_line, process

_MESSAGES, _PAGE = 400, 20
_AT_ONCE = 10
_LARGE = 20_000_000
_ACCOUNTS = {f"user{number}@example.test": "correct horse" for number in range(_AT_ONCE)}
_READER = next(iter(_ACCOUNTS))
_ID = "<{}@example.com>"
_BIG = 100_000
"""The number of the message of 90 KB."""


@dataclass(frozen=True, slots=True)
class Side:
    """One of the two that are compared."""

    process: psutil.Process
    http: httpx.Client

    def ask(self, path: str) -> Any:
        answer = self.http.get(path)
        if answer.status_code != 200:
            raise Unexpected(f"{path} was answered by {answer.status_code}: {answer.text[:300]}")
        return answer.json()["data"]


def main() -> int:
    parser = argparse.ArgumentParser(prog="bench.mail", description=__doc__)
    parser.add_argument("--calls", type=int, default=100, help="of each turn; 100")
    parser.add_argument("--rounds", type=int, default=5, help="of two turns; 5")
    parser.add_argument("--only", choices=["list", "get", "attachments"], help="all unless told otherwise")
    parser.add_argument("--profile", type=Path, metavar="FILE", help="write there where the event loop spent its time")
    chosen = parser.parse_args()
    launch = ("-m", "bench.sampling", str(chosen.profile)) if chosen.profile else ("-m", "opengrant")
    print(", ".join(f"{name} {value}" for name, value in about_the_machine().items()))
    with serving(accounts=_ACCOUNTS, launch=launch) as place:
        if chosen.only != "attachments":
            _fill(place)
            if chosen.profile:
                sampling.start(place.process.pid)
            with _floor(place) as floor:
                _tell_reading(Side(place.process, place.http), floor, place.grants[_READER], chosen)
        if chosen.only in (None, "attachments"):
            _tell_attachments(place)
    return 0


# ── a page, and one message ───────────────────────────────────────────────────────────────────────────────────


def _fill(place: Place) -> None:
    client = _logged_in(place, _READER)
    words = "Grüße aus dem Büro, und bis bald. "
    client.put(mail(_BIG, html=f"<p>{words}</p>\n" * 1400), 0)
    for number in range(_MESSAGES):
        html = "".join(f"<p>{words * 2}<b>{number}</b></p>\n" for _ in range(40))
        files = [("plan.pdf", b"%PDF" * 200)] if number % 5 == 0 else []
        subject = f"Über Nummer {number}" if number % 2 else None
        client.put(mail(number, subject=subject, html=html, files=files, References=_ID.format(number // 4)), number)
    client.close()


class _Filler(Client):
    def put(self, message: bytes, after: int) -> None:
        when = time.strftime("%d-%b-%Y %H:%M:%S +0000", time.gmtime(RECEIVED + after))
        self.append(message, f'INBOX "{when}"'.encode())


def _logged_in(place: Place, name: str) -> _Filler:
    trust = ssl.create_default_context(cafile=str(place.dovecot.ca_file))
    return _Filler(place.dovecot.imaps, trust, name, _ACCOUNTS[name])


@contextlib.contextmanager
def _floor(place: Place) -> Iterator[Side]:
    config = {
        "port": place.dovecot.imaps,
        "ca_file": str(place.dovecot.ca_file),
        "username": _READER,
        "password": _ACCOUNTS[_READER],
        "key": KEY,
        "grant": place.grants[_READER],
    }
    with tempfile.TemporaryDirectory(prefix="opengrant-bench-") as directory:
        log = Path(directory) / "floor.log"
        with process("bench.floor_mail", json.dumps(config), log=log) as floor:
            base = f"http://127.0.0.1:{first_line(floor)['port']}"
            headers = {"Authorization": f"Bearer {KEY}"}
            with httpx.Client(base_url=base, headers=headers, trust_env=False, timeout=PATIENCE) as http:
                yield Side(psutil.Process(floor.pid), http)


def _tell_reading(ours: Side, floor: Side, grant: str, chosen: argparse.Namespace) -> None:
    at = f"/v3/grants/{grant}/messages"
    for name, path in (
        (f"list {_PAGE}", f"{at}?in=INBOX&limit={_PAGE}"),
        ("get 90 KB", f"{at}/{quote(_ID.format(_BIG), safe='')}"),
    ):
        if chosen.only and not name.startswith(chosen.only):
            continue
        if ours.ask(path) != floor.ask(path):
            raise Unexpected(f"{name}: {_difference(ours.ask(path), floor.ask(path))}")
        turns = [(_turn(ours, path, chosen.calls), _turn(floor, path, chosen.calls)) for _ in range(chosen.rounds)]
        ours_cpu, floors_cpu = (min(turn[side][0] for turn in turns) for side in (0, 1))
        ours_time, floors_time = (statistics.median(turn[side][1] for turn in turns) for side in (0, 1))
        print(
            f"{name}: {ours_cpu * 1e3:.2f} ms CPU (floor {floors_cpu * 1e3:.2f}, ratio {floors_cpu / ours_cpu:.2f}),"
            f" {ours_time * 1e3:.1f} ms a call (floor {floors_time * 1e3:.1f}, ratio {floors_time / ours_time:.2f})"
        )


def _difference(ours: Any, floors: Any) -> str:
    """The first member in which two answers differ."""
    pairs = zip(ours, floors, strict=True) if isinstance(ours, list) else [(ours, floors)]
    return next(
        f"{one[key]!r:.300} is {other.get(key)!r:.300} at the floor, {key} of {one['id']}"
        for one, other in pairs
        for key in one.keys() | other.keys()
        if one.get(key) != other.get(key)
    )


def _turn(side: Side, path: str, calls: int) -> tuple[float, float]:
    """CPU of a call, and the median of the time it takes."""
    side.ask(path)
    before, took = cpu(side.process), list[float]()
    for _ in range(calls):
        began = time.perf_counter()
        side.http.get(path).read()
        took.append(time.perf_counter() - began)
    return (cpu(side.process) - before) / calls, statistics.median(took)


# ── attachments ───────────────────────────────────────────────────────────────────────────────────────────────


def _tell_attachments(place: Place) -> None:
    content = random.Random(1).randbytes(_LARGE)
    wanted = hashlib.sha256(content).digest()
    message = mail(_BIG + 1, files=[("large.pdf", content)])
    paths = list[str]()
    for name, grant in place.grants.items():
        client = _logged_in(place, name)
        client.put(message, _MESSAGES + 1)
        client.close()
        at = f"/v3/grants/{grant}/messages/{quote(_ID.format(_BIG + 1), safe='')}/attachments"
        paths.append(f"{at}/{place.http.get(at).json()['data'][0]['id']}/download")
    _download(place.http, paths[0], wanted)  # what the first download leaves is there before
    time.sleep(1)
    with _peak(place.process) as more, ThreadPoolExecutor(_AT_ONCE) as pool:
        began, before = time.perf_counter(), cpu(place.process)
        list(pool.map(lambda path: _download(place.http, path, wanted), paths))
        took = time.perf_counter() - began
    print(
        f"{len(paths)} attachments of {_LARGE // 1_000_000} MB at once: {more() / 1e6:.1f} MB more resident,"
        f" {(cpu(place.process) - before) / len(paths) * 1e3:.0f} ms CPU each, {took:.1f} s in all"
    )


def _download(http: httpx.Client, path: str, wanted: bytes) -> None:
    digest = hashlib.sha256()
    with http.stream("GET", path) as answer:
        for piece in answer.iter_bytes():
            digest.update(piece)
    if digest.digest() != wanted:
        raise Unexpected(f"{path} came out differently")


@contextlib.contextmanager
def _peak(process: psutil.Process) -> Iterator[Callable[[], int]]:
    """How much more memory than now was resident at most."""
    before, ended = process.memory_info().rss, threading.Event()
    peak = before

    def watch() -> None:
        nonlocal peak
        while not ended.wait(0.01):
            peak = max(peak, process.memory_info().rss)

    watcher = threading.Thread(target=watch)
    watcher.start()
    try:
        yield lambda: peak - before
    finally:
        ended.set()
        watcher.join()


if __name__ == "__main__":
    sys.exit(main())
