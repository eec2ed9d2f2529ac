"""An input becomes an import: its rows are stored sealed, in batches of one source each.

It can be killed at any moment. A row is stored with its outcome and its sealed batch in one transaction, and the import
says up to which line everything is stored. The same input, known by its digest, goes on from there: it is read from the
beginning, because rows are compared with those before them, and only what is missing is written.
"""

import asyncio
import itertools
import uuid
from collections import deque
from collections.abc import AsyncIterable, Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from hashlib import sha256
from typing import Any, Protocol

from pydantic_core import to_json

from opengrant.errors import InvalidRequest, OpenGrantError
from opengrant.events import audit
from opengrant.imports.mapping import RowMap
from opengrant.imports.reading import CutOff, Format
from opengrant.imports.rows import Exported, Item, Refused, RowForm, Rows, Taken
from opengrant.imports.seen import TOGETHER, address_of
from opengrant.model import Application, Clock, Micros, ProviderName
from opengrant.model.imports import Import, ImportRow, Outcome, RestoredRow, StagedRow, encode_rows
from opengrant.model.logins import EwsLogin, ImapLogin, OAuthLogin
from opengrant.store.connectors import connectors
from opengrant.store.engine.port import Conflict, Steps, Store
from opengrant.store.imports import batches, jobs
from opengrant.store.imports import loading as rows_of
from opengrant.store.imports.loading import NewBatch, NewRow
from opengrant.store.secrets import SecretRow
from opengrant.vault import Owner, Vault

MOST_ROWS = 500
"""Rows of a batch."""
MOST_BYTES = 1024 * 1024
"""Bytes of the lines of a batch."""
_WRITTEN_TOGETHER = 2000
"""Rows in a transaction."""
_BATCHES_TOGETHER, _SEALED_AT_ONCE = 500, 4
"""Batches in a transaction: with many mail hosts, most have a row or two. Then others have their turn."""
_MOST_HELD = 20_000
_MOST_BYTES_HELD = 16 * 1024 * 1024
"""Rows, and bytes of their lines, that wait until the batch of their source is full."""
_LONGEST_WAIT = 50_000
"""Lines after which a batch is stored though it is not full."""


class ChangedInput(Exception):
    """The input is not what it was when its digest was made. Its reader raises it, at its end."""


class Superseded(Exception):
    """Another process stores the same input now, or the import was cancelled. The text says which."""


class TakesExports(Protocol):
    """Takes the lines of an export, in their order."""

    async def take(self, line: int, members: dict[str, Any], /, *, key: str | None = None) -> RestoredRow | None:
        """A row if it is a grant; None if the line is done with. Raises OpenGrantError."""


@dataclass(frozen=True, slots=True, kw_only=True)
class NewImport:
    """What an import is to be.

    map         how rows of another shape are read
    format      None: the first line tells
    cut_over    whether tokens that end with their use wait for the cut-over. cut_over_at: when it comes by itself
    again       import an input that was imported before as another import
    """

    name: str
    cut_over: bool = False
    hold_refresh: bool = False
    cut_over_at: Micros | None = None
    map: RowMap | None = None
    format: Format | None = None
    again: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Loaded:
    """job: the import. known: it was there already, whole: nothing was read. cut_off: why the input ends too early."""

    job: Import
    known: bool
    cut_off: CutOff | None = None


Tell = Callable[[int, int], None]
"""Is told the bytes and the lines that were read so far."""


def digest_of(content: bytes, map_: RowMap | None) -> str:
    """What an import is found by. content: SHA-256 of the input; read with another map, it is another input."""
    return (content if map_ is None else sha256(content + map_.mark).digest()).hex()


