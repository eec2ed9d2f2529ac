"""The numbers as a table for people and as JSON for scripts."""

import os
import platform
from dataclasses import dataclass, field
from datetime import UTC, datetime
from statistics import median
from typing import Any

from bench.lines import Line
from bench.load import Sample

AIMS = {
    "get": (0.80, 0.70),
    "list-few": (0.80, 0.75),
    "list-many": (0.80, 0.75),
    "token": (0.65, 0.60),
    "create": (0.65, 0.55),
    "again": (0.65, 0.55),
    "token-refresh": (0.60, 0.55),
    "imap": (0.65, 0.60),
    "icloud": (0.65, 0.60),
    "ews": (0.65, 0.60),
}
"""The least ratio by CPU that we aim at, on SQLite and on PostgreSQL."""
RATIO, OVERHEAD, FLAT, IDLE = 0.5, 5.0, 1.25, 100
"""What else we aim at: the ratio of other lines; ms of p99 above the floor's at a fixed rate; list time at 100,000 to
that at 1,000; MB."""


@dataclass(slots=True)
class Comparison:
    """One line: OpenGrant's samples and the floor's. ratios: by CPU, of each round; their spread shows disturbances."""

    line: Line
    ours: Sample = field(default_factory=Sample)
    floor: Sample = field(default_factory=Sample)
    ratios: list[float] = field(default_factory=list)

    def add(self, ours: Sample, floor: Sample) -> None:
        self.ours.add(ours)
        self.floor.add(floor)
        self.ratios.append(floor.cpu_each / ours.cpu_each)

    @property
    def ratio(self) -> float:
        return self.ours.rate / self.floor.rate

    @property
    def cpu_ratio(self) -> float:
        """By CPU for a request: the median of the rounds."""
        return median(self.ratios)

    @property
    def overhead(self) -> float:
        """Milliseconds of p99 that are ours."""
        return self.ours.percentile(99) - self.floor.percentile(99)

    def as_mapping(self) -> dict[str, Any]:
        sides = {name: _numbers(sample) for name, sample in (("opengrant", self.ours), ("floor", self.floor))}
        return {
            "line": self.line.name,
            "title": self.line.title,
            "ratio": round(self.ratio, 3),
            "cpu_ratio": round(self.cpu_ratio, 3),
            "ratios": [round(ratio, 3) for ratio in self.ratios],
            "p99_overhead_ms": round(self.overhead, 2),
            **sides,
        }


@dataclass(slots=True)
class Report:
    """One engine.

    idle     bytes of resident memory before the first request, ours and the floor's
    at_rate  requests came at a fixed rate: the latencies count, and not the ratios
    """

    engine: str
    idle: tuple[int, int]
    at_rate: bool
    comparisons: list[Comparison] = field(default_factory=list)

    def as_mapping(self) -> dict[str, Any]:
        ours, floor = (round(number / 1e6, 1) for number in self.idle)
        return {
            "engine": self.engine,
            "idle_rss_mb": {"opengrant": ours, "floor": floor},
            "lines": [one.as_mapping() for one in self.comparisons],
        }

    def as_table(self) -> str:
        """Each pair of columns is OpenGrant's number and the floor's."""
        heads = ("requests/s", "p50 ms", "p99 ms", "CPU µs", "cores")
        lines = [f"{self.engine:32} ratio by CPU" + "".join(f"{head:>16}" for head in heads) + f"{'p99 above':>12}"]
        for one in self.comparisons:
            ours, floor = one.ours, one.floor
            pairs = (
                (f"{ours.rate:,.0f}", f"{floor.rate:,.0f}"),
                (f"{ours.percentile(50):.1f}", f"{floor.percentile(50):.1f}"),
                (f"{ours.percentile(99):.1f}", f"{floor.percentile(99):.1f}"),
                (f"{ours.cpu_each:.0f}", f"{floor.cpu_each:.0f}"),
                (f"{ours.busy:.2f}", f"{floor.busy:.2f}"),
            )
            columns = "".join(f"{left:>9}{right:>7}" for left, right in pairs)
            lines.append(f"{one.line.title:32} {one.ratio:5.2f}{one.cpu_ratio:7.2f}{columns}{one.overhead:>12.1f}")
        ours_idle, floor_idle = (number / 1e6 for number in self.idle)
        return "\n".join([*lines, f"idle: {ours_idle:.0f} MB resident, the floor {floor_idle:.0f} MB", *self._aims()])

    def _aims(self) -> list[str]:
        """Each aim, and by which lines it is missed."""
        late = [f"{one.line.name} {one.overhead:.1f}" for one in self.comparisons if one.overhead > OVERHEAD]
        if self.at_rate:
            return [_told(f"p99 at most {OVERHEAD:.0f} ms above the floor's", late)]
        aims = {one.line.name: self._least(one.line) for one in self.comparisons}
        slow = [
            f"{one.line.name} {one.cpu_ratio:.2f} of {aims[one.line.name]:.2f}"
            for one in self.comparisons
            if round(one.cpu_ratio, 2) < aims[one.line.name]
        ]
        found = {
            "the least ratio by CPU": slow,
            f"at most {IDLE} MB idle": [f"{self.idle[0] / 1e6:.0f}"] if self.idle[0] > IDLE * 1e6 else [],
        }
        by_name = {one.line.name: one for one in self.comparisons}
        if {"list-few", "list-many"} <= by_name.keys():
            # By the median, which a neighbour on the machine moves least.
            growth = by_name["list-many"].ours.percentile(50) / by_name["list-few"].ours.percentile(50)
            found["a list takes the same time whatever there is"] = [f"{growth:.2f} times"] if growth > FLAT else []
        return [_told(aim, by) for aim, by in found.items()]

    def _least(self, line: Line) -> float:
        sqlite, postgres = AIMS.get(line.name, (RATIO, RATIO))
        return sqlite if self.engine == "sqlite" else postgres


def _told(aim: str, by: list[str]) -> str:
    return f"aim: {aim}: {'missed by ' + ', '.join(by) if by else 'met'}"


def about_the_machine() -> dict[str, Any]:
    return {
        "at": datetime.now(UTC).isoformat(timespec="seconds"),
        "cores": os.cpu_count(),
        "python": platform.python_version(),
        "system": f"{platform.system()} {platform.release()} {platform.machine()}",
        "load_before": round(os.getloadavg()[0], 2),
    }


def _numbers(sample: Sample) -> dict[str, float]:
    return {
        "requests": len(sample.latencies),
        "per_second": round(sample.rate, 1),
        "p50_ms": round(sample.percentile(50), 2),
        "p99_ms": round(sample.percentile(99), 2),
        "cpu_us": round(sample.cpu_each, 1),
        "cores": round(sample.busy, 2),
    }
