"""Exchange on premises, by Exchange Web Services: a password proves itself by opening its mailbox.

Source  Microsoft's EWS reference: GetFolder, ResolveNames, ResponseCode; Autodiscover in autodiscover.py
Quirks  an account that logs in may have no mailbox, so the proof is a folder of the mailbox that was named. Faults
        come with status 500 and XML that says what happened: the XML counts. Old servers refuse newer schemas: the
        request uses an old one, and then the oldest. An address may be an alias; the server then names the primary.
"""

import asyncio
from dataclasses import dataclass, replace
from pathlib import Path
from urllib.parse import urlsplit
from xml.etree.ElementTree import Element  # the type alone; net/foreign_xml.py parses
from xml.sax.saxutils import escape, quoteattr

from pydantic import SecretStr

from opengrant.errors import Evidence, InvalidRequest, ProviderFailure
from opengrant.model import EwsSecret, Identity, Verified, fold
from opengrant.model.basics import ShownSettings
from opengrant.model.logins import EwsLogin, require_shown
from opengrant.model.stored_logins import EwsServerLogin, StoredLogin
from opengrant.net.dns import Resolver
from opengrant.net.ews import EwsClient, EwsTalk
from opengrant.net.foreign_xml import BadXml, read_xml
from opengrant.net.guard import BadHost, Guard, domain_of, parse_host
from opengrant.net.guarded_http import MAX_REDIRECTS, Page, origin, under
from opengrant.net.observe import Observe
from opengrant.providers.ews.autodiscover import Autodiscover, exchange_online, is_exchange_online

WHOLE = 75.0
"""Seconds for finding the server and opening the mailbox."""
NAME_TIMEOUT = 5.0
"""Seconds for the name of the mailbox's owner, which is optional."""

VERSIONS = ("Exchange2010_SP2", "Exchange2007_SP1")
"""Schema versions of our requests, newest first."""
_TOO_NEW = frozenset(
    {"ErrorInvalidServerVersion", "ErrorIncorrectSchemaVersion", "ErrorInvalidSchemaVersionForMailboxVersion"}
)
_SOAP = "http://schemas.xmlsoap.org/soap/envelope/"
_T = "http://schemas.microsoft.com/exchange/services/2006/types"
_M = "http://schemas.microsoft.com/exchange/services/2006/messages"


@dataclass(frozen=True, slots=True)
class _Mailbox:
    """An opened mailbox: its server, address and schema version."""

    url: str
    address: str
    version: str
    server: str


