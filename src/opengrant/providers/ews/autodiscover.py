"""Finds the Exchange server of an address, by Autodiscover.

In this order, for the domain of the address and then for that of the user name where it is another:

    json      `autodiscover.json` (v2) at the domain and at `autodiscover.` below it; needs no credentials
    pox       `autodiscover.xml` at the same hosts; they may ask for the password
    redirect  `http://autodiscover.`, only its redirect is read
    srv       `_autodiscover._tcp`
    itself    `/EWS/Exchange.asmx` at the domain, where a server asks for NTLM

Privacy  Autodiscover clients have leaked passwords to third parties. The password goes only to hosts of the user's
         own domains, over HTTPS with a verified certificate. A redirect over HTTPS to another host is followed without
         the password. A redirect by plain HTTP or DNS to another domain is not followed.
Source   Microsoft, MS-OXDISCO and "Autodiscover for Exchange"
"""

import asyncio
from collections.abc import Awaitable, Sequence
from dataclasses import dataclass
from urllib.parse import quote, urlsplit
from xml.etree.ElementTree import Element  # the type alone; net/foreign_xml.py parses
from xml.sax.saxutils import escape

import structlog
from pydantic import SecretStr
from pydantic_core import from_json

from opengrant.errors import Evidence, ProviderFailure
from opengrant.net.dns import DnsUnavailable, NameNotFound, Resolver
from opengrant.net.ews import EwsClient, EwsTalk
from opengrant.net.foreign_xml import BadXml, read_xml
from opengrant.net.guard import domain_of
from opengrant.net.guarded_http import MAX_REDIRECTS, Page, origin, under

log = structlog.get_logger()

BUDGET = 20.0
"""Seconds for the whole search; each host gets a fifth of it for one answer."""

_ONLINE = ("outlook.com", "office365.com", "office.com", "outlook.cn", "onmicrosoft.com", "office365.us")
_NOT_FOR_US = frozenset({"login_not_offered", "not_https"})
_OUT_OF_ORDER = frozenset({"timeout", "reset", "closed"})
_REQUEST = "http://schemas.microsoft.com/exchange/autodiscover/outlook/requestschema/2006"
_RESPONSE = "http://schemas.microsoft.com/exchange/autodiscover/outlook/responseschema/2006a"


def is_exchange_online(host: str) -> bool:
    """Whether a host is Microsoft 365's, which takes no passwords."""
    return any(under(host, domain) for domain in _ONLINE)


def exchange_online() -> ProviderFailure:
    """The refusal to send a password there."""
    return ProviderFailure(Evidence("ews", "ews", "dns", code="exchange_online", sent=False))


class Autodiscover:
    """Built once. The ports are those of HTTPS and HTTP anywhere but in tests."""

    def __init__(
        self, door: EwsClient, resolver: Resolver, *, https_port: int = 443, http_port: int = 80, budget: float = BUDGET
    ) -> None:
        self._door, self._resolver = door, resolver
        self._ports, self._budget = (https_port, http_port), budget

    async def find(self, email: str, username: str, password: SecretStr) -> str:
        """The URL of the mailbox's Exchange Web Services.

        Raises ProviderFailure, leg "ews": `exchange_not_found`, `exchange_online`, `redirected_elsewhere`,
        `dns_unavailable`, what net/ews.py says where the last host to answer refused the password, and what broke
        the conversation with `autodiscover.` of the domain.
        """
        domains = list(dict.fromkeys(filter(None, (domain_of(email), domain_of(username)))))
        patience = min(self._door.timeout, self._budget / 5)
        async with self._door.talk(username, password, patience=patience) as talk:
            search = _Search(talk, self._resolver, email, domains, self._ports)
            try:
                async with asyncio.timeout(self._budget):
                    url = await search.run()
            except TimeoutError:
                raise search.failure(_failure("timeout", "")) from None
            if url is None:
                raise search.failure()
        log.info("exchange_found", host=urlsplit(url).hostname)
        return url

    async def named(self, email: str, username: str) -> str | None:
        """The URL, if the domains name it without a password (the first of the ways above). Raises ProviderFailure."""
        domains = list(dict.fromkeys(filter(None, (domain_of(email), domain_of(username)))))
        patience = min(self._door.timeout, self._budget / 5)
        async with self._door.talk(username, SecretStr(""), patience=patience) as talk:
            search = _Search(talk, self._resolver, email, domains, self._ports)
            try:
                async with asyncio.timeout(self._budget):
                    return await search.named()
            except TimeoutError:
                return None


