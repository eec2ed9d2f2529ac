"""`opengrant doctor`: what is wrong with this installation, and what to do about it."""

import asyncio
import stat
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from datetime import UTC
from email.utils import parsedate_to_datetime
from typing import Literal
from urllib.parse import urlsplit

from opengrant.app import connect_store, expect_database, keyring
from opengrant.errors import ProviderFailure, StoreUnavailable
from opengrant.grants.installation import check_master_keys, ping
from opengrant.model import ProviderName, now
from opengrant.net.http import Http
from opengrant.settings import Settings
from opengrant.store import applications, connectors
from opengrant.store.migrate import MigrationError
from opengrant.store.port import Dialect, Statement, Steps, Store
from opengrant.vault import MasterKeyError, Vault

_SKEW = 30.0
"""Seconds our clock may differ from a provider's before token expiry and signed requests go wrong."""
_EACH = 15.0
"""Seconds one check may take."""

State = Literal["ok", "warning", "failed"]


@dataclass(frozen=True, slots=True)
class Finding:
    name: str
    state: State
    text: str

    def as_mapping(self) -> Mapping[str, str]:
        return {"name": self.name, "state": self.state, "text": self.text}


async def examine(settings: Settings) -> list[Finding]:
    """Run every check; one that fails does not keep the others from running."""
    findings: list[Finding] = [_data_dir(settings)]
    try:
        expect_database(settings)
        db = await connect_store(settings)
    except MigrationError as problem:
        return [*findings, Finding("database", "failed", str(problem)), *await _reach(settings, None)]
    except StoreUnavailable as problem:
        findings.append(Finding("database", "failed", f"cannot be used: {problem.detail}"))
        return [*findings, *await _reach(settings, None)]
    try:
        database = await _within("database", lambda: _database(db))
        findings.append(database)
        if database.state == "ok" and db.dialect is Dialect.SQLITE:
            findings.append(await _within("database file", lambda: _file(db), seconds=None))
        if database.state == "ok":
            findings.append(await _within("master keys", lambda: _master_keys(settings, db)))
        findings += await _reach(settings, db if database.state == "ok" else None)
    finally:
        await db.close()
    return findings


async def _within(name: str, check: Callable[[], Awaitable[Finding]], *, seconds: float | None = _EACH) -> Finding:
    try:
        async with asyncio.timeout(seconds):
            return await check()
    except TimeoutError:
        return Finding(name, "failed", f"did not answer within {seconds:.0f} s")
    except StoreUnavailable as problem:
        return Finding(name, "failed", f"cannot be used: {problem.detail}")


def _data_dir(settings: Settings) -> Finding:
    path, name = settings.data_dir.absolute(), "data directory"
    if not path.exists():
        needed = settings.database_url is None or settings.master_keys is None
        text = (
            "does not exist yet; `opengrant serve` makes it"
            if needed
            else "is not needed: database and keys are elsewhere"
        )
        return Finding(name, "ok", f"{path} {text}")
    keys = path / "master.keys"
    for file in (keys, path / "opengrant.db"):
        if file.exists() and file.stat().st_mode & (stat.S_IRWXG | stat.S_IRWXO):
            return Finding(name, "failed", f"{file} is open to other users of this machine: chmod 600 {file}")
    if keys.exists() and settings.master_keys is None:
        return Finding(name, "ok", f"{path}; back up {keys} apart from the database, nothing can be read without it")
    return Finding(name, "ok", str(path))


async def _database(db: Store) -> Finding:
    began = time.perf_counter()
    await db.read(ping())
    milliseconds = (time.perf_counter() - began) * 1000
    if pending := await db.pending():
        return Finding("database", "failed", f"{db.dialect} lacks {', '.join(pending)}: run `opengrant migrate`")
    return Finding("database", "ok", f"{db.dialect} answers in {milliseconds:.1f} ms, schema up to date")


async def _file(db: Store) -> Finding:
    """Reads all of it, which takes as long as the disk does."""

    def look() -> Steps[str]:
        return str((yield Statement("pragma quick_check(1)"))[0][0])

    if (said := await db.read(look())) != "ok":
        return Finding("database file", "failed", f"is damaged ({' '.join(said.split())}): restore it from a backup")
    return Finding("database file", "ok", "is whole")


async def _master_keys(settings: Settings, db: Store) -> Finding:
    try:
        ring = keyring(settings)
        await check_master_keys(db, Vault(ring), now)
    except MasterKeyError as problem:
        return Finding("master keys", "failed", str(problem))
    return Finding("master keys", "ok", f"{len(ring.keys)} live, {ring.sealing.id!r} seals")


async def _reach(settings: Settings, db: Store | None) -> list[Finding]:
    """Name look-up, TLS and clock, against the token endpoints of the providers that connectors exist for."""
    urls = {
        ProviderName.GOOGLE: settings.google.token_url,
        ProviderName.MICROSOFT: settings.microsoft.token_url.replace("{tenant}", "common"),
    }
    if db is not None:
        wanted = set()
        for application in await db.read(applications.everyone()):
            wanted |= {one.provider for one in await db.read(connectors.page(application.id, limit=20, offset=0))}
        urls = {provider: url for provider, url in urls.items() if provider in wanted}
        if not urls:
            return [Finding("providers", "ok", "no connector needs an OAuth provider yet")]
    http = Http(timeout=_EACH, connections_per_host=1, ca_file=settings.outbound.ca_file)
    try:
        return list(await asyncio.gather(*(_provider(http, provider, url) for provider, url in urls.items())))
    finally:
        await http.close()


async def _provider(http: Http, provider: ProviderName, url: str) -> Finding:
    host = urlsplit(url).netloc
    try:
        answer = await http.get(provider, "token", url)
    except ProviderFailure as failure:
        evidence = failure.evidence
        advice = {
            "dns": "check the name and this machine's DNS",
            "tls": "check OPENGRANT_OUTBOUND__CA_FILE and whether a proxy intercepts TLS",
        }.get(evidence.step, "check firewall and routes for outgoing HTTPS")
        return Finding(
            f"{provider}", "failed", f"{host} cannot be reached ({evidence.step}: {evidence.code}); {advice}"
        )
    # Any status will do: a token endpoint has no GET, but it has a clock.
    sent = answer.headers.get("date")
    if sent is not None:
        skew = time.time() - parsedate_to_datetime(sent).astimezone(UTC).timestamp()
        if abs(skew) > _SKEW:
            return Finding(f"{provider}", "failed", f"{host} answers, but our clock is {skew:+.0f} s off: set up NTP")
    return Finding(f"{provider}", "ok", f"{host} answers, clocks agree")
