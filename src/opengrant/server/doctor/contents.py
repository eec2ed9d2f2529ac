"""Checks of what the database says: background work, degraded sources, grants, API keys, times."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime

from opengrant.errors import StoreUnavailable
from opengrant.model import SECOND, now
from opengrant.operations.clock_steps import rows_ahead
from opengrant.server.doctor.finding import SECONDS, Finding
from opengrant.store.engine.port import Store
from opengrant.store.operations import checkup, overview

_SOON = 14 * 86_400 * SECOND
"""An API key that ends within this is named."""
_STILL = 300
"""Seconds without a run after which the background work has stopped."""


async def look_up(db: Store) -> list[Finding]:
    checks: dict[str, Callable[[Store], Awaitable[list[Finding]]]] = {
        "background work": _work,
        "sources": _sources,
        "grants": _attention,
        "API keys": _keys,
        "times": _times,
    }
    findings: list[Finding] = []
    for name, check in checks.items():
        try:
            async with asyncio.timeout(SECONDS):
                findings += await check(db)
        except TimeoutError:
            findings.append(Finding(name, "warning", f"the database did not tell within {SECONDS:.0f} s"))
        except StoreUnavailable as problem:
            findings.append(Finding(name, "failed", f"the database cannot tell: {problem.detail}"))
    return findings


async def _work(db: Store) -> list[Finding]:
    name, at = "background work", now()
    last = await db.read(checkup.last_worked())
    waiting = await db.read(overview.overdue(at=at - _STILL * SECOND))
    age = None if last is None else max(0, (at - last) // SECOND)
    ran = "has not run yet" if age is None else f"last ran {_duration(age)} ago"
    start = "start `opengrant serve`, or `opengrant work` where servers run with --no-work"
    if age is not None and age <= _STILL:
        if waiting:
            many = f"{waiting} or more" if waiting >= overview.MOST else str(waiting)
            text = f"{ran}, and {many} grant(s) wait for more than 5 min: see `How grants stay alive` for what slows it"
            return [Finding(name, "warning", text)]
        return [Finding(name, "ok", ran)]
    if waiting:
        return [Finding(name, "failed", f"{ran}, and grants wait to be refreshed: {start}")]
    return [Finding(name, "ok" if age is None else "warning", f"{ran}: {start}")]


async def _sources(db: Store) -> list[Finding]:
    found = await db.read(checkup.degraded())
    if not found:
        return [Finding("sources", "ok", "no connector, credential or mail host is degraded")]
    findings = []
    for one in found[: checkup.MOST]:
        id_, _, host = one.source.partition("/")
        what = f"mail host {host} (connector {id_})" if host else f"connector or credential {id_}"
        text = (
            f"{what} of application {one.application_id} has failed for all its grants since {_date(one.since)}"
            f" ({one.reason}): the console's overview shows what its provider said"
        )
        findings.append(Finding(f"source {one.source}", "failed", text))
    return findings + _more("sources", len(found))


async def _attention(db: Store) -> list[Finding]:
    name = "grants"
    if waiting := await db.read(overview.needing_attention()):
        text = (
            f"{waiting} have failed for days without a clear refusal: look at them in the console, and ask the mail"
            " server's administrator or the owner"
        )
        return [Finding(name, "warning", text)]
    return [Finding(name, "ok", "none needs attention")]


async def _keys(db: Store) -> list[Finding]:
    at = now()
    found = await db.read(checkup.keys_ending(after=at, before=at + _SOON))
    if not found:
        return [Finding("API keys", "ok", "none ends within 14 days")]
    findings = [
        Finding(
            f"API key {one.id}",
            "warning",
            f"{one.name!r} ends on {_date(one.expires_at)}: make its successor with"
            f" `opengrant keys create {one.application_id}` and give it to the application",
        )
        for one in found[: checkup.MOST]
    ]
    return findings + _more("API keys", len(found))


async def _times(db: Store) -> list[Finding]:
    ahead = await rows_ahead(db)
    if not ahead:
        return [Finding("times", "ok", "nothing in the database is later than now")]
    counts = ", ".join(f"{count} in {table}" for table, count in ahead.items())
    text = (
        f"rows are from the future ({counts}): the clock of this machine was set back, or another node's goes ahead."
        " Set up NTP on each node; until then refreshes may come late"
    )
    return [Finding("times", "failed", text)]


def _more(name: str, found: int) -> list[Finding]:
    return [Finding(name, "warning", f"there are more than these {checkup.MOST}")] if found > checkup.MOST else []


def _date(at: int) -> str:
    return datetime.fromtimestamp(at // SECOND, UTC).strftime("%Y-%m-%d %H:%M UTC")


def _duration(seconds: int) -> str:
    for size, unit in ((86_400, "d"), (3600, "h"), (60, "min")):
        if seconds >= 2 * size:
            return f"{seconds // size} {unit}"
    return f"{seconds} s"
