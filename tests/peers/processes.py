"""How peers are started and ended.

A peer runs as the user that runs the tests: what it reads lies in the checkout, which other users may be unable to
enter. Only a program that refuses to run as root gets another user, and then all it reads must lie elsewhere.
"""

import contextlib
import os
import signal
import socket
import subprocess

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


def free_ports(count: int) -> list[int]:
    sockets = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    try:
        return [sock.getsockname()[1] for sock in sockets]
    finally:
        for sock in sockets:
            sock.close()
