"""Any mailbox by IMAP, with SMTP beside it: the password proves itself by logging in.

Source  contract of connect/custom, IMAP variant; RFC 9051, RFC 4954
Quirks  hosts and ports may be missing; some providers log in by the local part of the address; Google shows app
        passwords with spaces that are not part of them. Servers lock accounts after few failures: there is one
        attempt, and a second only where the server is known to need another spelling.
"""

import asyncio
import contextlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple, cast

from pydantic import SecretStr

from opengrant.errors import Evidence, InvalidRequest, ProviderFailure
from opengrant.model import Identity, Verified
from opengrant.net.guard import domain_of
from opengrant.net.mail_login import MailClient, Session, Wanted
from opengrant.providers.imap.discovery import Endpoint, Found, MailHosts, login_at
from opengrant.providers.mail.refusals import judge
from opengrant.providers.verdict import Kind

WHOLE = 75.0
"""Seconds for finding the hosts and proving both legs, not counting the wait for a turn."""

_GMAIL = frozenset({"imap.gmail.com", "smtp.gmail.com", "imap.googlemail.com", "smtp.googlemail.com"})
_SHOWN = ("imap_username", "email", "smtp_username", "type")
_ABOUT_SMTP = ("smtp_port", "smtp_username", "smtp_password")


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

    async def verify(self, settings: Mapping[str, Any]) -> Verified:
        """Prove both legs.

        settings  imap_username, imap_password (SecretStr); optional: email (counts where the user name is no
                  address), imap_host, imap_port, smtp_host, smtp_port (ports
                  as int), smtp_username, smtp_password (SecretStr), type; to prove a mailbox once more, all that the
                  last proof returned
        Returns   `settings`: hosts, ports, user names, type. `secret`: imap_password, imap_security and, with SMTP,
                  smtp_password, smtp_security; imap_login and smtp_login where another spelling than given worked.
        Raises    InvalidRequest, ProviderFailure (its evidence names the leg; IMAP's comes first), Overloaded
        """
        settings = _with_address(settings)
        incoming, outgoing = _read_logins(settings)
        async with self._door.turn():
            try:
                async with asyncio.timeout(WHOLE):
                    imap, smtp = await self._prove(settings, incoming, outgoing)
            except TimeoutError:
                raise ProviderFailure(Evidence("imap", "imap", "command", code="timeout")) from None
        return _verified(settings, incoming, outgoing, imap, smtp)

    async def _prove(
        self, settings: Mapping[str, Any], incoming: _Login, outgoing: _Login
    ) -> tuple[_Proof, _Proof | None]:
        found = None if settings.get("imap_host") else await self._hosts.find(_address(settings))
        submission = asyncio.create_task(self._prove_smtp(settings, incoming, outgoing, found))
        try:
            imap = await self._try("imap", _imap_places(settings, found), incoming)
            return imap, await submission
        finally:
            # A failure of IMAP is the answer; then SMTP's does not matter.
            submission.cancel()
            await asyncio.gather(submission, return_exceptions=True)

    async def _prove_smtp(
        self, settings: Mapping[str, Any], incoming: _Login, outgoing: _Login, found: Found | None
    ) -> _Proof | None:
        if host := settings.get("smtp_host"):
            login = None if settings.get("smtp_username") else login_at(host, outgoing.username)
            places = _named_places("smtp", settings, (465, 587), login)
            return await self._try("smtp", places, outgoing)
        if "imap_security" in settings:
            return None  # proven before, and without it
        if found is None:
            found = await self._hosts.beside(settings["imap_host"], _address(settings))
        if found is None or found.smtp is None:
            _refuse_homeless(settings)
            return None
        place = _place(found.smtp, settings.get("smtp_port"))
        if settings.get("smtp_username") or settings.get("email"):
            place = place._replace(login=None)
        try:
            return await self._try("smtp", [place], outgoing)
        except ProviderFailure as failure:
            if found.source == "guess" and not _reached(failure):
                _refuse_homeless(settings)
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


