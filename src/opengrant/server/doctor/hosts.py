"""Checks of the hosts that are in use: providers, mail servers, receivers of webhooks."""

import asyncio
import ssl
import time
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import UTC
from email.utils import parsedate_to_datetime
from typing import Any, NamedTuple
from urllib.parse import urlsplit

from opengrant.errors import ProviderFailure, StoreUnavailable
from opengrant.model import ENDS_AT, ProviderName
from opengrant.net.dns import Resolver
from opengrant.net.guard import Guard, parse_networks
from opengrant.net.mail_login import IMPLICIT_TLS, shared_tls_context
from opengrant.net.provider_http import Http
from opengrant.net.reach import reach
from opengrant.providers.registry import FACTS
from opengrant.server.doctor.finding import SECONDS, Finding
from opengrant.settings import Settings
from opengrant.store.engine.port import Store
from opengrant.store.operations import checkup
from opengrant.store.tenants import applications

_SKEW = 30.0
"""Seconds our clock may differ from a provider's before token expiry and signed requests go wrong."""
_MOST_HOSTS = 50
"""Mail and webhook hosts that are asked, of each kind."""
_AT_ONCE = 20


class _Place(NamedTuple):
    host: str
    port: int
    implicit: bool
    """TLS begins with the connection, without STARTTLS."""


class _Reach:
    """Connects to hosts, _AT_ONCE at a time."""

    def __init__(self, settings: Settings, resolver: Resolver) -> None:
        outbound = settings.outbound
        self.guard = Guard(parse_networks(outbound.allowed_private_networks), resolver)
        # The operator named these, not a request.
        self.trusted = Guard(parse_networks("0.0.0.0/0,::/0"), resolver)
        self.tls: ssl.SSLContext = shared_tls_context(outbound.ca_file)
        self._turns = asyncio.Semaphore(_AT_ONCE)

    async def ask(self, guard: Guard, places: Iterable[_Place]) -> dict[_Place, str | None]:
        wanted = list(places)
        return dict(zip(wanted, await asyncio.gather(*(self._one(guard, place) for place in wanted)), strict=True))

    async def _one(self, guard: Guard, place: _Place) -> str | None:
        async with self._turns:
            tls = self.tls if place.implicit else None
            return await reach(guard, place.host, place.port, tls=tls, seconds=SECONDS)


async def reach_all(settings: Settings, db: Store, tell: Callable[[str], None]) -> list[Finding]:
    """All groups of hosts at the same time."""
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
    http = Http(timeout=SECONDS, connections_per_host=_AT_ONCE, ca_file=settings.outbound.ca_file)
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


def _endpoints(settings: Settings) -> Mapping[ProviderName, Sequence[str]]:
    """The URLs that the server calls; those that only browsers open are left out."""
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
    # Any status will do: only the Date header counts.
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
    """Hosts that grants name. A host that does not answer is a warning: its owner has to repair it."""
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