@dataclass(slots=True)
class _Outcome:
    """What is known from hosts that did not lead to a server."""

    refused: ProviderFailure | None = None
    """The last host that answered refused the password."""
    broken: ProviderFailure | None = None
    """`autodiscover.` of the domain exists and does not work."""
    no_dns: ProviderFailure | None = None
    elsewhere: str | None = None
    """The target of an unproven redirect."""


class _Search:
    """One run for one address."""

    def __init__(
        self, talk: EwsTalk, resolver: Resolver, email: str, domains: Sequence[str], ports: tuple[int, int]
    ) -> None:
        self._talk, self._resolver, self._email, self._own = talk, resolver, email, tuple(domains)
        self._https, self._http = ports
        self._outcome = _Outcome()
        self._silent: set[str] = set()
        self._hops = 0

    async def run(self) -> str | None:
        for domain in self._own:
            found = await self._at(domain) or await self._redirected(domain) or await self._by_srv(domain)
            if found:
                return found
        for domain in self._own:
            if await self._is_exchange(url := f"{self._base(domain)}/EWS/Exchange.asmx"):
                return url
        return None

    async def named(self) -> str | None:
        for domain in self._own:
            for host in (domain, f"autodiscover.{domain}"):
                if found := await self._json(host):
                    return found
        return None

    def failure(self, otherwise: ProviderFailure | None = None) -> ProviderFailure:
        """Why no server was found; first what the caller can change."""
        outcome = self._outcome
        if outcome.refused is None and outcome.elsewhere:
            return _failure("redirected_elsewhere", f"Autodiscover leads to {outcome.elsewhere}, outside the domain.")
        known = outcome.refused or outcome.broken or outcome.no_dns
        return known or otherwise or _failure("exchange_not_found", "")

    async def _at(self, domain: str) -> str | None:
        """Ask a domain by both protocols; the second, with the password, only where it is the user's own."""
        hosts = (domain, f"autodiscover.{domain}")
        for host in hosts:
            if found := await self._json(host):
                return found
        for host in hosts:
            if self._is_own(host) and (found := await self._pox(f"{self._base(host)}/autodiscover/autodiscover.xml")):
                return found
        return None

    async def _json(self, host: str) -> str | None:
        query = f"Email={quote(self._email, safe='@')}&Protocol=EWS&RedirectCount=1"
        url: str | None = f"{self._base(host)}/autodiscover/autodiscover.json?{query}"
        while url is not None and (there := origin(url)) is not None and there[0] == "https" and self._hop():
            page = await self._ask("GET", url)
            if page is None:
                return None
            if page.status == 200:
                return _ews_url(_json_url(page))
            url = page.redirect
        return None

    async def _pox(self, url: str) -> str | None:
        page = await self._post(url)
        if page is None:
            return None
        if page.redirect:
            return await self._led_to(page.redirect, proven=True)
        account = _account(page)
        if page.status != 200 or account is None:
            return None

        def text(name: str) -> str:
            return (account.findtext(f"{{{_RESPONSE}}}{name}") or "").strip()

        match text("Action").lower():
            case "redirecturl":
                return await self._led_to(text("RedirectUrl"), proven=True)
            case "redirectaddr" if (domain := domain_of(text("RedirectAddr"))) and self._hop():
                if is_exchange_online(domain):
                    raise exchange_online()
                self._email = text("RedirectAddr")
                return await self._at(domain)
            case _:
                return _ews_url(_protocol_url(account))

    async def _redirected(self, domain: str) -> str | None:
        port = "" if self._http == 80 else f":{self._http}"
        page = await self._ask("GET", f"http://autodiscover.{domain}{port}/autodiscover/autodiscover.xml")
        return await self._led_to(page.redirect, proven=False) if page and page.redirect else None

    async def _by_srv(self, domain: str) -> str | None:
        try:
            services = await self._resolver.services(f"_autodiscover._tcp.{domain}")
        except (NameNotFound, DnsUnavailable):
            return None
        for service in services:
            # Only the HTTPS port is used: the guard checks addresses, not ports.
            if service.host and service.port == self._https:
                url = f"{self._base(service.host)}/autodiscover/autodiscover.xml"
                if found := await self._led_to(url, proven=False):
                    return found
        return None

    async def _led_to(self, url: str, *, proven: bool) -> str | None:
        """Follow a redirect as far as it is safe. `proven`: it came over HTTPS from a host of the user's domains."""
        there = origin(url)
        if there is None or there[0] != "https" or not self._hop():
            return None
        host = there[1]
        if is_exchange_online(host):
            raise exchange_online()
        if self._is_own(host):
            return await self._json(host) or await self._pox(url)
        if proven:
            return await self._json(host)
        self._outcome.elsewhere = host
        return None

    async def _is_exchange(self, url: str) -> bool:
        page = await self._ask("GET", url)
        return page is not None and page.status == 401 and bool({"ntlm", "negotiate"} & page.challenges.keys())

    async def _ask(self, method: str, url: str) -> Page | None:
        return await self._heard(url, self._talk.ask(method, url)) if self._may_answer(url) else None

    async def _post(self, url: str) -> Page | None:
        if not self._may_answer(url):
            return None
        body = (
            f'<?xml version="1.0" encoding="utf-8"?><Autodiscover xmlns="{_REQUEST}"><Request>'
            f"<EMailAddress>{escape(self._email)}</EMailAddress>"
            f"<AcceptableResponseSchema>{_RESPONSE}</AcceptableResponseSchema></Request></Autodiscover>"
        )
        headers = {"Content-Type": "text/xml; charset=utf-8", "Accept": "text/xml"}
        page = await self._heard(url, self._talk.post(url, body.encode(), headers=headers))
        if page is not None:
            self._outcome.refused = None
        return page

    async def _heard(self, url: str, answer: Awaitable[Page]) -> Page | None:
        """A host's answer; None where there is none. The failure is remembered."""
        # The domain's web site says nothing about Exchange; only a host of this name does.
        meant_for_us = any(_netloc(url) == _netloc(self._base(f"autodiscover.{domain}")) for domain in self._own)
        try:
            page = await answer
        except ProviderFailure as failure:
            evidence = failure.evidence
            if evidence.step == "auth":
                if evidence.code not in _NOT_FOR_US:
                    self._outcome.refused = failure
                return None
            self._silent.add(_netloc(url))
            if evidence.code == "dns_unavailable":
                self._outcome.no_dns = failure
            elif meant_for_us and evidence.code in _OUT_OF_ORDER:
                self._outcome.broken = failure
            return None
        if page.status >= 500 and meant_for_us:
            self._outcome.broken = self._talk.web.refused(page, str(page.status))
        return page

    def _may_answer(self, url: str) -> bool:
        return _netloc(url) not in self._silent

    def _is_own(self, host: str) -> bool:
        return any(under(host, domain) for domain in self._own)

    def _base(self, host: str) -> str:
        return f"https://{host}" if self._https == 443 else f"https://{host}:{self._https}"

    def _hop(self) -> bool:
        self._hops += 1
        return self._hops <= 2 * MAX_REDIRECTS


