"""Any mailbox by IMAP, with SMTP beside it: the password proves itself by logging in.

Source  contract of connect/custom, IMAP variant; RFC 9051, RFC 4954
Quirks  hosts and ports may be missing; some providers log in by the local part of the address; Google shows app
        passwords with spaces that are not part of them. Servers lock accounts after few failures: there is one
        attempt, and a second only where the server is known to need another spelling.
"""

import asyncio
import contextlib
from dataclasses import dataclass, replace
from typing import Literal, NamedTuple

from pydantic import SecretStr

from opengrant.errors import Evidence, InvalidRequest, ProviderFailure
from opengrant.model import Identity, ImapSecret, Verified
from opengrant.model.basics import ShownSettings, text_in
from opengrant.model.logins import ImapLogin, require_shown
from opengrant.model.secrets import Security
from opengrant.model.stored_logins import MailServerLogin, StoredLogin
from opengrant.net.guard import domain_of
from opengrant.net.mail_login import STARTTLS, MailClient, Session, Wanted
from opengrant.providers.imap.discovery import Endpoint, Found, MailHosts, find_in_table, login_at
from opengrant.providers.mail.refusals import judge
from opengrant.providers.verdict import Kind

WHOLE = 75.0
"""Seconds for finding the hosts and proving both legs, not counting the wait for a turn."""

_GMAIL = frozenset({"imap.gmail.com", "smtp.gmail.com", "imap.googlemail.com", "smtp.googlemail.com"})


class _Place(NamedTuple):
    """A server to try; `login` is the user name for it, where known."""

    host: str
    port: int
    security: Wanted
    login: str | None = None


@dataclass(frozen=True, slots=True)
class _Login:
    """What the caller gave for one leg, in its own spelling."""

    username: str
    password: SecretStr


@dataclass(frozen=True, slots=True)
class _Proof:
    """A leg that passed: where, and with which spelling."""

    session: Session
    login: _Login


class Imap:
    """Verifies IMAP settings. iCloud and others with fixed hosts may call it with those."""

    def __init__(self, door: MailClient, hosts: MailHosts) -> None:
        self._door, self._hosts = door, hosts

    async def verify(self, asked: ImapLogin) -> Verified:
        """Prove both legs.

        Returns   `settings`: hosts, ports, user names, type. `secret`: with SMTP its part too, and the user names where
                  another spelling than given worked.
        Raises    InvalidRequest, ProviderFailure (its evidence names the leg; IMAP's comes first), Overloaded
        """
        asked = _with_address(asked)
        incoming, outgoing = _read_logins(asked)
        async with self._door.turn():
            try:
                async with asyncio.timeout(WHOLE):
                    imap, smtp = await self._prove(asked, incoming, outgoing)
            except TimeoutError:
                raise ProviderFailure(Evidence("imap", "imap", "command", code="timeout")) from None
        return _verified(asked, incoming, outgoing, imap, smtp)

    async def servers(self, asked: ImapLogin, *, search: bool) -> tuple[str, ...]:
        """The hosts that `verify` sends the password to. Raises InvalidRequest, ProviderFailure."""
        return _hosts(asked, await self._look_up(_with_address(asked), search=search))

    def stored_login(self, settings: ShownSettings, secret: ImapSecret) -> StoredLogin:
        """SMTP only where it was proven."""
        again = ImapLogin(
            imap_username=str(settings["imap_username"]),
            imap_password=secret.imap_password,
            smtp_username=text_in(settings, "smtp_username"),
            smtp_password=secret.smtp_password,
        )
        incoming, outgoing = _read_logins(again)
        return StoredLogin(
            imap=_server(settings, "imap", secret.imap_security, secret.imap_login, incoming),
            smtp=None
            if secret.smtp_password is None
            else _server(settings, "smtp", secret.smtp_security, secret.smtp_login, outgoing),
        )

    async def _prove(self, asked: ImapLogin, incoming: _Login, outgoing: _Login) -> tuple[_Proof, _Proof | None]:
        found = None
        if not asked.imap_host or asked.shown is not None:
            found = await self._look_up(asked)
            _require_shown(asked, found)
        submission = asyncio.create_task(self._prove_smtp(asked, incoming, outgoing, found))
        try:
            imap = await self._try("imap", _imap_places(asked, found), incoming)
            return imap, await submission
        finally:
            # A failure of IMAP is the answer; then SMTP's does not matter.
            submission.cancel()
            await asyncio.gather(submission, return_exceptions=True)

    async def _look_up(self, asked: ImapLogin, *, search: bool = True) -> Found | None:
        """The servers that the settings leave out."""
        address = _address(asked)
        if not search:
            domain = domain_of(address)
            return None if asked.imap_host or domain is None else find_in_table(address, domain)
        if not asked.imap_host:
            return await self._hosts.find(address)
        if asked.smtp_host or asked.proven is not None:
            return None
        return await self._hosts.beside(asked.imap_host, address)

    async def _prove_smtp(
        self, asked: ImapLogin, incoming: _Login, outgoing: _Login, found: Found | None
    ) -> _Proof | None:
        if asked.smtp_host:
            login = None if asked.smtp_username else login_at(asked.smtp_host, outgoing.username)
            places = _named_places(asked.smtp_host, asked.smtp_port, (465, 587), login, _smtp_before(asked))
            return await self._try("smtp", places, outgoing)
        if asked.proven is not None:
            return None  # proven before, and without it
        if found is None:
            found = await self._hosts.beside(asked.imap_host or "", _address(asked))
        if found is None or found.smtp is None:
            _refuse_homeless(asked)
            return None
        place = _place(found.smtp, asked.smtp_port)
        if asked.smtp_username or asked.email:
            place = place._replace(login=None)
        try:
            return await self._try("smtp", [place], outgoing)
        except ProviderFailure as failure:
            if found.source == "guess" and not _reached(failure):
                _refuse_homeless(asked)
                return None
            raise

    async def _try(self, leg: Literal["imap", "smtp"], places: list[_Place], login: _Login) -> _Proof:
        """Log in at the first place where a server answers. A refusal there is final."""
        first: ProviderFailure | None = None
        for place in places:
            try:
                return await self._try_spellings(leg, place, login)
            except ProviderFailure as failure:
                first = first or failure
                if _reached(failure) or failure.evidence.step == "dns":
                    raise
        assert first is not None
        raise first

    async def _try_spellings(self, leg: Literal["imap", "smtp"], place: _Place, login: _Login) -> _Proof:
        *others, last = _spellings(place, login)
        for spelling in others:
            # A refusal is what the second spelling is for.
            with contextlib.suppress(_Refused):
                return await self._log_in(leg, place, spelling)
        try:
            return await self._log_in(leg, place, last)
        except _Refused as refused:
            raise refused.failure from None

    async def _log_in(self, leg: Literal["imap", "smtp"], place: _Place, login: _Login) -> _Proof:
        log_in = self._door.imap_login if leg == "imap" else self._door.smtp_login
        try:
            session = await log_in(
                "imap",
                host=place.host,
                port=place.port,
                security=place.security,
                username=login.username,
                password=login.password,
            )
        except ProviderFailure as failure:
            refused = failure.evidence.code in ("AUTHENTICATIONFAILED", "NO") or failure.evidence.status == 535
            if refused and judge(failure.evidence).kind not in (Kind.PROVIDER_DOWN, Kind.RATE_LIMITED):
                raise _Refused(failure) from None
            raise
        return _Proof(session, login)


