"""iCloud: an app-specific password for mail and calendars; hosts are fixed by settings.

Source  Apple's "iCloud Mail server settings" and "Sign in to apps with your Apple Account using app-specific
        passwords"; CalDAV discovery as net/dav.py has it
Quirks  IMAP wants the local part of the address or the whole of it, SMTP and CalDAV the whole. CalDAV knows any
        Apple account, mail only those with an iCloud mailbox. Apple documents no form of the password: one of
        another shape is sent as given, and a refusal then says so.
"""

import asyncio
import re
from dataclasses import replace
from pathlib import Path
from urllib.parse import urlsplit

from pydantic import SecretStr

from opengrant.errors import Evidence, InvalidRequest, ProviderFailure
from opengrant.model import ICloudSecret, Identity, Verified
from opengrant.model.basics import ShownSettings
from opengrant.model.logins import ICloudLogin
from opengrant.model.secrets import Security
from opengrant.model.stored_logins import CaldavLogin, MailServerLogin, StoredLogin
from opengrant.net.dav import Account, DavClient
from opengrant.net.guard import Guard
from opengrant.net.mail_login import STARTTLS, MailClient, Session
from opengrant.net.observe import Observe
from opengrant.providers.icloud.refusals import NOT_APPS_SHAPE, OTHER_LEG_ACCEPTED
from opengrant.providers.mail.refusals import judge
from opengrant.providers.verdict import Kind

WHOLE = 75.0
"""Seconds for all legs together, not counting the wait for a turn."""
CALDAV_TIMEOUT = 20.0
"""Seconds for finding the calendars."""

_MAIL_DOMAINS = frozenset({"icloud.com", "me.com", "mac.com"})
_APP_PASSWORD = re.compile(r"[a-z]{4}(-[a-z]{4}){3}")
_DSID = re.compile(r"/([0-9]+)/principal(/|$)")


class ICloud:
    """Verifies iCloud settings.

    mail, guard  for hosts that the operator names: they refuse no address
    caldav_url   where discovery begins; empty leaves the calendars out
    observe      called for each discovery; the mail client has an observer of its own
    """

    def __init__(
        self,
        mail: MailClient,
        guard: Guard,
        *,
        imap_host: str,
        imap_port: int,
        smtp_host: str,
        smtp_port: int,
        caldav_url: str,
        ca_file: Path | None,
        observe: Observe | None = None,
    ) -> None:
        self._mail = mail
        self._imap, self._smtp = (imap_host, imap_port), (smtp_host, smtp_port)
        self._caldav_url = caldav_url
        self._dav = DavClient(guard, timeout=CALDAV_TIMEOUT, ca_file=ca_file, allowed=("icloud.com",), observe=observe)

    async def verify(self, login: ICloudLogin) -> Verified:
        """Prove the password for IMAP, SMTP and CalDAV at once; all three must accept it.

        Returns   `settings`: username. `secret`: the calendars' part where there are any. The identity's subject is
                  Apple's dsid.
        Raises    InvalidRequest, ProviderFailure (of mail first, then of the calendars), Overloaded
        """
        username, password = _read(login)
        address = username if "@" in username else f"{username}@icloud.com"
        async with self._mail.turn():
            try:
                async with asyncio.timeout(WHOLE):
                    imap, smtp, account = await self._prove(_imap_names(login), address, password)
            except TimeoutError:
                raise ProviderFailure(Evidence("icloud", "imap", "command", code="timeout")) from None
        imap_login, session = imap
        secret = ICloudSecret(
            password=password,
            imap_login=imap_login,
            imap_security=session.security,
            smtp_login=address,
            smtp_security=smtp.security,
        )
        dsid = None
        if account is not None:
            secret = replace(
                secret,
                caldav_login=address,
                caldav_principal=account.principal,
                caldav_home=account.calendar_home,
            )
            found = _DSID.match(urlsplit(account.principal).path)
            dsid = found[1] if found else None
        return Verified(Identity(address, subject=dsid, user_id=dsid), {"username": username}, secret)

    async def servers(self, _: ICloudLogin, *, search: bool) -> tuple[str, ...]:
        """The hosts that `verify` sends the password to."""
        calendars = urlsplit(self._caldav_url).hostname
        return tuple(dict.fromkeys(filter(None, (self._imap[0], self._smtp[0], calendars))))

    def stored_login(self, settings: ShownSettings, secret: ICloudSecret) -> StoredLogin:
        """Apple's servers. The calendars' only where they were proven."""
        username = str(settings["username"])
        return StoredLogin(
            imap=_server(self._imap, secret.imap_security, secret.imap_login or username, secret.password),
            smtp=_server(self._smtp, secret.smtp_security, secret.smtp_login or username, secret.password),
            caldav=None
            if secret.caldav_principal is None
            else CaldavLogin(
                principal_url=secret.caldav_principal,
                home_url=secret.caldav_home,
                username=secret.caldav_login or username,
                password=secret.password,
            ),
        )

    async def reach(self) -> str:
        """Connect to the mail server without a login. Returns its host. Raises ProviderFailure."""
        host, port = self._imap
        await self._mail.meet("icloud", "imap", host, port, implicit=port not in STARTTLS)
        return host

    async def _prove(
        self, names: list[str], address: str, password: SecretStr
    ) -> tuple[tuple[str, Session], Session, Account | None]:
        """All legs at once. Waits for each, since one answer explains another."""
        imap, smtp, caldav = await asyncio.gather(
            self._prove_imap(names, password),
            self._prove_smtp(address, password),
            self._prove_caldav(address, password),
            return_exceptions=True,
        )
        mail_works, calendars_work = not isinstance(imap, BaseException), isinstance(caldav, Account)
        for outcome, other_accepted in (
            (imap, calendars_work),
            (smtp, calendars_work or mail_works),
            (caldav, mail_works),
        ):
            if isinstance(outcome, ProviderFailure):
                raise _explained(outcome, password, other_accepted=other_accepted) from None
            if isinstance(outcome, BaseException):
                raise outcome
        assert not isinstance(imap, BaseException)
        assert not isinstance(smtp, BaseException)
        assert not isinstance(caldav, BaseException)
        return imap, smtp, caldav

    async def _prove_imap(self, names: list[str], password: SecretStr) -> tuple[str, Session]:
        """Two attempts at most, and the second only after a refusal."""
        host, port = self._imap
        *others, last = names
        for name in others:
            try:
                return name, await self._mail.imap_login(
                    "icloud", host=host, port=port, security="auto", username=name, password=password
                )
            except ProviderFailure as failure:
                refused = failure.evidence.code in ("AUTHENTICATIONFAILED", "NO")
                if not refused or judge(failure.evidence).kind in (Kind.PROVIDER_DOWN, Kind.RATE_LIMITED):
                    raise
        return last, await self._mail.imap_login(
            "icloud", host=host, port=port, security="auto", username=last, password=password
        )

    async def _prove_smtp(self, address: str, password: SecretStr) -> Session:
        host, port = self._smtp
        return await self._mail.smtp_login(
            "icloud", host=host, port=port, security="auto", username=address, password=password
        )

    async def _prove_caldav(self, address: str, password: SecretStr) -> Account | None:
        if not self._caldav_url:
            return None
        return await self._dav.discover("icloud", self._caldav_url, username=address, password=password)


