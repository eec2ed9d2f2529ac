"""`python -m bench`: starts everything, measures each line for OpenGrant and for the floor in turns, prints tables."""

import argparse
import json
import sys
import tempfile
from pathlib import Path

import uvloop

from bench import sampling
from bench.agree import agree
from bench.lines import LINES, Line
from bench.load import Sample, Unexpected, measure
from bench.report import Comparison, Report, about_the_machine
from bench.stage import Engine, Side, Stage, stage

_FEW_AT_ONCE, _LONG_ENOUGH = 4, 4.0
"""Connections, and seconds of a run, for a slow line."""
_SETTLE = 2.0
"""Seconds before latencies at a rate are taken: the first requests open connections to providers."""


def main() -> int:
    chosen = _parse()
    engines: list[Engine] = ["sqlite", "postgres"] if chosen.engine == "both" else [chosen.engine]
    lines = [line for line in LINES if not chosen.only or line.name in chosen.only]
    try:
        if chosen.command == "profile":
            for engine in engines:
                uvloop.run(_profile(engine, _line(chosen.line), chosen))
            return 0
        return _compare(engines, lines, chosen)
    except Unexpected as problem:
        print(f"bench: {problem}", file=sys.stderr)
        return 1


def _parse() -> argparse.Namespace:
    names = [line.name for line in LINES]
    parser = argparse.ArgumentParser(prog="bench", description=__doc__)
    _add_common(parser, engine="both", concurrency=50, seconds=1.5)
    parser.add_argument("--rounds", type=int, default=5, help="for each line; the ratio is their median; 5")
    parser.add_argument(
        "--rate", type=float, help="requests in a second, for latencies; else as fast as they are answered"
    )
    parser.add_argument("--quick", action="store_true", help="two runs of one second to a line: a rough idea")
    parser.add_argument("--only", action="append", choices=names, metavar="LINE", help=", ".join(names))
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the numbers there too")
    commands = parser.add_subparsers(dest="command")
    profile = commands.add_parser("profile", help="show where OpenGrant spends a line")
    # Without defaults: those would undo what stands before the command.
    _add_common(profile, engine=argparse.SUPPRESS, concurrency=argparse.SUPPRESS, seconds=argparse.SUPPRESS)
    profile.add_argument("line", choices=names)
    return parser.parse_args()


def _add_common(parser: argparse.ArgumentParser, *, engine: str, concurrency: int | str, seconds: float | str) -> None:
    parser.add_argument(
        "--engine", choices=["sqlite", "postgres", "both"], default=engine, help="both unless told otherwise"
    )
    parser.add_argument(
        "--concurrency", type=int, default=concurrency, help="connections, each with one request at a time; 50"
    )
    parser.add_argument(
        "--seconds", type=float, default=seconds, help="of each run, of which there are two to a round; 1.5"
    )


def _line(name: str) -> Line:
    return next(line for line in LINES if line.name == name)


def _compare(engines: list[Engine], lines: list[Line], chosen: argparse.Namespace) -> int:
    machine = about_the_machine()
    print(", ".join(f"{name} {value}" for name, value in machine.items()))
    reports = []
    for engine in engines:
        report = uvloop.run(_report(engine, lines, chosen))
        reports.append(report)
        print(f"\n{report.as_table()}", flush=True)
    if chosen.json:
        found = {"machine": machine, "engines": [report.as_mapping() for report in reports]}
        chosen.json.write_text(json.dumps(found, indent=2) + "\n")
    return 0


async def _report(engine: Engine, lines: list[Line], chosen: argparse.Namespace) -> Report:
    seconds, rounds = (1.0, 1) if chosen.quick else (chosen.seconds, chosen.rounds)
    async with stage(engine) as everything:
        report = Report(engine, (everything.ours.idle, everything.floor.idle), chosen.rate is not None)
        for number, line in enumerate(lines, 1):
            await agree(everything, line)
            one = Comparison(line)
            report.comparisons.append(one)
            # In turns, so that what else the machine does meanwhile meets both.
            for _ in range(rounds):
                ours = await _run(everything, everything.ours, line, chosen.concurrency, seconds, chosen.rate)
                floor = await _run(everything, everything.floor, line, chosen.concurrency, seconds, chosen.rate)
                one.add(ours, floor)
            each = ", ".join(f"{ratio:.2f}" for ratio in one.ratios)
            print(
                f"{engine} {number}/{len(lines)} {line.name}: {one.cpu_ratio:.2f} by CPU ({each})",
                file=sys.stderr,
                flush=True,
            )
    return report


async def _run(
    everything: Stage, side: Side, line: Line, concurrency: int, seconds: float, rate: float | None = None
) -> Sample:
    everything.set(line)
    if line.slow:
        concurrency, seconds = min(concurrency, _FEW_AT_ONCE), max(seconds, _LONG_ENOUGH)
    return await measure(
        side.port,
        side.pid,
        line.requests(side.scene),
        status=line.status,
        concurrency=concurrency,
        warm_up=min(0.5, seconds / 3) if rate is None else _SETTLE,
        seconds=seconds,
        rate=rate,
    )


async def _profile(engine: Engine, line: Line, chosen: argparse.Namespace) -> None:
    with tempfile.TemporaryDirectory() as directory:
        found = Path(directory) / "samples"
        async with stage(engine, launch=("-m", "bench.sampling", str(found))) as everything:
            pid = everything.ours.pid
            sampling.start(pid)
            before = sampling.threads(pid)
            sample = await _run(everything, everything.ours, line, chosen.concurrency, chosen.seconds)
            spent = {name: seconds - before.get(name, 0.0) for name, seconds in sampling.threads(pid).items()}
        print(f"\n{engine}, {line.title}: {sample.rate:,.0f} requests/s, {sample.cpu_each:.0f} µs of CPU each")
        for name, seconds in spent.items():
            print(f"{seconds / sum(spent.values()):>22.1%}  {name}")
        print(found.read_text())


if __name__ == "__main__":
    sys.exit(main())
