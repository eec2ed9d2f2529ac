"""Several workers: one that ends is replaced, and none outlives its parent."""

import contextlib
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import httpx
import psutil

from tests.cli.test_commands import environment
from tests.peers.processes import free_ports
from tests.tracing.collector import Collector

_WITHIN = 100.0


@contextlib.contextmanager
def two_workers(directory: Path, **settings: str) -> Iterator[tuple[psutil.Popen, str]]:
    """The parent process of two workers, and their URL."""
    (port,) = free_ports(1)
    env = environment(directory, {"OPENGRANT_WORKERS": "2", "OPENGRANT_PORT": str(port), **settings})
    with (directory / "log").open("ab") as log:
        parent = psutil.Popen(
            [sys.executable, "-m", "opengrant", "serve"], env=env, stdout=subprocess.DEVNULL, stderr=log
        )
    try:
        yield parent, f"http://127.0.0.1:{port}"
    finally:
        family = [parent, *workers_of(parent)]
        with contextlib.suppress(psutil.NoSuchProcess):  # it has ended in the test
            parent.terminate()
        _, left = psutil.wait_procs(family, 60)
        for process in left:
            process.kill()
        assert left == []


def workers_of(parent: psutil.Process) -> Sequence[psutil.Process]:
    try:
        return parent.children()
    except psutil.NoSuchProcess:
        return []


def when(true: Callable[[], bool], what: str) -> None:
    deadline = time.monotonic() + _WITHIN
    while not true():
        assert time.monotonic() < deadline, what
        time.sleep(0.02)


def serving(directory: Path) -> int:
    """How often a worker has said that it serves."""
    return (directory / "log").read_text().count('"event":"serving"')


def measured_memory(url: str) -> float:
    found = re.search(r"^opengrant_process_resident_memory_bytes (\S+)", httpx.get(f"{url}/metrics").text, re.MULTILINE)
    assert found is not None
    return float(found[1])


def test_a_worker_that_dies_is_replaced_and_each_sends_spans_of_its_own(tmp_path: Path) -> None:
    # Traces that a caller has begun and samples, and none of our own.
    env = {"OTEL_TRACES_SAMPLER": "parentbased_always_off"}
    with Collector().running() as collector, two_workers(tmp_path, **collector.env, **env) as (parent, url):
        when(lambda: serving(tmp_path) == 2, "two workers did not come up")
        before = {worker.pid for worker in workers_of(parent)}
        assert len(before) == 2
        psutil.Process(min(before)).kill()
        when(lambda: serving(tmp_path) == 3, "the worker was not replaced")
        after = {worker.pid for worker in workers_of(parent)}
        assert len(after) == 2
        assert len(after & before) == 1
        assert httpx.get(f"{url}/readyz").status_code == 200
        when(lambda: len(_processes_that_trace(url, collector)) == 2, "both workers did not send spans")
        # Of both workers together, without the one that was killed.
        when(
            lambda: measured_memory(url) > 1.5 * max(worker.memory_info().rss for worker in workers_of(parent)),
            "memory",
        )
        assert measured_memory(url) < 1.5 * sum(worker.memory_info().rss for worker in workers_of(parent))
        parent.terminate()
        assert parent.wait(60) == 0
    assert {(span.trace, span.name) for span in collector.spans()} == {("a1" * 16, "GET /v3/grants")}
    ended = (tmp_path / "log").read_text().count('"event":"worker_ended"')
    assert ended == 3


def _processes_that_trace(url: str, collector: Collector) -> set[str]:
    for headers in ({"traceparent": f"00-{'a1' * 16}-{'b2' * 8}-01"}, {}):
        # A connection each: any of the workers may take it.
        with httpx.Client(verify=False, trust_env=False) as client:
            assert client.get(f"{url}/v3/grants", headers=headers).status_code == 401
    return {span.process["service.instance.id"] for span in collector.spans()}


def test_workers_stop_in_order_when_their_parent_is_killed(tmp_path: Path) -> None:
    with two_workers(tmp_path) as (parent, _):
        when(lambda: serving(tmp_path) == 2, "two workers did not come up")
        workers = workers_of(parent)
        parent.send_signal(signal.SIGKILL)
        _, left = psutil.wait_procs(workers, _WITHIN)
        assert left == []
    assert (tmp_path / "log").read_text().count('"event":"stopping"') == 2


def test_a_start_that_cannot_be_says_so_once(tmp_path: Path) -> None:
    with two_workers(tmp_path, OPENGRANT_MASTER_KEYS="k1:not-a-key") as (parent, _):
        assert parent.wait(_WITHIN) == 1
    said = (tmp_path / "log").read_text().splitlines()
    assert len(said) == 1
    assert said[0].startswith("opengrant: ")
