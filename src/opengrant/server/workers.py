"""Several worker processes: forked from one that has loaded everything, replaced when they end.

A forked worker shares the memory of what was loaded before, so it costs a third of a started one and serves at once.
The parent opens nothing that a fork would break: no database, no event loop, no thread.
"""

import os
import signal
import sys
from collections.abc import Callable

import structlog

from opengrant.server.uvicorn_server import STOP

log = structlog.get_logger()

_PAUSE = 1.0
"""Seconds before a worker is replaced: one that cannot start must not keep the machine busy."""

Work = Callable[[int], None]
"""What a worker does. It gets a file descriptor that reads as ended when the parent has ended, however it did."""


def in_child(work: Callable[[], None]) -> None:
    """Do something in a process of its own, and wait. Raises SystemExit when it fails; it has said why."""
    pid = os.fork()
    if pid == 0:
        work()
        sys.exit(0)
    if os.waitpid(pid, 0)[1]:
        sys.exit(1)


class Workers:
    """Call `run` in a process with one thread."""

    def __init__(self, count: int, work: Work) -> None:
        self._count, self._work = count, work
        self._pids: set[int] = set()
        self._stopping = False

    def run(self) -> None:
        """Until SIGTERM or SIGINT; then all workers are told to stop, and waited for."""
        signals = {*STOP, signal.SIGCHLD}
        # A blocked signal waits until sigwait asks for it: none is lost, and none interrupts a fork.
        before = signal.pthread_sigmask(signal.SIG_BLOCK, signals)
        alive = os.pipe()
        while self._pids or not self._stopping:
            while not self._stopping and len(self._pids) < self._count:
                self._start(alive, before)
            if signal.sigwait(signals) in STOP or (self._remove_ended() and self._told_to_stop_within(_PAUSE)):
                self._stop()
        for end in alive:
            os.close(end)
        signal.pthread_sigmask(signal.SIG_SETMASK, before)

    def _start(self, alive: tuple[int, int], mask: set[int]) -> None:
        pid = os.fork()
        if pid:
            self._pids.add(pid)
            return
        os.close(alive[1])
        os.setpgid(0, 0)  # Ctrl-C in a terminal is for the parent, which stops its workers in order
        signal.pthread_sigmask(signal.SIG_SETMASK, mask)
        self._work(alive[0])
        sys.exit(0)

    def _told_to_stop_within(self, seconds: float) -> bool:
        return not self._stopping and signal.sigtimedwait(STOP, seconds) is not None

    def _stop(self) -> None:
        self._stopping = True
        for pid in self._pids:
            os.kill(pid, signal.SIGTERM)

    def _remove_ended(self) -> bool:
        """Whether a worker has ended."""
        ended = {pid: status for pid in self._pids for found, status in [os.waitpid(pid, os.WNOHANG)] if found}
        self._pids -= ended.keys()
        for pid, status in ended.items():
            log.info("worker_ended", pid=pid, status=os.waitstatus_to_exitcode(status))
        return bool(ended)