class Ews:
    """Verifies EWS settings.

    timeout               seconds for one HTTP answer
    https_port, http_port where Autodiscover is asked: 443 and 80 anywhere but in tests
    """

    def __init__(
        self,
        guard: Guard,
        resolver: Resolver,
        *,
        timeout: float,
        ca_file: Path | None,
        https_port: int = 443,
        http_port: int = 80,
        observe: Observe | None = None,
    ) -> None:
        self._door = EwsClient(guard, timeout=timeout, ca_file=ca_file, observe=observe)
        self._autodiscover = Autodiscover(self._door, resolver, https_port=https_port, http_port=http_port)

    async def verify(self, login: EwsLogin) -> Verified:
        """Open the mailbox.

        Without a host, Autodiscover finds it; the user name is the address where there is no other.
        Returns   `settings`: email, ews_username, ews_host, ews_port. The identity has the owner's name if the
                  directory tells it.
        Raises    InvalidRequest, ProviderFailure (leg "ews")
        """
        email, username, password = _read(login)
        try:
            async with asyncio.timeout(WHOLE):
                url = login.ews_url or _given_url(login)
                url = url or await self._find(login, email, username, password)
                async with self._door.talk(username, password) as talk:
                    mailbox = await _Opening(talk, email, username, login.shown).run(url)
                    scheme = talk.scheme
                    name = await _owner(talk, mailbox)
        except TimeoutError:
            raise ProviderFailure(Evidence("ews", "ews", "http", code="timeout")) from None
        there = origin(mailbox.url)
        assert there is not None
        secret = EwsSecret(
            ews_password=password,
            ews_url=mailbox.url,
            ews_auth=scheme,
            ews_version=mailbox.version,
            ews_server=mailbox.server,
            ews_mailbox=None if fold(mailbox.address) == fold(email) else mailbox.address,
        )
        shown: dict[str, str | int] = {
            "email": email,
            "ews_username": username,
            "ews_host": there[1],
            "ews_port": there[2],
        }
        return Verified(Identity(email, name=name), shown, secret)

    async def servers(self, login: EwsLogin, *, search: bool) -> tuple[str, ...]:
        """The hosts that `verify` sends the password to. Raises InvalidRequest, ProviderFailure."""
        email, username, _ = _read(login)
        url = _given_url(login)
        if url is None and not search:
            return ()
        url = url or await self._autodiscover.named(email, username)
        return _own_domains(email, username) if url is None else (_host(url),)

    async def _find(self, login: EwsLogin, email: str, username: str, password: SecretStr) -> str:
        """The endpoint, by Autodiscover. Raises ProviderFailure, NotShown."""
        if login.shown is None:
            return await self._autodiscover.find(email, username, password)
        url = await self._autodiscover.named(email, username)
        if url is None:
            own = _own_domains(email, username)
            require_shown(login.shown, *own)
            url = await self._autodiscover.find(email, username, password)
            require_shown(login.shown, _host(url), of=own)
        else:
            require_shown(login.shown, _host(url))
        return url

    def stored_login(self, settings: ShownSettings, secret: EwsSecret) -> StoredLogin:
        """The endpoint that opened the mailbox."""
        return StoredLogin(
            ews=EwsServerLogin(
                url=secret.ews_url or f"https://{settings['ews_host']}:{settings['ews_port']}/EWS/Exchange.asmx",
                auth=secret.ews_auth,
                version=secret.ews_version,
                mailbox=secret.ews_mailbox or str(settings["email"]),
                username=str(settings["ews_username"]),
                password=secret.ews_password,
            )
        )


class _Opening:
    """GetFolder, repeated for older schemas and aliases; only the first request logs in."""

    def __init__(self, talk: EwsTalk, email: str, username: str, shown: tuple[str, ...] | None) -> None:
        self._talk, self._address, self._shown = talk, email, shown
        self._own = [domain for domain in (domain_of(email), domain_of(username)) if domain]
        self._versions = list(VERSIONS)

    async def run(self, url: str) -> _Mailbox:
        named_primary = False
        for _ in range(MAX_REDIRECTS):
            if is_exchange_online(urlsplit(url).hostname or ""):
                raise exchange_online()
            page = await _post(self._talk, url, self._versions[0], _get_folder(self._address), self._address)
            if page.redirect:
                url = self._follow(page, page.redirect)
                continue
            answer = _read_answer(self._talk, page)
            if answer.code in _TOO_NEW and len(self._versions) > 1:
                del self._versions[0]
            elif answer.code == "ErrorNonPrimarySmtpAddress" and answer.primary and not named_primary:
                self._address, named_primary = answer.primary, True
            else:
                return self._opened(page, answer)
        raise self._talk.web.refused(page, "too_many_redirects")

    def _opened(self, page: Page, answer: "_Answer") -> _Mailbox:
        if answer.code != "NoError" or not answer.has_folder:
            failure = self._talk.web.refused(page, answer.code or "not_ews", text=answer.text)
            wait = answer.back_off or failure.evidence.retry_after
            raise ProviderFailure(replace(failure.evidence, retry_after=wait))
        if not self._talk.logged_in(page):
            # A server that answers without a login proves nothing about a password.
            raise self._talk.web.senseless(page, "no_authentication")
        return _Mailbox(page.url, self._address, self._versions[0], answer.server)

    def _follow(self, page: Page, target: str) -> str:
        """Where the password may go next: another endpoint of the same host, or of the user's own domains."""
        before, there = origin(page.url), origin(target)
        path = urlsplit(target).path.lower()
        if path.endswith("/ews/genericerrorpage.htm"):
            raise self._talk.web.refused(page, "server_error_page")
        if there is not None and is_exchange_online(there[1]) and path.endswith(".asmx"):
            raise exchange_online()
        if there is None or there[0] != "https" or not path.endswith(".asmx"):
            raise self._talk.web.refused(page, "login_form")
        assert before is not None
        if there[1] != before[1] and not any(under(there[1], domain) for domain in self._own):
            raise self._talk.web.refused(page, "redirected_elsewhere", text=f"It leads to {there[1]}.")
        if there[1] != before[1]:
            require_shown(self._shown, there[1], of=self._shown or ())
        return target


