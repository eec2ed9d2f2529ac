"""The dry run of an import: each row is read and compared as an import would do it. Nothing is written or asked."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterable, Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Literal

from opengrant.imports.loading import NewImport, Tell, mail_host
from opengrant.imports.reading import CutOff
from opengrant.imports.rows import Exported, Item, Refused, RowForm, Rows, Taken
from opengrant.imports.seen import TOGETHER, address_of
from opengrant.model import Application, ProviderName, mailbox_key
from opengrant.model.imports import ImportRow
from opengrant.model.logins import OAuthLogin
from opengrant.providers.registry import HERE
from opengrant.store.connectors import connectors
from opengrant.store.engine.port import Steps, Store
from opengrant.store.imports import known
from opengrant.vault.digests import Digests

Standing = Literal["new", "known", "unknown"]
"""Whether the mailbox of a row has a grant; unknown: only the provider knows the mailbox."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Speeds:
    """Rows a second that an import may verify: of one source, of one provider, at one mail host, by one process."""

    source: float
    provider: float
    mail_host: float
    process: float


@dataclass(slots=True)
class Part:
    """The rows of one source that can be imported. staged: they wait for the cut-over."""

    source: str
    provider: ProviderName
    host: str | None
    staged: bool
    rows: int = 0


@dataclass(slots=True)
class Report:
    """What an import would do.

    rows       that can be imported, by what is known of their mailbox
    refused    lines, by class
    missing    provider without a connector → its rows; they are among `rows`
    exported   grants of an export, which are restored without asking a provider
    seconds    forecast of the time, without waits for a provider in trouble
    """

    lines: int = 0
    rows: Counter[Standing] = field(default_factory=Counter)
    refused: Counter[str] = field(default_factory=Counter)
    providers: Counter[ProviderName] = field(default_factory=Counter)
    parts: dict[str, Part] = field(default_factory=dict)
    missing: Counter[ProviderName] = field(default_factory=Counter)
    exported: int = 0
    seconds: float = 0

    @property
    def is_clean(self) -> bool:
        return not self.refused and not self.missing


@dataclass(frozen=True, slots=True, kw_only=True)
class Checking:
    """Built once, in assembly/imports.py.

    rotates     as in Loading
    single_use  providers whose refresh tokens work once
    """

    db: Store
    digests: Digests
    rotates: frozenset[ProviderName]
    single_use: frozenset[ProviderName]
    speeds: Speeds

    async def check(
        self,
        app: Application,
        pieces: AsyncIterable[bytes],
        new: NewImport,
        form: RowForm,
        *,
        exports: bool = False,
        refuse: Callable[[Refused], None] = lambda _: None,
        tell: Tell | None = None,
    ) -> Report:
        """What an import would do. Raises InvalidPayload, InvalidRequest.

        refuse  is called with each line that would be refused, in their order
        """
        rows = Rows(form, new.map, new.format, exports=exports)
        check = _Check(self, app, new, refuse)
        await check.begin()
        try:
            cut = await self._read(pieces, rows, check, tell)
            await check.take(rows.end(cut))
            await check.compare()
        finally:
            rows.close()
        check.report.lines = rows.line
        check.report.seconds = self._forecast(check.report)
        return check.report

    async def _read(
        self, pieces: AsyncIterable[bytes], rows: Rows, check: "_Check", tell: Tell | None
    ) -> CutOff | None:
        size = 0
        try:
            async for piece in pieces:
                size += len(piece)
                await check.take(rows.feed(piece))
                if tell is not None:
                    tell(size, rows.line)
                await asyncio.sleep(0)
        except CutOff as problem:
            return problem
        return None

    def _forecast(self, report: Report) -> float:
        """The slowest of what limits it; parts go on beside each other."""
        hosts = Counter[str]()
        for part in report.parts.values():
            if part.host is not None:
                hosts[part.host] += part.rows
        limits = [
            sum(report.providers.values()) / self.speeds.process,
            *(rows / self.speeds.provider for name, rows in report.providers.items() if name not in HERE),
            *(part.rows / self.speeds.source for part in report.parts.values() if part.provider not in HERE),
            *(rows / self.speeds.mail_host for rows in hosts.values()),
        ]
        return max(limits)


