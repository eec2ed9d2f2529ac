"""`opengrant …` in processes of its own that start at once: forked from one that has loaded everything already.

Loading costs more than most commands do, and the suite starts hundreds. Apart from that they are what a shell would
start: own environment, own output, real signals, real exit status. One test still starts each the long way
(tests/cli/test_commands.py).

    test ── request, output files ──▶ nursery ── forks ──▶ guard ── forks ──▶ opengrant
      ◀───────────────── process id, then exit status ───────┘

Nobody outlives whoever started it: the nursery ends with its socket, guards and programs with their parents.
"""

import atexit
import contextlib
import ctypes
import functools
import gc
import importlib
import json
import os
import select
import signal
import socket
import struct
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import IO, NoReturn

CLOCK_AHEAD = "CLOCK_AHEAD"
"""In a program's environment: by how many seconds its clock is ahead of this machine's."""
_ROOT = Path(__file__).parents[1]
_PDEATHSIG = 1
_LONGEST_REQUEST = 256 * 1024
_NUMBER = struct.Struct("i")
_asking = threading.Lock()


class Process:
    """A running `opengrant`, with what is needed of subprocess.Popen."""

    def __init__(self, report: socket.socket) -> None:
        self._report = report
        self.pid = _number(report)
        self.returncode: int | None = None

    def poll(self) -> int | None:
        """The exit status, negative for a signal; None while it runs."""
        if self.returncode is None and select.select([self._report], [], [], 0)[0]:
            self.returncode = os.waitstatus_to_exitcode(_number(self._report))
            self._report.close()
        return self.returncode

    def wait(self, timeout: float) -> int:
        """The exit status. Raises subprocess.TimeoutExpired."""
        if self.returncode is None and not select.select([self._report], [], [], timeout)[0]:
            raise subprocess.TimeoutExpired("opengrant", timeout)
        status = self.poll()
        assert status is not None
        return status

    def send_signal(self, number: int) -> None:
        if self.poll() is None:
            with contextlib.suppress(ProcessLookupError):  # it has just ended, and its report is on the way
                os.kill(self.pid, number)

    def terminate(self) -> None:
        self.send_signal(signal.SIGTERM)

    def kill(self) -> None:
        self.send_signal(signal.SIGKILL)


def start(arguments: Sequence[str], *, env: Mapping[str, str], stdout: IO[bytes], stderr: IO[bytes]) -> Process:
    """Start `opengrant ARGUMENTS…`."""
    ours, theirs = socket.socketpair()
    with theirs:
        request = json.dumps({"arguments": list(arguments), "env": dict(env)}).encode()
        with _asking:
            socket.send_fds(_nursery(), [request], [theirs.fileno(), stdout.fileno(), stderr.fileno()])
    return Process(ours)


def run(arguments: Sequence[str], *, env: Mapping[str, str], timeout: float) -> subprocess.CompletedProcess[str]:
    """Run `opengrant ARGUMENTS…` to its end. Raises subprocess.TimeoutExpired, after killing it."""
    with tempfile.TemporaryFile() as stdout, tempfile.TemporaryFile() as stderr:
        process = start(arguments, env=env, stdout=stdout, stderr=stderr)
        try:
            status = process.wait(timeout)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait(timeout)
            raise
        printed = []
        for file in (stdout, stderr):
            file.seek(0)
            printed.append(file.read().decode())
        return subprocess.CompletedProcess(["opengrant", *arguments], status, *printed)


@functools.cache
def _nursery() -> socket.socket:
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    with theirs:
        process = subprocess.Popen(
            [sys.executable, "-m", "tests.warm", str(theirs.fileno())],
            cwd=_ROOT,
            pass_fds=[theirs.fileno()],
            stdin=subprocess.DEVNULL,
        )

    def end() -> None:
        ours.close()
        process.wait(60)

    atexit.register(end)
    return ours


def _number(channel: socket.socket) -> int:
    sent = channel.recv(_NUMBER.size, socket.MSG_WAITALL)
    assert len(sent) == _NUMBER.size, "the nursery is gone"
    return int(_NUMBER.unpack(sent)[0])


# ── in the nursery ────────────────────────────────────────────────────────────────────────────────────────────


def _breed(requests: socket.socket) -> bool:
    """Fork a program for each request. Returns True in a program, False in the nursery at its end."""
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # guards need nobody to wait for them
    gc.freeze()
    while True:
        request, files, *_ = socket.recv_fds(requests, _LONGEST_REQUEST, 3)
        if not request:
            return False
        if os.fork() == 0:
            requests.close()
            return _guard(json.loads(request), *files)
        for file in files:
            os.close(file)


def _guard(request: Mapping[str, object], report: int, stdout: int, stderr: int) -> bool:
    """Fork the program and tell how it ends. Only the program returns."""
    _die_with_parent()
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    pid = os.fork()
    if pid != 0:
        os.write(report, _NUMBER.pack(pid))
        os.write(report, _NUMBER.pack(os.waitpid(pid, 0)[1]))
        os._exit(0)
    _die_with_parent()
    os.close(report)
    os.dup2(stdout, 1)
    os.dup2(stderr, 2)
    os.close(stdout)
    os.close(stderr)
    os.environ.clear()
    os.environ.update(request["env"])  # type: ignore[call-overload] # as sent by start()
    _set_clock(int(os.environ.pop(CLOCK_AHEAD, "0")))
    sys.argv = ["opengrant", *request["arguments"]]  # type: ignore[misc] # likewise
    importlib.reload(importlib.import_module("opengrant.failpoints"))  # the one module that looks at the environment
    return True


def _set_clock(seconds: int) -> None:
    """As if this machine's clock went ahead by so much, or was behind."""
    if seconds:
        wall, wall_ns = time.time, time.time_ns
        time.time = lambda: wall() + seconds
        time.time_ns = lambda: wall_ns() + seconds * 1_000_000_000


def _to_the_end(program: Callable[[], None]) -> NoReturn:
    """Run it and end as Python does, but free no memory: most of it is the nursery's and would have to be copied first,
    which takes longer than many commands do."""
    status: object = None
    try:
        program()
    except SystemExit as end:
        status = end.code
    if not isinstance(status, int | None):
        sys.exit(str(status))
    threading._shutdown()  # type: ignore[attr-defined] # waits for threads
    atexit._run_exitfuncs()
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(status or 0)


def _die_with_parent() -> None:
    ctypes.CDLL(None).prctl(_PDEATHSIG, signal.SIGKILL)


if __name__ == "__main__":
    from opengrant.cli import (
        applications,
        audit,
        commands,
        console,
        domains,
        grants,
        keys,
        service_accounts,
        signing_keys,
        webhooks,
    )
    from opengrant.cli import main as cli
    from opengrant.net.mail_login import shared_tls_context
    from opengrant.server import process, warm_up
    from opengrant.server.doctor import examine

    del applications, audit, commands, console, domains, examine, grants, keys, process
    del service_accounts, signing_keys, webhooks
    warm_up.load(None)  # what a server loads once it serves
    shared_tls_context(None)  # the certificate authorities
    if _breed(socket.socket(fileno=int(sys.argv[1]))):
        _to_the_end(cli.main)