def _failure(code: str, text: str) -> ProviderFailure:
    return ProviderFailure(Evidence("ews", "ews", "dns", code=code, text=text, sent=False))


def _netloc(url: str) -> str:
    there = origin(url)
    return "" if there is None else f"{there[0]}://{there[1]}:{there[2]}"


def _ews_url(url: str) -> str | None:
    """An EWS URL as a server names it; None where it cannot be used. Raises ProviderFailure for Microsoft 365."""
    there = origin(url)
    if there is None or there[0] != "https":
        return None
    if is_exchange_online(there[1]):
        raise exchange_online()
    return url


def _json_url(page: Page) -> str:
    try:
        answer = from_json(page.body)
    except ValueError:
        return ""
    url = answer.get("Url") if isinstance(answer, dict) else None
    return url if isinstance(url, str) else ""


def _account(page: Page) -> Element | None:
    try:
        root = read_xml(page.body)
    except BadXml:
        return None
    return root.find(f".//{{{_RESPONSE}}}Account")


def _protocol_url(account: Element) -> str:
    """The URL for clients outside (EXPR) before that for those inside (EXCH)."""
    urls: dict[str, str] = {}
    for protocol in account.iter(f"{{{_RESPONSE}}}Protocol"):
        kind = (protocol.findtext(f"{{{_RESPONSE}}}Type") or "").strip()
        for name in ("EwsUrl", "ASUrl"):
            url = (protocol.findtext(f"{{{_RESPONSE}}}{name}") or "").strip()
            if url:
                urls.setdefault(kind, url)
    return urls.get("EXPR") or urls.get("EXCH") or ""