@dataclass(frozen=True, slots=True, kw_only=True)
class Loading:
    """Built once, in assembly/imports.py.

    rotates  providers whose refresh tokens end with their use, or may do so
    started  is called when an import runs
    """

    db: Store
    vault: Vault
    clock: Clock
    rotates: frozenset[ProviderName]
    started: Callable[[], None]

    async def load(
        self,
        app: Application,
        pieces: AsyncIterable[bytes],
        new: NewImport,
        form: RowForm,
        *,
        content: bytes | None = None,
        exports: TakesExports | None = None,
        tell: Tell | None = None,
    ) -> Loaded:
        """Store an input. The import runs afterwards.

        content  SHA-256 of the input, where it is known beforehand: then it can be continued after a crash. Without
                 it, what was stored of an input that breaks off is removed again. An input that has changed
                 meanwhile, which `pieces` tells by ChangedInput, is removed too.
        Raises   InvalidPayload, InvalidRequest (the input as a whole; a connector is missing; the import of this input
                 began with other options), ChangedInput, Superseded, StoreUnavailable, and what `pieces` raises
        """
        digest = None if content is None else digest_of(content, new.map)
        begun = await self._begin(app, new, digest)
        if begun.held.state != "loading":
            return Loaded(job=begun.held, known=True)
        storing = _Storing(self, app, begun, exports)
        rows = Rows(form, new.map, new.format, exports=exports is not None)
        try:
            read = await self._read(pieces, rows, storing, tell)
            loaded = await self._complete(app, storing, digest or digest_of(read, new.map))
            return replace(loaded, cut_off=rows.cut_off)
        except ChangedInput:
            await self._remove(begun.held)
            raise
        except Superseded:
            raise  # it is another process's now
        except BaseException:
            # Without rows there is nothing to continue: the input as a whole cannot be used.
            if content is None or storing.held.lines == 0:
                await asyncio.shield(self._drop(begun.held))
            raise
        finally:
            rows.close()

    async def _begin(self, app: Application, new: NewImport, digest: str | None) -> rows_of.Reached:
        now = self.clock()
        made = Import(
            application_id=app.id,
            id=str(uuid.uuid4()),
            name=new.name,
            state="loading",
            digest=digest,
            lines=0,
            cut_over=new.cut_over,
            hold_refresh=new.hold_refresh,
            cut_over_at=new.cut_over_at,
            created_at=now,
            started_at=None,
            finished_at=None,
            updated_at=now,
        )

        def script() -> Steps[rows_of.Reached]:
            known = None if digest is None else (yield from jobs.find_digest(app.id, digest))
            if known is not None and (known.state == "cancelled" or (new.again and known.state != "loading")):
                yield from rows_of.release_digest(app.id, known.id)
                known = None
            if known is None:
                if (yield from jobs.add(made)) or digest is None:
                    return rows_of.Reached(made, frozenset())
                known = yield from jobs.find_digest(app.id, digest)
            if known is None or (found := (yield from rows_of.reached(app.id, known.id))) is None:
                raise Superseded("Another process began to read the same input just now. Start again.")
            _require_same_options(found.held, new, at=now)
            return found

        return await self.db.write(script())

    async def _read(self, pieces: AsyncIterable[bytes], rows: Rows, storing: "_Storing", tell: Tell | None) -> bytes:
        """SHA-256 of what was read."""
        hashed, size, cut = sha256(), 0, None
        try:
            async for piece in pieces:
                hashed.update(piece)
                size += len(piece)
                await self._take(piece, rows, storing)
                if tell is not None:
                    tell(size, rows.line)
                await asyncio.sleep(0)  # other requests have their turn
        except CutOff as problem:
            cut = problem
        for item in rows.end(cut):
            await storing.take(item)
        await storing.write(rows.line, everything=True)
        return hashed.digest()

    async def _take(self, piece: bytes, rows: Rows, storing: "_Storing") -> None:
        for number, item in enumerate(rows.feed(piece), 1):
            await storing.take(item)
            if number % TOGETHER == 0:  # a piece may have many short lines, or be expanded to many
                await storing.write_if_full(item.line)
                await asyncio.sleep(0)
        await storing.write_if_full(rows.line)

    async def _complete(self, app: Application, storing: "_Storing", digest: str) -> Loaded:
        held = storing.held
        try:
            job = await self.db.write(self._completing(app, held, digest))
        except Conflict:
            # Only an input without a digest comes so far: it is here already.
            await self._remove(held)
            known = await self.db.read(jobs.find_digest(app.id, digest))
            if known is None:
                raise Superseded("Another import of the same input was removed just now. Start again.") from None
            return Loaded(job=known, known=True)
        if job is None:
            raise await self.superseded(held)
        self.started()
        return Loaded(job=job, known=False)

    def _completing(self, app: Application, held: Import, digest: str) -> Steps[Import | None]:
        now = self.clock()
        job = yield from rows_of.complete(held, digest=digest, at=now)
        if job is not None:
            yield from audit.record(app.id, "import.created", at=now, import_id=job.id, name=job.name)
        return job

    async def superseded(self, held: Import) -> Superseded:
        now = await self.db.read(jobs.find(held.application_id, held.id))
        if now is not None and now.state == "loading":
            return Superseded("Another process reads the same input into this import now. This one has stopped.")
        return Superseded("The import was cancelled while its input was read.")

    async def _remove(self, held: Import) -> None:
        """In portions, so that other writes come in between. What a crash leaves of it is removed in time."""
        if await self.db.write(rows_of.give_up(held.application_id, held.id)):
            while await self.db.write(batches.forget_part(held.application_id, held.id)):
                continue

    async def _drop(self, held: Import) -> None:
        with suppress(OpenGrantError):  # the database is away: `opengrant import cancel` removes it later
            await self._remove(held)