async def _owner(talk: EwsTalk, mailbox: _Mailbox) -> str | None:
    """The mailbox's name in the directory; None when there is no answer, for any reason."""
    try:
        async with asyncio.timeout(NAME_TIMEOUT):
            page = await _post(talk, mailbox.url, mailbox.version, _resolve_names(mailbox.address), mailbox.address)
    except (ProviderFailure, TimeoutError):
        return None
    root = _xml(page)
    for resolution in root.iter(f"{{{_T}}}Resolution") if root is not None else ():
        address = resolution.findtext(f"{{{_T}}}Mailbox/{{{_T}}}EmailAddress") or ""
        if fold(address.strip()) == fold(mailbox.address):
            name = resolution.findtext(f"{{{_T}}}Contact/{{{_T}}}DisplayName") or resolution.findtext(
                f"{{{_T}}}Mailbox/{{{_T}}}Name"
            )
            return (name or "").strip()[:256] or None
    return None


async def _post(talk: EwsTalk, url: str, version: str, body: str, mailbox: str) -> Page:
    envelope = (
        f'<?xml version="1.0" encoding="utf-8"?><s:Envelope xmlns:s="{_SOAP}" xmlns:t="{_T}" xmlns:m="{_M}">'
        f"<s:Header><t:RequestServerVersion Version={quoteattr(version)}/></s:Header>"
        f"<s:Body>{body}</s:Body></s:Envelope>"
    )
    headers = {"Content-Type": "text/xml; charset=utf-8", "Accept": "text/xml"}
    if mailbox.isascii() and mailbox.isprintable():
        headers["X-AnchorMailbox"] = mailbox
    return await talk.post(url, envelope.encode(), headers=headers)


def _get_folder(address: str) -> str:
    return (
        "<m:GetFolder><m:FolderShape><t:BaseShape>IdOnly</t:BaseShape></m:FolderShape><m:FolderIds>"
        '<t:DistinguishedFolderId Id="msgfolderroot"><t:Mailbox>'
        f"<t:EmailAddress>{escape(address)}</t:EmailAddress></t:Mailbox></t:DistinguishedFolderId>"
        "</m:FolderIds></m:GetFolder>"
    )


def _resolve_names(address: str) -> str:
    return (
        '<m:ResolveNames ReturnFullContactData="true" SearchScope="ActiveDirectory">'
        f"<m:UnresolvedEntry>smtp:{escape(address)}</m:UnresolvedEntry></m:ResolveNames>"
    )


@dataclass(frozen=True, slots=True)
class _Answer:
    """What a SOAP answer says, be it a response message or a fault."""

    code: str
    text: str
    has_folder: bool
    primary: str | None
    back_off: float | None
    server: str


