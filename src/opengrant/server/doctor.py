"""`opengrant doctor`: what is wrong with this installation, and what to do about it."""

import asyncio
import os
import ssl
import stat
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any, Literal, NamedTuple
from urllib.parse import urlsplit

from opengrant.assembly.database import connect_store, expect_database
from opengrant.assembly.tools import keyring
from opengrant.errors import ProviderFailure, StoreUnavailable
from opengrant.model import ENDS_AT, SECOND, ProviderName, now
from opengrant.net.dns import Resolver
from opengrant.net.guard import Guard, parse_networks
from opengrant.net.mail_login import IMPLICIT_TLS, tls_context
from opengrant.net.provider_http import Http
from opengrant.net.reach import reach
from opengrant.operations.clock_steps import rows_ahead
from opengrant.operations.master_keys import LEAST_ROOM, check_master_keys, ping, room
from opengrant.providers.registry import FACTS
from opengrant.settings import Settings, say_unknown, unknown
from opengrant.store.engine.migrate import MigrationError
from opengrant.store.engine.port import Dialect, Statement, Steps, Store
from opengrant.store.operations import checkup, overview
from opengrant.store.tenants import applications
from opengrant.vault import MasterKeyError, Vault

_SKEW = 30.0
"""Seconds our clock may differ from a provider's before token expiry and signed requests go wrong."""
_EACH = 15.0
"""Seconds one check may take."""

_LITTLE_ROOM = 512 * 1024 * 1024
_SOON = 14 * 86_400 * SECOND
"""An API key that ends within this is named."""
_STILL = 300
"""Seconds without a sign of life after which the background work is said to stand still."""
_MOST_HOSTS = 50
"""Mail and webhook hosts that are asked, of each kind."""
_AT_ONCE = 20

State = Literal["ok", "warning", "failed"]


@dataclass(frozen=True, slots=True)
class Finding:
    name: str
    state: State
    text: str

    def as_mapping(self) -> Mapping[str, str]:
        return {"name": self.name, "state": self.state, "text": self.text}


async def examine(settings: Settings, *, tell: Callable[[str], None] = lambda _: None) -> list[Finding]:
    """Run every check; one that fails does not keep the others from running. `tell`: what is being done now."""
    findings: list[Finding] = [*_settings(os.environ), _data_dir(settings), _disk(settings), _public_url(settings)]
    try:
        expect_database(settings)
        db = await connect_store(settings)
    except MigrationError as problem:
        return [*findings, Finding("database", "failed", str(problem))]
    except StoreUnavailable as problem:
        return [*findings, Finding("database", "failed", f"cannot be used: {problem.detail}")]
    try:
        tell("the database")
        database = await _within("database", lambda: _database(db))
        findings.append(database)
        if database.state == "ok" and db.dialect is Dialect.SQLITE:
            findings.append(await _within("database file", lambda: _file(db), seconds=None))
        if database.state == "ok":
            findings.append(await _within("master keys", lambda: _master_keys(settings, db)))
            findings += await _looked_up(db)
            findings += await _reached(settings, db, tell)
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


# ── what needs no database ────────────────────────────────────────────────────────────────────────────────────


def _settings(environment: Iterable[str]) -> list[Finding]:
    return [Finding(f"setting {name}", "failed", say_unknown(name, nearest)) for name, nearest in unknown(environment)]


def _disk(settings: Settings) -> Finding:
    path = settings.data_dir.absolute()
    there = next(place for place in (path, *path.parents) if place.exists())
    left = room(there)
    if left is None:
        return Finding("disk", "ok", f"{there} does not tell how much room it has")
    text = f"{left // 1024**2:,} MiB are left for {path}"
    if left < LEAST_ROOM:
        return Finding("disk", "failed", f"{text}: make room, the server is not ready with less than 16")
    if left < _LITTLE_ROOM:
        return Finding("disk", "warning", f"{text}: make room before it is full")
    return Finding("disk", "ok", text)


def _public_url(settings: Settings) -> Finding:
    name = "public URL"
    if settings.public_url is None:
        text = (
            "OPENGRANT_PUBLIC_URL is not set, so links, cookies and redirect URIs are made from each request's Host"
            " header: set it to the https address that browsers use, unless this is a trial on this machine"
        )
        return Finding(name, "ok" if _is_local(settings.host) else "warning", text)
    parts = urlsplit(settings.public_url)
    if parts.scheme != "https" and not _is_local(parts.hostname or ""):
        text = (
            f"{settings.public_url} is no https: passwords and cookies cross the network in the clear, and providers"
            " refuse such redirect URIs. Put TLS in front and set OPENGRANT_PUBLIC_URL to the https address"
        )
        return Finding(name, "failed", text)
    return Finding(name, "ok", settings.public_url)


def _is_local(host: str) -> bool:
    return host in {"localhost", "::1"} or host.startswith("127.")


# ── what the database tells ───────────────────────────────────────────────────────────────────────────────────


