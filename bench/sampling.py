"""A sampling profiler for the event loop's thread, with what Python brings.

`python -m bench.sampling FILE serve` is `opengrant serve` that, from SIGUSR1 on, looks at its main thread's stack
every two milliseconds of CPU time, and writes at its end to FILE how often each function was met. Time in C counts
for the Python function that called it. Other threads are counted by the kernel alone: `threads`.
"""

import os
import signal
import sys
from collections import Counter, defaultdict
from collections.abc import Mapping
from pathlib import Path
from types import FrameType

import psutil

EVERY = 0.002
_SHOWN = 30

_at_work: Counter[str] = Counter()
"""The function was on top."""
_under_way: Counter[str] = Counter()
"""The function was anywhere on the stack."""


def start(pid: int) -> None:
    os.kill(pid, signal.SIGUSR1)


def threads(pid: int) -> Mapping[str, float]:
    """Seconds of CPU so far: of the event loop, and of other threads by the name the system knows them by."""
    spent = defaultdict[str, float](float)
    for thread in psutil.Process(pid).threads():
        name = Path(f"/proc/{pid}/task/{thread.id}/comm").read_text().strip()
        label = "event loop" if thread.id == pid else f"other threads ({name})"
        spent[label] += thread.user_time + thread.system_time
    return spent


def _begin(_: int, __: FrameType | None) -> None:
    signal.setitimer(signal.ITIMER_PROF, EVERY, EVERY)


def _look(_: int, frame: FrameType | None) -> None:
    names = []
    while frame is not None:
        code = frame.f_code
        parts = Path(code.co_filename).parts[-2:]
        names.append(f"{'/'.join(parts)}:{code.co_qualname}")
        frame = frame.f_back
    if names:
        _at_work[names[0]] += 1
        _under_way.update(set(names))


def _write(path: Path) -> None:
    total = max(1, _at_work.total())
    lines = [f"{total} samples of the event loop's thread"]
    for title, counts in (("itself", _at_work), ("with what it calls", _under_way)):
        lines.append(f"\n{title:>22}")
        # What is on every stack is only how the program began.
        telling = [(name, count) for name, count in counts.most_common() if count < total]
        lines += [f"{count / total:>22.1%}  {name}" for name, count in telling[:_SHOWN]]
    path.write_text("\n".join(lines) + "\n")


def main() -> None:
    from opengrant.cli.main import main as opengrant  # noqa: PLC0415 -- importing this file must not load the server

    path = Path(sys.argv.pop(1))
    signal.signal(signal.SIGPROF, _look)
    signal.signal(signal.SIGUSR1, _begin)
    try:
        opengrant()
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)
        _write(path)


if __name__ == "__main__":
    main()