class _Refused(Exception):
    """The server did not like the credentials: another spelling may help."""

    def __init__(self, failure: ProviderFailure) -> None:
        super().__init__()
        self.failure = failure


def _read_logins(asked: ImapLogin) -> tuple[_Login, _Login]:
    """The caller's credentials for IMAP and for SMTP, which default to IMAP's. Raises InvalidRequest."""
    imap_password = asked.imap_password.get_secret_value()
    smtp_password = "" if asked.smtp_password is None else asked.smtp_password.get_secret_value()
    for name, text in (
        ("imap_username", asked.imap_username),
        ("imap_password", imap_password),
        ("smtp_username", asked.smtp_username or ""),
        ("smtp_password", smtp_password),
    ):
        if not text and name.startswith("imap"):
            raise InvalidRequest(f"settings.{name} is required.")
        if any(control in text for control in "\0\r\n") or any("\ud800" <= char <= "\udfff" for char in text):
            raise InvalidRequest(f"settings.{name} contains a character that no mail server accepts.")
    return (
        _Login(asked.imap_username, asked.imap_password),
        _Login(asked.smtp_username or asked.imap_username, SecretStr(smtp_password or imap_password)),
    )


def _with_address(asked: ImapLogin) -> ImapLogin:
    """Without the email where the user name is an address itself. Raises InvalidRequest."""
    if not asked.email:
        return asked
    if domain_of(asked.imap_username) is not None:
        return replace(asked, email=None)
    if domain_of(asked.email) is None:
        raise InvalidRequest("settings.email must be an email address.")
    return asked


def _address(asked: ImapLogin) -> str:
    """Whose mailbox it is: the user name, or the address beside one that is none."""
    return asked.email or asked.imap_username


def _refuse_homeless(asked: ImapLogin) -> None:
    """No SMTP server is known: what is given for one could not be proven. Raises InvalidRequest."""
    about = (
        ("smtp_port", asked.smtp_port),
        ("smtp_username", asked.smtp_username),
        ("smtp_password", asked.smtp_password),
    )
    if given := [name for name, value in about if value]:
        raise InvalidRequest(
            f"settings.smtp_host is required: it names the server that {' and '.join(given)}"
            f" {'is' if len(given) == 1 else 'are'} for. Give it, or leave every smtp_ setting out."
        )