def _server(place: tuple[str, int], security: Security | None, username: str, password: SecretStr) -> MailServerLogin:
    host, port = place
    return MailServerLogin(
        host=host,
        port=port,
        security=security or ("starttls" if port in STARTTLS else "tls"),
        username=username,
        password=password,
    )


def _read(login: ICloudLogin) -> tuple[str, SecretStr]:
    """User name and password. Raises InvalidRequest."""
    username, password = login.username, login.password
    if not username:
        raise InvalidRequest("settings.username is required.")
    if not password.get_secret_value():
        raise InvalidRequest("settings.password is required.")
    for name, text in (("username", username), ("password", password.get_secret_value())):
        if any(control in text for control in "\0\r\n") or any("\ud800" <= char <= "\udfff" for char in text):
            raise InvalidRequest(f"settings.{name} contains a character that no mail server accepts.")
    if ":" in username:
        raise InvalidRequest("settings.username contains a colon, which no iCloud address does.")
    return username, password


def _imap_names(login: ICloudLogin) -> list[str]:
    """User names to try: as given and in the other form, but first the one that worked before.

    The local part of a foreign address is another user's name.
    """
    username = login.username
    local, at, domain = username.rpartition("@")
    names = [username]
    if not at:
        names.append(f"{username}@icloud.com")
    elif local and domain.lower() in _MAIL_DOMAINS:
        names.append(local)
    return sorted(names, key=lambda name: name != login.imap_login)


def _explained(failure: ProviderFailure, password: SecretStr, *, other_accepted: bool) -> ProviderFailure:
    """The failure with subcodes for what is known besides; refusals.py judges by them."""
    more = [OTHER_LEG_ACCEPTED] if other_accepted else []
    if not _APP_PASSWORD.fullmatch(password.get_secret_value()):
        more.append(NOT_APPS_SHAPE)
    return ProviderFailure(replace(failure.evidence, subcodes=(*failure.evidence.subcodes, *more)))
