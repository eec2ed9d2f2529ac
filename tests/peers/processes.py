"""Ending a peer together with the processes it has started."""

import contextlib
import os
import signal
import subprocess


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