def _hosts(asked: ImapLogin, found: Found | None) -> tuple[str, ...]:
    imap = asked.imap_host or (found and found.imap.host)
    smtp = asked.smtp_host or (found and found.smtp and found.smtp.host)
    return tuple(dict.fromkeys(host for host in (imap, smtp) if host)) if imap else ()


def _require_shown(asked: ImapLogin, found: Found | None) -> None:
    """Raises NotShown."""
    named = {asked.imap_host, asked.smtp_host}
    hosts = _hosts(asked, found)
    require_shown(asked.shown, *(host for host in hosts if host not in named), of=hosts)


def _imap_places(asked: ImapLogin, found: Found | None) -> list[_Place]:
    if found is not None and not asked.imap_host:
        place = _place(found.imap, asked.imap_port)
        # A user name beside the address is how the server wants the user called.
        return [place._replace(login=None) if asked.email else place]
    host = asked.imap_host or ""
    return _named_places(host, asked.imap_port, (993, 143), login_at(host, asked.imap_username), _imap_before(asked))


class _Before(NamedTuple):
    """How an earlier proof of a leg went through."""

    security: Security
    login: str | None


def _imap_before(asked: ImapLogin) -> _Before | None:
    proven = asked.proven
    return None if proven is None or proven.imap_security is None else _Before(proven.imap_security, proven.imap_login)


def _smtp_before(asked: ImapLogin) -> _Before | None:
    proven = asked.proven
    return None if proven is None or proven.smtp_security is None else _Before(proven.smtp_security, proven.smtp_login)


def _named_places(
    host: str, port: int | None, ports: tuple[int, ...], login: str | None, before: _Before | None
) -> list[_Place]:
    """The host that the settings name, in the way that an earlier proof of them went through, if there was one."""
    if before is None or port is None:
        return [_Place(host, one, "auto", login) for one in ([port] if port else ports)]
    # What had no TLS then may have it by now.
    return [_Place(host, port, "auto" if before.security == "plain" else before.security, before.login)]


def _place(endpoint: Endpoint, port: int | None) -> _Place:
    """A server that was found; a port of the caller's own comes before the one found."""
    if port and port != endpoint.port:
        return _Place(endpoint.host, port, "auto", endpoint.username)
    return _Place(endpoint.host, endpoint.port, endpoint.security, endpoint.username)


def _spellings(place: _Place, login: _Login) -> list[_Login]:
    """The login as the server wants it, then as given: two at most."""
    spellings = [_Login(place.login or login.username, login.password), login]
    if place.host in _GMAIL:
        joined = SecretStr(login.password.get_secret_value().replace(" ", ""))
        spellings = [login, _Login(login.username, joined)]
    first, second = spellings
    return [first] if first == second else [first, second]


def _reached(failure: ProviderFailure) -> bool:
    """Whether a mail server was there to answer, be it with a bad certificate."""
    evidence = failure.evidence
    broke_off = evidence.code in ("timeout", "closed", "reset")
    return (
        evidence.step in ("auth", "command")
        or (evidence.step == "greeting" and not broke_off)
        or evidence.code == "CERTIFICATE_VERIFY_FAILED"
    )


def _server(
    settings: ShownSettings,
    leg: Literal["imap", "smtp"],
    security: Security | None,
    spelling: str | None,
    login: _Login,
) -> MailServerLogin:
    port = int(settings[f"{leg}_port"])
    return MailServerLogin(
        host=str(settings[f"{leg}_host"]),
        port=port,
        security=security or ("starttls" if port in STARTTLS else "tls"),
        username=spelling or login.username,
        password=login.password,
    )


def _verified(asked: ImapLogin, incoming: _Login, outgoing: _Login, imap: _Proof, smtp: _Proof | None) -> Verified:
    given = (
        ("imap_username", asked.imap_username),
        ("email", asked.email),
        ("smtp_username", asked.smtp_username),
        ("type", asked.type),
    )
    shown: dict[str, str | int] = {name: value for name, value in given if value}
    shown |= {"imap_host": imap.session.host, "imap_port": imap.session.port}
    secret = ImapSecret(
        imap_password=imap.login.password,
        imap_security=imap.session.security,
        imap_login=None if imap.login.username == incoming.username else imap.login.username,
    )
    if smtp is not None:
        shown |= {"smtp_host": smtp.session.host, "smtp_port": smtp.session.port}
        secret = replace(
            secret,
            smtp_password=smtp.login.password,
            smtp_security=smtp.session.security,
            smtp_login=None if smtp.login.username == outgoing.username else smtp.login.username,
        )
    return Verified(Identity(email=_address(asked)), shown, secret)