async def _looked_up(db: Store) -> list[Finding]:
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
            async with asyncio.timeout(_EACH):
                findings += await check(db)
        except TimeoutError:
            findings.append(Finding(name, "warning", f"the database did not tell within {_EACH:.0f} s"))
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
        return [Finding("sources", "ok", "no connector, credential or mail host is held to blame")]
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
            f"{waiting} have failed for days in words that prove nothing: look at them in the console, and ask the mail"
            " server's administrator or the owner"
        )
        return [Finding(name, "warning", text)]
    return [Finding(name, "ok", "none waits for a person to look at it")]


async def _testing(db: Store, everyone: Sequence[str]) -> list[Finding]:
    """Google ends the tokens of an app in testing after seven days."""
    latest = await db.read(checkup.settings_in_use(ProviderName.GOOGLE, applications=everyone))
    if not any(ENDS_AT in one for one in latest):
        return []
    text = (
        "refresh tokens of latest grants end by themselves: if the app is in testing, that is after seven days, and"
        " every owner must sign in again. Publish the app in Google's console"
    )
    return [Finding("google app", "warning", text)]


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


# ── what has to be reached ────────────────────────────────────────────────────────────────────────────────────


class _Place(NamedTuple):
    host: str
    port: int
    implicit: bool
    """TLS comes first."""


class _Reach:
    """Asks hosts, so many at once, and each but once."""

    def __init__(self, settings: Settings, resolver: Resolver) -> None:
        outbound = settings.outbound
        self.guard = Guard(parse_networks(outbound.allowed_private_networks), resolver)
        # The operator named these, not a request.
        self.trusted = Guard(parse_networks("0.0.0.0/0,::/0"), resolver)
        self.tls: ssl.SSLContext = tls_context(outbound.ca_file)
        self._turns = asyncio.Semaphore(_AT_ONCE)

    async def ask(self, guard: Guard, places: Iterable[_Place]) -> dict[_Place, str | None]:
        wanted = list(places)
        return dict(zip(wanted, await asyncio.gather(*(self._one(guard, place) for place in wanted)), strict=True))

    async def _one(self, guard: Guard, place: _Place) -> str | None:
        async with self._turns:
            tls = self.tls if place.implicit else None
            return await reach(guard, place.host, place.port, tls=tls, seconds=_EACH)


async def _reached(settings: Settings, db: Store, tell: Callable[[str], None]) -> list[Finding]:
    """Each group of hosts on its own: none keeps the others waiting."""
    try:
        wanted = await db.read(checkup.providers())
        everyone = [application.id for application in await db.read(applications.list_all())]
        mail = await db.read(checkup.settings_in_use(ProviderName.IMAP, applications=everyone))
        exchange = await db.read(checkup.settings_in_use(ProviderName.EWS, applications=everyone))
        hooks = await db.read(checkup.webhooks(limit=10 * _MOST_HOSTS))
        testing = await _testing(db, everyone)
    except StoreUnavailable as problem:
        return [Finding("providers", "failed", f"the database cannot tell which: {problem.detail}")]
    resolver = Resolver(settings.outbound.dns_servers)
    http = Http(timeout=_EACH, connections_per_host=_AT_ONCE, ca_file=settings.outbound.ca_file)
    try:
        asked = _Reach(settings, resolver)
        tell("providers, mail servers and receivers of webhooks")
        groups = await asyncio.gather(
            _providers(http, settings, wanted),
            _icloud(asked, settings, wanted),
            _in_use(asked, "mail hosts", _mail_places(mail)),
            _in_use(asked, "Exchange hosts", _exchange_places(exchange)),
            _webhooks(asked, hooks),
        )
    finally:
        await http.close()
        resolver.close()
    return [*testing, *(finding for group in groups for finding in group)]


def _endpoints(settings: Settings) -> Mapping[ProviderName, Sequence[str]]:
    """What the server itself calls; where browsers are sent to is theirs to reach."""
    return {
        name: [str(getattr(getattr(settings, name), one)).replace("{tenant}", "common") for one in facts.endpoints]
        for name, facts in FACTS.items()
        if facts.endpoints
    }


async def _providers(http: Http, settings: Settings, wanted: set[str]) -> list[Finding]:
    """Name look-up, TLS and clock, against the hosts of each provider that a connector exists for."""
    of = {provider: urls for provider, urls in _endpoints(settings).items() if provider.value in wanted}
    if not of:
        return [Finding("providers", "ok", "no connector needs an OAuth provider yet")]
    return list(await asyncio.gather(*(_provider(http, provider, urls) for provider, urls in of.items())))


async def _provider(http: Http, provider: ProviderName, urls: Sequence[str]) -> Finding:
    by_host = {urlsplit(url).netloc: url for url in reversed(urls)}
    told = await asyncio.gather(*(_endpoint(http, provider, host, url) for host, url in by_host.items()))
    if wrong := [text for text in told if text is not None]:
        return Finding(f"{provider}", "failed", "; ".join(wrong))
    return Finding(f"{provider}", "ok", f"{', '.join(reversed(by_host))}: reached, clocks agree")