def _require_same_options(held: Import, new: NewImport, *, at: Micros) -> None:
    """An import goes on as it began: a token that its caller wants to save would be spent. Raises InvalidRequest."""
    cut = held.cut_at is not None or (held.cut_over_at is not None and held.cut_over_at <= at)
    if held.state == "finished" or cut:
        return
    began = (held.cut_over, held.hold_refresh, held.cut_over_at)
    if began != (new.cut_over, new.hold_refresh, new.cut_over_at):
        raise InvalidRequest(
            f"The same input is the import {held.id} already, which began with another cut_over, cut_over_at or"
            " hold_refresh. Name the same, or cancel that import first."
        )


@dataclass(slots=True)
class _Group:
    """Rows of one source whose batch is not full."""

    source: str
    provider: ProviderName
    staged: bool
    rows: list[StagedRow] = field(default_factory=list)
    size: int = 0


class _Storing:
    """Collects rows by source, and writes them.

    held  the import as this process left it
    """

    def __init__(
        self, loading: Loading, app: Application, begun: rows_of.Reached, exports: TakesExports | None
    ) -> None:
        self.held = begun.held
        self._loading = loading
        self._app = app
        self._exports = exports
        self._stored_to = begun.held.lines
        self._beyond = begun.beyond
        self._sources: dict[ProviderName, str] = {}
        self._groups: dict[tuple[str, bool], _Group] = {}
        self._rows = self._size = 0
        self._full: deque[_Group] = deque()
        self._refused: list[Refused] = []
        self._refused_size = self._ready = 0

    async def take(self, item: Item) -> None:
        """Raises InvalidRequest: a connector is missing."""
        match item:
            case Taken(row, size):
                if not self._is_stored(row.line):
                    host = mail_host(row)
                    source = await self._source(row.ask.provider, row.ask.credential_id, row.line)
                    rotates = isinstance(row.ask.login, OAuthLogin) and row.ask.provider in self._loading.rotates
                    staged = self.held.cut_over and rotates
                    self._add(row, row.ask.provider, f"{source}/{host}" if host else source, staged, size)
            case Refused():
                self._refuse(item)
            case Exported(line, members, size):
                await self._take_exported(line, members, size)

    async def write_if_full(self, line: int) -> None:
        """line: the last one that was read."""
        if self._rows > _MOST_HELD or self._size > _MOST_BYTES_HELD:
            await self.write(line, everything=True)
        elif self._ready >= _WRITTEN_TOGETHER or self._refused_size > _MOST_BYTES_HELD:
            await self.write(line)

    async def write(self, line: int, *, everything: bool = False) -> None:
        """Raises Superseded, StoreUnavailable."""
        for group in [*self._groups.values()]:
            if everything or line - group.rows[0].line > _LONGEST_WAIT:
                self._close(group)
        more = bool(self._full or self._refused) or line > self.held.lines
        while more:
            some = self._next_full()
            waiting = itertools.chain(self._groups.values(), self._full)
            oldest = min((group.rows[0].line for group in waiting), default=line + 1)
            await self._store(some, up_to=min(line, oldest - 1))
            more = bool(self._full)
        self._ready = 0

    def _next_full(self) -> list[_Group]:
        """For one transaction."""
        some, rows = list[_Group](), 0
        while self._full and rows < _WRITTEN_TOGETHER and len(some) < _BATCHES_TOGETHER:
            some.append(self._full.popleft())
            rows += len(some[-1].rows)
        return some

    async def _store(self, groups: Sequence[_Group], *, up_to: int) -> None:
        """Write these and the lines that were refused, and that everything is stored up to a line."""
        new, rows = list[NewBatch](), [self._refused_row(one) for one in self._refused]
        for number, group in enumerate(groups, 1):
            new.append(self._batch(group))
            rows += [_waiting_row(row, group) for row in group.rows]
            if number % _SEALED_AT_ONCE == 0:
                await asyncio.sleep(0)
        loading = self._loading
        written = await loading.db.write_many(
            rows_of.store(
                self.held,
                new,
                rows,
                kept=[*self._kept()],
                lines=max(self.held.lines, up_to),
                at=loading.clock(),
                dialect=loading.db.dialect,
            )
        )
        if written is None:
            raise await loading.superseded(self.held)
        self.held, self._refused, self._refused_size = written, [], 0

    def _is_stored(self, line: int) -> bool:
        return line <= self._stored_to or line in self._beyond

    async def _source(self, provider: ProviderName, credential_id: str | None, line: int) -> str:
        """What failures are shared by, as `Grant.source` names it. Raises InvalidRequest."""
        if provider not in self._sources:
            found = await self._loading.db.read(connectors.find_with_client(self._app.id, provider))
            if found is None:
                raise InvalidRequest(
                    f"Line {line}: this application has no {provider} connector. Create it, then import the same input"
                    f' again: POST /v3/connectors {{"provider": "{provider}", …}}, or the console.'
                )
            self._sources[provider] = found.credential_id or found.connector.id
        return credential_id or self._sources[provider]

    def _add(self, row: StagedRow, provider: ProviderName, source: str, staged: bool, size: int) -> None:
        group = self._groups.setdefault((source, staged), _Group(source, provider, staged))
        if group.rows and group.size + size > MOST_BYTES:
            self._close(group)
            group = self._groups.setdefault((source, staged), _Group(source, provider, staged))
        group.rows.append(row)
        group.size += size
        self._rows += 1
        self._size += size
        if len(group.rows) == MOST_ROWS:
            self._close(group)

    def _close(self, group: _Group) -> None:
        del self._groups[group.source, group.staged]
        self._full.append(group)
        self._rows -= len(group.rows)
        self._size -= group.size
        self._ready += len(group.rows)

    def _refuse(self, item: Refused) -> None:
        if not self._is_stored(item.line):
            self._refused.append(item)
            self._refused_size += item.size
            self._ready += 1

    async def _take_exported(self, line: int, members: dict[str, Any], size: int) -> None:
        assert self._exports is not None, "lines of an export are only read where they are taken"
        try:
            # Also of lines that are stored: later lines name the connectors that these make.
            row = await self._exports.take(line, members)
        except OpenGrantError as problem:
            # Without its header, a line of another kind could not be imported again.
            sent = members if members["kind"] == "grant" else None
            self._refuse(Refused(line, "bad_request", problem.message, None, sent=sent, size=size))
            return
        if row is not None and not self._is_stored(line):
            # Nothing is asked, so there is nothing that its rows could fail at together.
            self._add(row, row.provider, f"export/{row.provider}", False, size)

    def _batch(self, group: _Group) -> NewBatch:
        number = group.rows[0].line
        secret = self._sealed(batches.purpose(number), encode_rows(group.rows))
        return NewBatch(number, group.source, group.provider, group.staged, len(group.rows), secret)

    def _kept(self) -> Iterator[SecretRow]:
        """Refused rows that can be imported again, sealed some at a time."""
        some, size = list[Refused](), 0
        for one in self._refused:
            if one.sent is None:
                continue
            if len(some) == MOST_ROWS or (some and size + one.size > MOST_BYTES):
                yield self._sealed(rows_of.refused_purpose(some[0].line), to_json([row.sent for row in some]))
                some, size = [], 0
            some.append(one)
            size += one.size
        if some:
            yield self._sealed(rows_of.refused_purpose(some[0].line), to_json([row.sent for row in some]))

    def _sealed(self, purpose: str, data: bytes) -> SecretRow:
        owner = Owner(self.held.application_id, "import", self.held.id, purpose)
        return SecretRow(owner.application_id, owner.kind, owner.id, purpose, self._loading.vault.seal(data, owner))

    def _refused_row(self, one: Refused) -> NewRow:
        now = self._loading.clock()
        return NewRow(*(one.line, 0, one.provider, one.key, None, "refused"), one.class_, one.reason, one.remedy, now)


def _waiting_row(row: StagedRow, group: _Group) -> NewRow:
    outcome: Outcome = "staged" if group.staged else "waiting"
    return NewRow(row.line, group.rows[0].line, group.provider, row.key, row.grant_id, outcome)


def mail_host(row: ImportRow) -> str | None:
    """The mail host that a password goes to, or the domain that will tell it: passwords fail by host."""
    match row.ask.login:
        case ImapLogin() as login:
            named = login.imap_host
        case EwsLogin() as login:
            named = login.ews_host
        case _:
            return None
    address = address_of(row) or ""
    return (named or address.rpartition("@")[2]).lower() or None