def _read_logins(settings: Mapping[str, Any]) -> tuple[_Login, _Login]:
    """The caller's credentials for IMAP and for SMTP, which default to IMAP's. Raises InvalidRequest."""
    given: dict[str, str] = {}
    for field in ("imap_username", "imap_password", "smtp_username", "smtp_password"):
        value = settings.get(field)
        text = value.get_secret_value() if isinstance(value, SecretStr) else value or ""
        if not text and field.startswith("imap"):
            raise InvalidRequest(f"settings.{field} is required.")
        if any(control in text for control in "\0\r\n") or any("\ud800" <= char <= "\udfff" for char in text):
            raise InvalidRequest(f"settings.{field} contains a character that no mail server accepts.")
        given[field] = text
    return (
        _Login(given["imap_username"], SecretStr(given["imap_password"])),
        _Login(
            given["smtp_username"] or given["imap_username"],
            SecretStr(given["smtp_password"] or given["imap_password"]),
        ),
    )


def _with_address(settings: Mapping[str, Any]) -> Mapping[str, Any]:
    """Without the email where the user name is an address itself. Raises InvalidRequest."""
    email = settings.get("email")
    if not email:
        return settings
    if domain_of(settings.get("imap_username") or "") is not None:
        return {name: value for name, value in settings.items() if name != "email"}
    if domain_of(email) is None:
        raise InvalidRequest("settings.email must be an email address.")
    return settings


def _address(settings: Mapping[str, Any]) -> str:
    """Whose mailbox it is: the user name, or the address beside one that is none."""
    return cast(str, settings.get("email") or settings["imap_username"])


def _refuse_homeless(settings: Mapping[str, Any]) -> None:
    """No SMTP server is known: what is given for one could not be proven. Raises InvalidRequest."""
    if given := [name for name in _ABOUT_SMTP if settings.get(name)]:
        raise InvalidRequest(
            f"settings.smtp_host is required: without it nobody knows the server that {' and '.join(given)}"
            f" {'is' if len(given) == 1 else 'are'} for. Give it, or leave every smtp_ setting out."
        )


def _imap_places(settings: Mapping[str, Any], found: Found | None) -> list[_Place]:
    if found is not None:
        place = _place(found.imap, settings.get("imap_port"))
        # A user name beside the address is how the server wants the user called.
        return [place._replace(login=None) if settings.get("email") else place]
    login = login_at(settings["imap_host"], settings["imap_username"])
    return _named_places("imap", settings, (993, 143), login)


def _named_places(
    leg: Literal["imap", "smtp"], settings: Mapping[str, Any], ports: tuple[int, ...], login: str | None
) -> list[_Place]:
    """The host that the settings name, in the way that an earlier proof of them went through, if there was one."""
    host, port, security = (settings.get(f"{leg}_{name}") for name in ("host", "port", "security"))
    if security is None:
        return [_Place(cast(str, host), one, "auto", login) for one in ([port] if port else ports)]
    # What had no TLS then may have it by now.
    wanted = cast(Wanted, "auto" if security == "plain" else security)
    return [_Place(cast(str, host), cast(int, port), wanted, settings.get(f"{leg}_login"))]


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


def _verified(
    settings: Mapping[str, Any], incoming: _Login, outgoing: _Login, imap: _Proof, smtp: _Proof | None
) -> Verified:
    shown: dict[str, Any] = {name: settings[name] for name in _SHOWN if settings.get(name)}
    secret: dict[str, Any] = {}
    for leg, proof, given in (("imap", imap, incoming), ("smtp", smtp, outgoing)):
        if proof is None:
            continue
        shown |= {f"{leg}_host": proof.session.host, f"{leg}_port": proof.session.port}
        secret |= {
            f"{leg}_password": proof.login.password.get_secret_value(),
            f"{leg}_security": proof.session.security,
        }
        if proof.login.username != given.username:
            secret[f"{leg}_login"] = proof.login.username
    return Verified(Identity(email=_address(settings)), shown, secret)
