"""`python -m bench.sending`: what sending a message costs, against a floor that speaks the same SMTP and IMAP by hand.

The mail servers are a real Postfix and a real Dovecot, both behind TLS. A message has 6 KB of HTML and one recipient.
CPU is that of the server's process, the least of some rounds, and both sides take turns.
"""

import argparse
import contextlib
import json
import statistics
import sys
import tempfile
import time
from collections.abc import Iterator
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

_SENDER, _PASSWORD = next(iter(ACCOUNTS.items()))  # Postfix looks at this one when it starts
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
    path: str

    def send(self) -> Any:
        answer = self.http.post(self.path, json=_SAID)
        if answer.status_code != 200:
            raise Unexpected(f"sending was answered by {answer.status_code}: {answer.text[:300]}")
        return answer.json()["data"]


def main() -> int:
    parser = argparse.ArgumentParser(prog="bench.sending", description=__doc__)
    parser.add_argument("--calls", type=int, default=100, help="of each turn; 100")
    parser.add_argument("--rounds", type=int, default=5, help="of two turns; 5")
    parser.add_argument("--profile", type=Path, metavar="FILE", help="write there where the event loop spent its time")
    chosen = parser.parse_args()
    launch = ("-m", "bench.sampling", str(chosen.profile)) if chosen.profile else ("-m", "opengrant")
    print(", ".join(f"{name} {value}" for name, value in about_the_machine().items()))
    with serving(accounts={_SENDER: _PASSWORD}, launch=launch) as place, Postfix(place.dovecot) as postfix:
        grant = _connect(place, postfix)
        ours = Side(place.process, place.http, f"/v3/grants/{grant}/messages/send")
        with _floor(place, postfix, grant) as floor:
            if chosen.profile:
                sampling.start(place.process.pid)
            _tell(ours, floor, chosen)
    return 0


def _connect(place: Place, postfix: Postfix) -> str:
    """The id of the grant, which sends by Postfix from now on."""
    held = {
        "imap_username": _SENDER,
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
def _floor(place: Place, postfix: Postfix, grant: str) -> Iterator[Side]:
    config = {
        "imap": place.dovecot.imaps,
        "smtp": postfix.submissions,
        "ca_file": str(place.dovecot.ca_file),
        "username": _SENDER,
        "password": _PASSWORD,
        "key": KEY,
        "grant": grant,
    }
    with tempfile.TemporaryDirectory(prefix="opengrant-bench-") as directory:
        log = Path(directory) / "floor.log"
        with process("bench.floor_sending", json.dumps(config), log=log) as floor:
            base = f"http://127.0.0.1:{first_line(floor)['port']}"
            headers = {"Authorization": f"Bearer {KEY}"}
            with httpx.Client(base_url=base, headers=headers, trust_env=False, timeout=PATIENCE) as http:
                yield Side(psutil.Process(floor.pid), http, "/send")


def _tell(ours: Side, floor: Side, chosen: argparse.Namespace) -> None:
    first, other = (
        {name: value for name, value in side.send().items() if name not in _VARIES} for side in (ours, floor)
    )
    if first != other:
        raise Unexpected(f"{first} is {other} at the floor")
    turns = [(_turn(ours, chosen.calls), _turn(floor, chosen.calls)) for _ in range(chosen.rounds)]
    ours_cpu, floors_cpu = (min(turn[side][0] for turn in turns) for side in (0, 1))
    ours_time, floors_time = (statistics.median(turn[side][1] for turn in turns) for side in (0, 1))
    print(
        f"send: {ours_cpu * 1e3:.2f} ms CPU (floor {floors_cpu * 1e3:.2f}, ratio {floors_cpu / ours_cpu:.2f}),"
        f" {ours_time * 1e3:.1f} ms a call (floor {floors_time * 1e3:.1f}, ratio {floors_time / ours_time:.2f})"
    )


def _turn(side: Side, calls: int) -> tuple[float, float]:
    """CPU of a call, and the median of the time it takes."""
    side.send()
    before, took = cpu(side.process), list[float]()
    for _ in range(calls):
        began = time.perf_counter()
        side.send()
        took.append(time.perf_counter() - began)
    return (cpu(side.process) - before) / calls, statistics.median(took)


if __name__ == "__main__":
    sys.exit(main())
