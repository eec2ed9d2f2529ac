"""`python -m bench.sending`: what sending a message costs, against a floor that speaks the same SMTP and IMAP by hand.

The mail servers are a real Postfix and a real Dovecot, both behind TLS. A message has 6 KB of HTML and one recipient.
Eight mailboxes send at once. CPU is that of the server's process, the least of some rounds, and both sides take turns.
"""

import argparse
import contextlib
import json
import sys
import tempfile
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import psutil
from tests.peers.dovecot import ACCOUNTS, ELSEWHERE
from tests.peers.postfix import Postfix

from bench import sampling
from bench.load import Unexpected
from bench.mailboxes import KEY, PATIENCE, Place, cpu, serving
from bench.report import about_the_machine
from bench.stage import first_line, process

_FIRST, _PASSWORD = next(iter(ACCOUNTS.items()))  # Postfix looks at this one when it starts
_SENDERS = (_FIRST, *(f"user{number}@example.test" for number in range(7)))
_SAID = {
    "to": [{"email": "ana@example.com", "name": "Ana"}],
    "subject": "Lunch",
    "body": "".join(f"<p>What is said in line {number} of the message, and a bit more.</p>\n" for number in range(90)),
}
_VARIES = frozenset({"id", "thread_id", "date", "created_at"})


@dataclass(frozen=True, slots=True)
class Side:
    """One of the two that are compared."""

    process: psutil.Process
    http: httpx.Client

    def send(self, grant: str) -> Any:
        answer = self.http.post(f"/v3/grants/{grant}/messages/send", json=_SAID)
        if answer.status_code != 200:
            raise Unexpected(f"sending was answered by {answer.status_code}: {answer.text[:300]}")
        return answer.json()["data"]


def main() -> int:
    parser = argparse.ArgumentParser(prog="bench.sending", description=__doc__)
    parser.add_argument("--calls", type=int, default=20, help="of each turn and mailbox; 20")
    parser.add_argument("--rounds", type=int, default=5, help="of two turns; 5")
    parser.add_argument("--profile", type=Path, metavar="FILE", help="write there where the event loop spent its time")
    chosen = parser.parse_args()
    launch = ("-m", "bench.sampling", str(chosen.profile)) if chosen.profile else ("-m", "opengrant")
    print(", ".join(f"{name} {value}" for name, value in about_the_machine().items()))
    accounts = dict.fromkeys(_SENDERS, _PASSWORD)
    with serving(accounts=accounts, launch=launch) as place, Postfix(place.dovecot) as postfix:
        grants = {_connect(place, postfix, name): name for name in _SENDERS}
        with _floor(place, postfix, grants) as floor:
            if chosen.profile:
                sampling.start(place.process.pid)
            _tell(Side(place.process, place.http), floor, list(grants), chosen)
    return 0


def _connect(place: Place, postfix: Postfix, name: str) -> str:
    """The id of the grant, which sends by Postfix from now on."""
    held = {
        "imap_username": name,
        "imap_password": _PASSWORD,
        "imap_host": ELSEWHERE,
        "imap_port": place.dovecot.imaps,
        "smtp_host": ELSEWHERE,
        "smtp_port": postfix.submissions,
    }
    made = place.http.post("/v3/connect/custom", json={"provider": "imap", "settings": held})
    made.raise_for_status()
    return str(made.json()["data"]["id"])


@contextlib.contextmanager
def _floor(place: Place, postfix: Postfix, grants: dict[str, str]) -> Iterator[Side]:
    config = {
        "imap": place.dovecot.imaps,
        "smtp": postfix.submissions,
        "ca_file": str(place.dovecot.ca_file),
        "password": _PASSWORD,
        "key": KEY,
        "grants": grants,
    }
    with tempfile.TemporaryDirectory(prefix="opengrant-bench-") as directory:
        log = Path(directory) / "floor.log"
        with process("bench.floor_sending", json.dumps(config), log=log) as floor:
            base = f"http://127.0.0.1:{first_line(floor)['port']}"
            headers = {"Authorization": f"Bearer {KEY}"}
            with httpx.Client(base_url=base, headers=headers, trust_env=False, timeout=PATIENCE) as http:
                yield Side(psutil.Process(floor.pid), http)


def _tell(ours: Side, floor: Side, grants: list[str], chosen: argparse.Namespace) -> None:
    for grant in grants:
        first, other = (
            {name: value for name, value in side.send(grant).items() if name not in _VARIES} for side in (ours, floor)
        )
        if first != other:
            raise Unexpected(f"{first} is {other} at the floor")
    with ThreadPoolExecutor(len(grants)) as pool:
        turns = [
            (_turn(ours, grants, pool, chosen.calls), _turn(floor, grants, pool, chosen.calls))
            for _ in range(chosen.rounds)
        ]
    ours_cpu, floors_cpu = (min(turn[side][0] for turn in turns) for side in (0, 1))
    ours_rate, floors_rate = (max(turn[side][1] for turn in turns) for side in (0, 1))
    print(
        f"send: {ours_cpu * 1e3:.2f} ms CPU (floor {floors_cpu * 1e3:.2f}, ratio {floors_cpu / ours_cpu:.2f}),"
        f" {ours_rate:.0f} a second (floor {floors_rate:.0f})"
    )


def _turn(side: Side, grants: list[str], pool: ThreadPoolExecutor, calls: int) -> tuple[float, float]:
    """CPU of a message, and messages a second."""
    before, began = cpu(side.process), time.perf_counter()
    list(pool.map(side.send, grants * calls))
    count = calls * len(grants)
    return (cpu(side.process) - before) / count, count / (time.perf_counter() - began)


if __name__ == "__main__":
    sys.exit(main())
