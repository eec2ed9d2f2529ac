"""A closed loop over keep-alive connections: each sends its next request when the answer to the last has come.

With a rate the connections send at fixed times instead, spread evenly. A latency then counts from the time at which the
request was due, so that a server that answers late cannot put off the requests after it.

Requests are bytes made beforehand; of an answer only the status and the length are read. That costs about 20 µs a
request, so that the load takes little of the machine it shares with what it measures.
"""

import asyncio
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import partial
from typing import Self, cast

import psutil

_PATIENCE = 30.0
"""Seconds that requests under way may take to finish after the last was sent."""


class Unexpected(Exception):
    """An answer that should not be: a number measured with it would mean nothing."""


@dataclass(slots=True)
class Sample:
    """What was measured; samples of the same thing add up.

    seconds    wall clock
    latencies  seconds of each request, in no order
    cpu        seconds of CPU, all threads, of the process that answered
    """

    seconds: float = 0.0
    latencies: list[float] = field(default_factory=list)
    cpu: float = 0.0

    def add(self, other: Self) -> None:
        self.seconds += other.seconds
        self.latencies += other.latencies
        self.cpu += other.cpu

    @property
    def rate(self) -> float:
        """Requests per second."""
        return len(self.latencies) / self.seconds

    @property
    def cpu_each(self) -> float:
        """Microseconds of CPU for one request."""
        return self.cpu / len(self.latencies) * 1e6

    @property
    def busy(self) -> float:
        """Cores in use: far below 1, something else than the server was the limit."""
        return self.cpu / self.seconds

    def percentile(self, percent: float) -> float:
        """Milliseconds."""
        ordered = sorted(self.latencies)
        return ordered[min(len(ordered) - 1, int(len(ordered) * percent / 100))] * 1e3


async def measure(
    port: int,
    pid: int,
    requests: Iterator[bytes],
    *,
    status: int,
    concurrency: int,
    warm_up: float,
    seconds: float,
    rate: float | None = None,
) -> Sample:
    """Send `requests` to 127.0.0.1:`port`, whose process is `pid`, for `warm_up` seconds and then `seconds` more.

    rate  requests in a second, of all connections together; None: as fast as they are answered
    Raises Unexpected for any status but `status`, for a lost connection, and when an answer does not come.
    """
    loop = asyncio.get_running_loop()
    run = _Run(requests, b"HTTP/1.1 %d " % status, loop.create_future(), concurrency, concurrency, rate)
    began = time.perf_counter()
    for number in range(concurrency):
        await loop.create_connection(partial(_Connection, run, began + number / (rate or 1e6)), "127.0.0.1", port)
    process = psutil.Process(pid)
    await run.last(warm_up)
    run.latencies.clear()
    began, spent = time.perf_counter(), _cpu(process)
    await run.last(seconds)
    sample = Sample(time.perf_counter() - began, run.latencies.copy(), _cpu(process) - spent)
    run.over = True
    try:
        await asyncio.wait_for(run.ended, _PATIENCE)
    except TimeoutError:
        raise Unexpected(f"{run.open} answers did not come within {_PATIENCE:.0f} s") from None
    if not sample.latencies:
        raise Unexpected(f"no answer came within {seconds} s")
    return sample


def _cpu(process: psutil.Process) -> float:
    times = process.cpu_times()
    return times.user + times.system


@dataclass(slots=True)
class _Run:
    """What the connections of one measurement share. `ended` is done when all have closed, or one has failed."""

    requests: Iterator[bytes]
    expected: bytes
    ended: asyncio.Future[None]
    open: int
    concurrency: int
    rate: float | None
    latencies: list[float] = field(default_factory=list)
    over: bool = False

    async def last(self, seconds: float) -> None:
        await asyncio.wait([self.ended], timeout=seconds)
        if self.ended.done():
            self.ended.result()

    def fail(self, why: str) -> None:
        if not self.ended.done():
            self.ended.set_exception(Unexpected(why))


class _Connection(asyncio.Protocol):
    def __init__(self, run: _Run, due: float) -> None:
        self._run = run
        self._partial = b""
        self._due = due

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)
        self._send_in_time()

    def data_received(self, data: bytes) -> None:
        if self._partial:
            data = self._partial + data
        head = data.find(b"\r\n\r\n")
        if head < 0:
            self._partial = data
            return
        at = data.find(b"content-length: ", 0, head) + 16
        if len(data) < head + 4 + int(data[at : data.index(b"\r", at)]):
            self._partial = data
            return
        self._partial = b""
        run = self._run
        run.latencies.append(time.perf_counter() - self._sent)
        if not data.startswith(run.expected):
            run.fail(f"expected {run.expected.decode()}but got {data[:1000].decode(errors='replace')}")
        if run.over or run.ended.done():
            self._transport.close()
        else:
            self._send_in_time()

    def connection_lost(self, error: Exception | None) -> None:
        run = self._run
        if not run.over:
            run.fail(f"the server closed a connection: {error}")
        run.open -= 1
        if run.open == 0 and not run.ended.done():
            run.ended.set_result(None)

    def _send_in_time(self) -> None:
        run = self._run
        if run.rate is None:
            self._due = time.perf_counter()
            self._send()
        else:
            self._due += run.concurrency / run.rate
            asyncio.get_running_loop().call_later(max(0.0, self._due - time.perf_counter()), self._send)

    def _send(self) -> None:
        if self._run.over or self._run.ended.done():
            self._transport.close()
            return
        request = next(self._run.requests, None)
        if request is None:
            self._run.fail("there are no more requests of this kind: measure for a shorter time")
            return
        self._sent = self._due
        self._transport.write(request)