def _read_answer(talk: EwsTalk, page: Page) -> _Answer:
    """Raises ProviderFailure for what is no SOAP answer at all."""
    root = _xml(page)
    if root is None or root.tag != f"{{{_SOAP}}}Envelope":
        raise _no_soap(talk, page)
    # A fault has these names in a namespace of its own.
    words = {_bare(element.tag): (element.text or "").strip() for element in reversed(list(root.iter()))}
    values = {element.get("Name", ""): (element.text or "").strip() for element in root.iter(f"{{{_T}}}Value")}
    back_off = values.get("BackOffMilliseconds", "")
    version = root.find(f".//{{{_T}}}ServerVersionInfo")
    numbers = (
        [version.get(name, "") for name in ("MajorVersion", "MinorVersion", "MajorBuildNumber")]
        if version is not None
        else []
    )
    return _Answer(
        code=words.get("ResponseCode") or words.get("faultcode", "").rpartition(":")[2],
        text=words.get("MessageText") or words.get("faultstring", ""),
        has_folder=any(element.get("Id") for element in root.iter(f"{{{_T}}}FolderId")),
        primary=next((value for value in values.values() if domain_of(value)), None),
        back_off=min(int(back_off) / 1000, 3600.0) if back_off.isdecimal() else None,
        server=".".join(filter(None, numbers)),
    )


def _no_soap(talk: EwsTalk, page: Page) -> ProviderFailure:
    said = page.body[:65536].lower()
    if "x-caserrorcode" in page.headers:
        return talk.web.refused(page, "cas_error", text=page.headers["x-caserrorcode"])
    if b"locked out" in said:
        return talk.web.refused(page, "locked_out")
    if b"server error in '/ews'" in said:
        return talk.web.refused(page, "server_error_page")
    if page.status == 200:
        return talk.web.senseless(page, "login_form" if b"<form" in said else "not_ews")
    return talk.web.refused(page)


def _xml(page: Page) -> Element | None:
    try:
        return read_xml(page.body)
    except BadXml:
        return None


def _bare(tag: str) -> str:
    return tag.rpartition("}")[2]


def _read(login: EwsLogin) -> tuple[str, str, SecretStr]:
    """Address, user name and password. Raises InvalidRequest."""
    username, password = login.ews_username, login.ews_password
    if not username:
        raise InvalidRequest("settings.ews_username is required.")
    if not password.get_secret_value():
        raise InvalidRequest("settings.ews_password is required.")
    email = login.email or username
    if domain_of(email) is None:
        raise InvalidRequest("settings.email must be an email address.")
    texts = {"email": email, "ews_username": username, "ews_password": password.get_secret_value()}
    for name, text in texts.items():
        if any(ord(char) < 32 or "\ud800" <= char <= "\udfff" or char in "\ufffe\uffff" for char in text):
            raise InvalidRequest(f"settings.{name} contains a character that no Exchange server accepts.")
    if ":" in username:
        raise InvalidRequest("settings.ews_username contains a colon, which no user name may.")
    return email, username, password


def _own_domains(email: str, username: str) -> tuple[str, ...]:
    """Where Autodiscover may send the password."""
    return tuple(f"*.{domain}" for domain in dict.fromkeys(filter(None, (domain_of(email), domain_of(username)))))


def _host(url: str) -> str:
    return urlsplit(url).hostname or ""


def _given_url(login: EwsLogin) -> str | None:
    """The endpoint at the host the caller named, be it by its whole URL. Raises InvalidRequest."""
    given = (login.ews_host or "").strip()
    if not given:
        return None
    wrong = InvalidRequest("settings.ews_host must be a host name, or an https:// URL.")
    if given.count(":") > 1 and "/" not in given and not given.startswith("["):
        given = f"[{given}]"
    there = origin(given if "://" in given else f"https://{given}")
    if there is None or there[0] != "https":
        raise wrong
    parts = urlsplit(given if "://" in given else f"https://{given}")
    try:
        host = str(parse_host(there[1]))
    except BadHost:
        raise wrong from None
    port = parts.port or login.ews_port or 443
    name = f"[{host}]" if ":" in host else host
    path = parts.path if parts.path.lower().endswith(".asmx") else "/EWS/Exchange.asmx"
    return f"https://{name}{'' if port == 443 else f':{port}'}{path}"