async def _endpoint(http: Http, provider: ProviderName, host: str, url: str) -> str | None:
    try:
        answer = await http.get(provider, "token", url)
    except ProviderFailure as failure:
        evidence = failure.evidence
        advice = {
            "dns": "check the name and this machine's DNS",
            "tls": "check OPENGRANT_OUTBOUND__CA_FILE and whether a proxy intercepts TLS",
        }.get(evidence.step, "check firewall and routes for outgoing HTTPS")
        return f"{host} cannot be reached ({evidence.step}: {evidence.code}); {advice}"
    # Any status will do: a token endpoint has no GET, but it has a clock.
    sent = answer.headers.get("date")
    if sent is not None:
        skew = time.time() - parsedate_to_datetime(sent).astimezone(UTC).timestamp()
        if abs(skew) > _SKEW:
            return f"{host} answers, but our clock is {skew:+.0f} s off: set up NTP"
    return None


async def _icloud(asked: _Reach, settings: Settings, wanted: set[str]) -> list[Finding]:
    if ProviderName.ICLOUD.value not in wanted:
        return []
    apple = settings.icloud
    places = [
        _Place(apple.imap_host, apple.imap_port, apple.imap_port in IMPLICIT_TLS),
        _Place(apple.smtp_host, apple.smtp_port, apple.smtp_port in IMPLICIT_TLS),
    ]
    if apple.caldav_url:
        places.append(_of_url(apple.caldav_url))
    told = await asked.ask(asked.trusted, places)
    wrong = [f"{place.host}:{place.port} {text}" for place, text in told.items() if text is not None]
    text = "; ".join(wrong) or f"{', '.join(place.host for place in places)}: reached"
    return [Finding("icloud", "failed" if wrong else "ok", text)]


async def _in_use(asked: _Reach, name: str, places: Counter[_Place]) -> list[Finding]:
    """Hosts that grants name. One that is away is its owner's to repair, so it fails nothing."""
    if not places:
        return []
    most = [place for place, _ in places.most_common(_MOST_HOSTS)]
    told = await asked.ask(asked.guard, most)
    findings = [
        Finding(
            f"{name}: {place.host}:{place.port}",
            "warning",
            f"{text}. Of the latest grants, {places[place]} depend on it",
        )
        for place, text in told.items()
        if text is not None
    ]
    of = f"the {_MOST_HOSTS} most used of {len(places)}" if len(places) > len(most) else f"{len(most)} in use"
    return [Finding(name, "ok", f"{len(most) - len(findings)} answer, of {of}"), *findings]


def _mail_places(found: Iterable[Mapping[str, object]]) -> Counter[_Place]:
    places: Counter[_Place] = Counter()
    for settings in found:
        for leg, usual in (("imap", 993), ("smtp", 465)):
            host, port = settings.get(f"{leg}_host"), settings.get(f"{leg}_port") or usual
            if isinstance(host, str) and isinstance(port, int):
                places[_Place(host, port, port in IMPLICIT_TLS)] += 1
    return places


def _exchange_places(found: Iterable[Mapping[str, object]]) -> Counter[_Place]:
    return Counter(_Place(host, 443, True) for one in found if isinstance(host := one.get("ews_host"), str) and host)


async def _webhooks(asked: _Reach, hooks: Sequence[checkup.Destination]) -> list[Finding]:
    if not hooks:
        return [Finding("webhooks", "ok", "there are none")]
    findings = [finding for hook in hooks if (finding := _of_status(hook)) is not None]
    places = list(dict.fromkeys(_of_url(hook.url) for hook in hooks if hook.status != "pause"))[:_MOST_HOSTS]
    told = await asked.ask(asked.guard, places)
    findings += [
        Finding(f"webhook host {place.host}", "failed", f"{place.host}:{place.port} {text}")
        for place, text in told.items()
        if text is not None
    ]
    if not findings:
        findings.append(Finding("webhooks", "ok", f"{len(hooks)} are active, and their hosts answer"))
    return findings


def _of_status(hook: checkup.Destination) -> Finding | None:
    name = f"webhook {hook.id}"
    where = f"to {urlsplit(hook.url).hostname}, of application {hook.application_id},"
    match hook.status:
        case "failed":
            text = f"{where} was given up because its receiver failed: correct the receiver, then activate the webhook"
            return Finding(name, "failed", f"{text} in the console or by PUT /v3/webhooks/{hook.id}")
        case "failing":
            return Finding(name, "warning", f"{where} fails more often than not: look at its deliveries in the console")
        case "pause":
            return Finding(name, "warning", f"{where} is paused: nothing is delivered until it is activated")
        case _:
            return None


def _of_url(url: str) -> _Place:
    parts: Any = urlsplit(url)
    implicit = parts.scheme == "https"
    return _Place(parts.hostname or "", parts.port or (443 if implicit else 80), implicit)
