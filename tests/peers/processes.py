"""How peers are started and ended.

A peer runs as the user that runs the tests: what it reads lies in the checkout, which other users may be unable to
enter. Only a program that refuses to run as root gets another user, and then all it reads must lie elsewhere.
"""

import contextlib
import os
import shutil
import signal
import socket
import subprocess
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import IO, Self

UNPRIVILEGED = ("nobody", "nogroup")
"""User and group of the peers that refuse root, when root runs the tests."""


def tied(ending: str = "SIGKILL", *, refuses_root: bool = False) -> list[str]:
    """The prefix of a command that gets the signal `ending` when the thread that started it ends."""
    drop: list[str] = []
    if refuses_root and os.geteuid() == 0:
        user, group = UNPRIVILEGED
        drop = [f"--reuid={user}", f"--regid={group}", "--clear-groups"]
    return ["setpriv", *drop, f"--pdeathsig={ending}"]


def end_group(process: "subprocess.Popen[bytes]") -> None:
    """Ask it to stop, then end what is left of its process group; it must have been started as the leader of one.

    Children may outlive their parent while they still have clients; they share its group, and nobody else does.
    """
    process.send_signal(signal.SIGTERM)
    with contextlib.suppress(subprocess.TimeoutExpired):
        process.wait(10)
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()


_kept: list[socket.socket] = []


def free_ports(count: int) -> list[int]:
    """Ports of 127.0.0.1 at which nothing listens, for one server each.

    While this process runs, the system gives them to no other: each is kept by a socket that is bound and does not
    listen. A server may listen beside it if it sets SO_REUSEADDR, as all of ours do.
    """
    sockets = [socket.socket() for _ in range(count)]
    for kept in sockets:
        kept.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        kept.bind(("127.0.0.1", 0))
    _kept.extend(sockets)
    return [kept.getsockname()[1] for kept in sockets]


class Peer:
    """A program with a directory of its own, from the beginning of a `with` to its end.

    A subclass has `_start`, which writes what the program reads and calls `_run`, and `_warm_up`, which returns when
    the program answers.
    """

    def __init__(self, name: str) -> None:
        # Not under pytest's own directory: others than root cannot enter that.
        self.dir = Path(tempfile.mkdtemp(prefix=f"{name}-", dir=os.environ.get("PYTEST_DEBUG_TEMPROOT")))
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        try:
            self._start()
            self._warm_up()
        except BaseException:
            self.close()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        if self._process is not None:
            end_group(self._process)
            self._process = None
        shutil.rmtree(self.dir, ignore_errors=True)

    def _run(
        self,
        command: Sequence[str],
        *,
        env: Mapping[str, str] | None = None,
        stderr: int | IO[bytes] = subprocess.DEVNULL,
    ) -> None:
        """Start the program, tied to this process by `tied`."""
        self._process = subprocess.Popen(
            command, cwd=self.dir, env=env, stdout=subprocess.DEVNULL, stderr=stderr, start_new_session=True
        )

    def _start(self) -> None:
        raise NotImplementedError

    def _warm_up(self) -> None:
        raise NotImplementedError