class _Check:
    def __init__(self, checking: Checking, app: Application, new: NewImport, refuse: Callable[[Refused], None]) -> None:
        self.report = Report()
        self._checking = checking
        self._app = app
        self._new = new
        self._refuse = refuse
        self._credentials: frozenset[str] = frozenset()
        self._sources: dict[ProviderName, str | None] = {}
        self._waiting: list[ImportRow | Refused] = []

    async def begin(self) -> None:
        self._credentials = await self._checking.db.read(known.credential_ids(self._app.id))

    async def take(self, items: Iterator[Item]) -> None:
        for item in items:
            match item:
                case Taken(row):
                    self._waiting.append(row)
                case Refused():
                    self._waiting.append(item)
                case Exported(_, members):
                    self.report.exported += members["kind"] == "grant"
            if len(self._waiting) >= TOGETHER:
                await self.compare()

    async def compare(self) -> None:
        """Compare the rows that wait with the store."""
        waiting, self._waiting = self._waiting, []
        found = await self._checking.db.read(self._look_up([one for one in waiting if isinstance(one, ImportRow)]))
        for one in waiting:
            problem = one if isinstance(one, Refused) else self._problem(one, found)
            if problem is not None:
                self.report.refused[problem.class_] += 1
                self._refuse(problem)
            elif isinstance(one, ImportRow):
                await self._count(one, found)

    def _look_up(self, rows: list[ImportRow]) -> "Steps[_Found]":
        app, dialect = self._app.id, self._checking.db.dialect
        keys = [key for row in rows if (key := _mailbox(row)) is not None]
        ids = [row.grant_id for row in rows if row.grant_id is not None]
        external = [row.ask.external_id for row in rows if row.ask.external_id is not None]
        tokens = {row.line: digest for row in rows if (digest := self._spendable(row)) is not None}
        return _Found(
            tokens,
            (yield from known.mailboxes(app, keys, dialect)) if keys else {},
            (yield from known.grant_ids(ids, dialect)) if ids else {},
            (yield from known.external_ids(app, external, dialect)) if external else {},
            (yield from known.spent(app, tokens.values(), dialect)) if tokens else frozenset(),
        )

    def _spendable(self, row: ImportRow) -> tuple[ProviderName, str] | None:
        login = row.ask.login
        if not isinstance(login, OAuthLogin) or login.provider not in self._checking.single_use:
            return None
        token = login.refresh_token.get_secret_value()
        return login.provider, self._checking.digests.refresh_token(self._app.id, login.provider, token)

    def _problem(self, row: ImportRow, found: "_Found") -> Refused | None:
        """Why the import would refuse the row; None if only its provider may."""
        credential_id = row.ask.credential_id
        if credential_id is not None and credential_id not in self._credentials:
            reason = f"settings.credential_id: this application has no credential {credential_id!r}."
            return _refused(row, "bad_request", reason, "Create it first, or leave it out.")
        key = _mailbox(row)
        mine = None if key is None else found.mailboxes.get(key)
        if row.grant_id is not None:
            if mine is not None and mine.grant_id != row.grant_id:
                reason = f"grant_id: the mailbox has the grant {mine.grant_id} already."
                return _refused(row, "conflict", reason, "Use that id, or leave grant_id out.")
            holder = found.ids.get(row.grant_id)
            if holder is not None and not self._may_be(holder, row, key):
                return _refused(row, "conflict", "grant_id: another grant has this id.", "Leave grant_id out.")
        holder = None if row.ask.external_id is None else found.external.get(row.ask.external_id)
        if holder is not None and not self._may_be(holder, row, key):
            reason = f"external_id: the grant {holder.grant_id} has it."
            return _refused(row, "conflict", reason, "Use another external_id, or remove it from that grant.")
        return None

    def _may_be(self, holder: known.Holder, row: ImportRow, key: tuple[ProviderName, str] | None) -> bool:
        """Whether a grant may be of the row's mailbox."""
        if holder.application_id != self._app.id or holder.provider != row.ask.provider:
            return False
        return key is None or holder.mailbox_key == key[1]

    async def _count(self, row: ImportRow, found: "_Found") -> None:
        report, provider = self.report, row.ask.provider
        key = _mailbox(row)
        standing: Standing = "unknown" if key is None else "known" if key in found.mailboxes else "new"
        if key is None and (found.tokens.get(row.line) in found.spent or row.grant_id in found.ids):
            standing = "known"
        report.rows[standing] += 1
        report.providers[provider] += 1
        source = await self._source(provider)
        if source is None:
            report.missing[provider] += 1
            return
        host = mail_host(row)
        staged = self._new.cut_over and isinstance(row.ask.login, OAuthLogin) and provider in self._checking.rotates
        shared = row.ask.credential_id or source
        name = f"{shared}/{host}" if host else shared
        part = report.parts.get(name)
        if part is None:
            part = report.parts[name] = Part(name, provider, host, staged)
        part.rows += 1

    async def _source(self, provider: ProviderName) -> str | None:
        if provider not in self._sources:
            found = await self._checking.db.read(connectors.find_with_client(self._app.id, provider))
            self._sources[provider] = None if found is None else found.credential_id or found.connector.id
        return self._sources[provider]


@dataclass(frozen=True, slots=True)
class _Found:
    """What is stored of some rows. tokens: by line, of tokens that work once."""

    tokens: Mapping[int, tuple[ProviderName, str]]
    mailboxes: Mapping[tuple[str, str], known.Holder]
    ids: Mapping[str, known.Holder]
    external: Mapping[str, known.Holder]
    spent: frozenset[tuple[str, str]]


def _mailbox(row: ImportRow) -> tuple[ProviderName, str] | None:
    address = address_of(row)
    return None if address is None else (row.ask.provider, mailbox_key(row.ask.provider, address))


def _refused(row: ImportRow, class_: str, reason: str, remedy: str) -> Refused:
    return Refused(row.line, class_, reason, remedy, row.ask.provider.value, row.key)
