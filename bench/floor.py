"""The floor: what the same work costs without a framework and without layers.

One ASGI function on the same uvicorn, uvloop and httptools, one process, over a copy of the same database with the
same indexes. Written by hand for speed, as one would who has nothing else in mind, under the rules that OpenGrant
keeps too:

- the API key is looked up in the database with every request, by digest, with one indexed query
- the same calls go out: HTTP over pyreqwest, which keeps its connections; IMAP, SMTP, CalDAV and EWS as the same
  dialogues over TLS, each on a connection of its own
- where a provider may replace a refresh token, the look-up asks for an earlier successor too (in the same hop as the
  key), and a new one is durable, sealed, before anything else is done with it
- the domain of an Agent Account is looked up, and its password hashed at the same cost
- a refresh token that dies with its first use, and a grant that is renewed, are leased first: the lease is durable
  before the provider is asked, and goes away with the write that stores the answer, by compare-and-swap on the grant's
  generation
- connector and client are read and opened with every request: a connector that is deleted, or a client secret that is
  changed, on any node, counts for the next request
- a verification takes a number when it begins, which rises with each on any node; a grant keeps the highest, so that a
  slow verification never replaces a newer credential
- the mailbox's grant is looked at before the write: a blocked one is not renewed, nor one of another account
- the credential is sealed with AES-256-GCM, and grant, secret and event, with a delivery for each webhook that wants
  it, are durable before the answer leaves; so is the entry that tells of a token that was given away
- nothing blocks the event loop: SQLite works in threads (one reads, one writes, each takes all that waits;
  the writer commits once for all of it, WAL, synchronous=FULL), PostgreSQL through asyncpg, ten connections,
  one statement for grant, secret and event

What it leaves out: validation beyond what it needs, the parsing of a service account's key (once for each key), other
dialogues than those that the remotes' servers want, identity rules beyond those above, workspaces, races with the
deletion of what a grant hangs on, refusals, their reasons and the brake that they feed, waiting for the lease of
another request, limits, the outbound guard, logs, metrics, request accounting. A key and the read it allows share one
hop to the thread.

Its secrets stand beside OpenGrant's in the same table, under a purpose of their own: neither can open the other's.

Run as `python -m bench.floor CONFIG`, a JSON object of `Config`'s fields; prints its port as JSON.
"""

import asyncio
import base64
import contextlib
import functools
import hashlib
import json
import os
import random
import socket
import sqlite3
import ssl
import sys
import threading
import time
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from datetime import timedelta
from queue import Empty, SimpleQueue
from typing import Any, NamedTuple, Protocol
from urllib.parse import parse_qsl, quote
from xml.etree import ElementTree

import asyncpg
import bcrypt
import uvicorn
import uvloop
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import load_pem_private_key
from pydantic_core import from_json, to_json
from pyreqwest.client import Client, ClientBuilder

from bench import floor_calendars as calendars

Row = tuple[Any, ...]


class Refused(Exception):
    """A status and why."""


PURPOSE = "floor"
"""Of the secrets that are ours."""

COLUMNS = (
    "id, provider, scope, status, email, settings, blocked, created_at, updated_at, name, state, user_id,"
    " credential_id, workspace_id, ip, user_agent, proven_at, due_at, trouble, refreshes"
)
KEY = """
    select application_id, id, permissions from api_keys
    where digest = $1 and revoked_at is null and expires_at is null
"""
_SOURCE = """
    select c.id, r.id, s.sealed{number} from connectors c
    left join credentials r
      on r.application_id = c.application_id and r.connector_id = c.id and r.id = coalesce($3, c.active_credential_id)
    left join secrets s
      on s.application_id = c.application_id and s.owner_kind = 'credential' and s.owner_id = r.id
     and s.purpose = 'client'
    where c.application_id = $1 and c.provider = $2
"""
SOURCE_SQLITE = _SOURCE.format(number="")
SOURCE_POSTGRES = _SOURCE.format(number=", nextval('asked')")
NUMBER_SQLITE = "update numbers set last = last + 1 where name = 'asked' returning last"
MAILBOX = "select blocked, subject from grants where application_id = $1 and provider = $2 and mailbox_key = $3"
GET = f"select {COLUMNS} from grants where application_id = $1 and id = $2"
LIST = f"""
    select {COLUMNS} from grants where application_id = $1 order by created_at desc, id desc limit $2 offset $3
"""
_GRANT = """
    insert into grants (application_id, id, provider, connector_id, mailbox_key, email, email_key, subject, user_id,
                        name, scope, settings, status, credential_id, token_expires_at, asked, asked_at,
                        version, created_at, updated_at, proven_at, used_at, state, due_at)
    values ($1, $2, $3, $4, $5, $6, $5, $7, $7, $8, $9, $10, 'valid', $11, $12, $13, $14, 1, $14, $14, $14, $14, $15,
            $16)
    on conflict (application_id, provider, mailbox_key)
    do update set connector_id = excluded.connector_id, email = excluded.email, email_key = excluded.email_key,
                  subject = excluded.subject, user_id = excluded.user_id, name = excluded.name,
                  scope = excluded.scope, settings = excluded.settings, status = excluded.status,
                  credential_id = excluded.credential_id, token_expires_at = excluded.token_expires_at,
                  asked = excluded.asked, asked_at = excluded.asked_at, version = grants.version + 1,
                  updated_at = excluded.updated_at,
                  state = coalesce(excluded.state, grants.state), due_at = excluded.due_at,
                  proven_at = excluded.proven_at, used_at = excluded.used_at, trouble = null, refreshes = 0,
                  generation = grants.generation + 1
    where grants.asked <= excluded.asked
    returning id, created_at, version
"""
_SECRET = """
    insert into secrets (application_id, owner_kind, owner_id, purpose, key_id, sealed, updated_at)
    {values}
    on conflict (application_id, owner_kind, owner_id, purpose)
    do update set key_id = excluded.key_id, sealed = excluded.sealed, updated_at = excluded.updated_at
"""
_EVENT = "insert into events (application_id, id, type, grant_id, payload, created_at, actor, detail) {values}"
_DELIVERY = """
    insert into deliveries (application_id, webhook_id, event_id, type, subject, payload, created_at, queued_at, due_at,
                            state, attempts)
    select w.application_id, w.id, {event}, 'pending', 0 from {source}
    where w.application_id = $1 and w.status in ('active', 'failing') and w.triggers like '%"' || {type} || '"%'
"""
LEASE = """
    insert into leases (application_id, subject, owner, until, attempts) values ($1, $2, $3, $4, 1)
    on conflict (application_id, subject)
    do update set owner = excluded.owner, until = excluded.until, attempts = leases.attempts + 1
    where leases.until <= $5
    returning attempts
"""
_GIVE_BACK = "delete from leases where application_id = $1 and subject = $2 and owner = $3"
_RENEWED = """
    update grants set status = 'valid', token_expires_at = $4, due_at = $5, proven_at = $6, used_at = $6,
                      refreshes = case when trouble is null then refreshes + 1 else 0 end,
                      trouble = null, generation = generation + 1, version = version + 1
    where application_id = $1 and id = $2 and generation = $3 and status = 'valid'
    returning id
"""
_ROTATION = """
    insert into rotations (application_id, provider, spent, created_at) values ($1, $2, $3, $6)
    on conflict (application_id, provider, spent) do update set grant_id = null, created_at = excluded.created_at
"""
SUCCESSOR = """
    select s.sealed from rotations r
    join secrets s on s.application_id = r.application_id and s.owner_kind = 'rotation' and s.owner_id = r.spent
    where r.application_id = $1 and r.provider = $2 and r.spent = $3
"""
# Every application belongs to the one organization.
DOMAIN = """
    select d.id from domains d join organizations o on o.id = d.organization_id
    where $1 <> '' and o.name = 'default' and d.address = $2 and d.verified_ownership = 1
"""

HELD = f"""
    select g.id, g.provider, g.mailbox_key, g.credential_id, g.scope, g.status, g.blocked, g.generation,
           g.token_expires_at, s.sealed
    from grants g
    join secrets s
      on s.application_id = g.application_id and s.owner_kind = 'grant' and s.owner_id = g.id
     and s.purpose = '{PURPOSE}'
    where g.application_id = $1 and g.id = $2
"""

HELD_WITH_CLIENT = HELD.replace("s.sealed\n", "s.sealed, k.sealed\n").replace(
    "    where g.",
    """    left join secrets k
      on k.application_id = g.application_id and k.owner_kind = 'credential' and k.owner_id = g.credential_id
     and k.purpose = 'client'
    where g.""",
)

_SECRET_OF_GRANT = _SECRET.format(
    values=f"select $1, 'grant', g.id, '{PURPOSE}', {{0}}::text, {{1}}::bytea, {{2}} from g"
)
_ARMS = (
    f"with g as ({_GRANT})",
    "e as ({} returning id, type, grant_id, payload)".format(
        _EVENT.format(
            values="select $1, $17, case g.version when 1 then 'grant.created' else 'grant.updated' end, g.id, $18,"
            " $14, $19, $20 from g"
        )
    ),
    "d as ({})".format(
        _DELIVERY.format(
            event="e.id, e.type, e.grant_id, e.payload, $14, $14, $14", source="e, webhooks w", type="e.type"
        )
    ),
    f"s as ({_SECRET_OF_GRANT.format('$21', '$22', '$14')})",
    "r as (update rotations set grant_id = g.id from g where application_id = $1 and provider = $3 and spent = $23)",
    "l as (delete from leases where application_id = $1 and subject = 'spent:' || $23 and owner = $24)",
)
PUT_POSTGRES = {
    args: f"{', '.join(_ARMS[:arms])} select id, created_at from g"
    for arms, args in ((3, 20), (4, 22), (5, 23), (6, 24))
}
"""By the number of arguments: a grant with its event, then with its secret, then with the token that was spent, then
with the lease on it."""
_RENEWED_ARMS = (
    f"with g as ({_RENEWED})",
    f"s as ({_SECRET_OF_GRANT.format('$7', '$8', '$6')})",
    "l as (delete from leases using g where leases.application_id = $1 and subject = $2 and owner = $9)",
    "e as ({})".format(_EVENT.format(values="select $1, $10, 'grant.token_read', g.id, '{}', $6, $11, $12 from g")),
)
RENEW_POSTGRES = {args: f"{', '.join(_RENEWED_ARMS[:arms])} select id from g" for arms, args in ((3, 9), (4, 12))}
"""By the number of arguments: without and with the entry that the new token was given away."""
NOTE = _EVENT.format(values="values ($1, $2, 'grant.token_read', $3, '{}', $4, $5, $6)")
KEEP_POSTGRES = f"with r as ({_ROTATION}) " + _SECRET.format(
    values="values ($1, 'rotation', $3, 'successor', $4, $5::bytea, $6)"
)
KEEP_SQLITE = (_ROTATION, _SECRET.format(values="values ($1, 'rotation', $2, 'successor', $3, $4, $5)"))
PUT_SQLITE = (
    _GRANT,
    _EVENT.format(values="values ($1, $2, $3, $4, $5, $6, $7, $8)"),
    _SECRET.format(values=f"values ($1, 'grant', $2, '{PURPOSE}', $3, $4, $5)"),
    "update rotations set grant_id = $1 where application_id = $2 and provider = $3 and spent = $4",
)
ANY_WEBHOOK_SQLITE = "select 1 from webhooks where application_id = $1 limit 1"
DELIVER_SQLITE = _DELIVERY.format(event="$2, $3, $4, $5, $6, $6, $6", source="webhooks w", type="$3")

# ── databases ─────────────────────────────────────────────────────────────────────────────────────────────────


class Database(Protocol):
    async def ask(self, digest: bytes, sql: str | None = None, *args: Any) -> tuple[Row | None, list[Row]]:
        """Whose a key is (application, key id, permissions), and the rows of a query that has the application as its
        first parameter."""

    async def begin(
        self, digest: bytes, source: tuple[str, str | None], sql: str | None = None, *args: Any
    ) -> tuple[Row | None, list[Row], Row | None]:
        """As `ask`; and of a (provider, credential) the connector's id, the credential's, its sealed client, and the
        number of the verification that begins."""

    async def put(self, args: Row) -> Row:
        """Upsert a grant with its event and what more there is; its id and time of creation, once durable.

        Raises Refused for a blocked grant, for one of another account, and when a later verification was faster."""

    async def keep(self, args: Row) -> None:
        """Remember what a spent refresh token turned into, durably."""

    async def lease(self, take: str, args: Row, sql: str, *more: Any) -> list[Row] | None:
        """Take leases, durably; then the rows of a query as in `ask`. None when there was no lease to have."""

    async def renew(self, args: Row) -> bool:
        """Store a new secret, give the lease back, note who gets the token if anybody does; whether it was in time."""

    async def note(self, args: Row) -> None:
        """Add an entry to the trail, durably."""

    async def book(self, args: Row) -> None:
        """Create an event in a calendar, durably."""


class Lane:
    """A thread with a connection, and a queue from which it takes all that waits. Results go back in one call."""

    def __init__(self, path: str, work: Callable[[sqlite3.Cursor, list[Row]], list[Any]]) -> None:
        self._queue: SimpleQueue[tuple[asyncio.Future[Any], Row]] = SimpleQueue()
        self._loop = asyncio.get_running_loop()
        threading.Thread(target=self._run, args=(path, work), daemon=True).start()

    def run(self, job: Row) -> asyncio.Future[Any]:
        future = self._loop.create_future()
        self._queue.put((future, job))
        return future

    def _run(self, path: str, work: Callable[[sqlite3.Cursor, list[Row]], list[Any]]) -> None:
        connection = sqlite3.connect(path, isolation_level=None, cached_statements=256)
        connection.execute("pragma journal_mode = wal")
        connection.execute("pragma synchronous = full")
        connection.execute("pragma cache_size = -16384")
        cursor = connection.cursor()
        while True:
            waiting = [self._queue.get()]
            try:
                while True:
                    waiting.append(self._queue.get_nowait())
            except Empty:
                pass
            results = work(cursor, [job for _, job in waiting])
            self._loop.call_soon_threadsafe(_resolve, [future for future, _ in waiting], results)


def _resolve(futures: list[asyncio.Future[Any]], results: list[Any]) -> None:
    for future, result in zip(futures, results, strict=True):
        if not future.cancelled():
            future.set_result(result)


@functools.cache
def _numbered(sql: str) -> str:
    """SQLite takes parameters by position when they are spelled `?1`, and by name when `$1`, which is slower."""
    return sql.replace("$", "?")


class Sqlite:
    _KEY = _numbered(KEY)
    _PUT = tuple(map(_numbered, PUT_SQLITE))
    _KEEP = tuple(map(_numbered, KEEP_SQLITE))
    _ANY_WEBHOOK, _DELIVER, _GIVE_BACK, _RENEWED, _NOTE, _SOURCE, _MAILBOX = map(
        _numbered, (ANY_WEBHOOK_SQLITE, DELIVER_SQLITE, _GIVE_BACK, _RENEWED, NOTE, SOURCE_SQLITE, MAILBOX)
    )

    def __init__(self, path: str) -> None:
        self._synchronous = "full"
        self._reads = Lane(path, self._read)
        self._writes = Lane(path, self._write)

    async def ask(self, digest: bytes, sql: str | None = None, *args: Any) -> tuple[Row | None, list[Row]]:
        answer: tuple[Row | None, list[Row]] = await self._reads.run((digest, sql, args))
        return answer

    async def begin(
        self, digest: bytes, source: tuple[str, str | None], sql: str | None = None, *args: Any
    ) -> tuple[Row | None, list[Row], Row | None]:
        found: tuple[Row | None, list[Row], Row | None]
        found = await self._writes.run((self._begin, (digest, source, sql, args)))
        return found

    async def put(self, args: Row) -> Row:
        row: Row | Refused = await self._writes.run((self._put, args))
        if isinstance(row, Refused):
            raise row
        return row

    async def keep(self, args: Row) -> None:
        await self._writes.run((self._keep, args))

    async def lease(self, take: str, args: Row, sql: str, *more: Any) -> list[Row] | None:
        rows: list[Row] | None = await self._writes.run((self._lease, (take, args, sql, more)))
        return rows

    async def renew(self, args: Row) -> bool:
        written: bool = await self._writes.run((self._renew, args))
        return written

    async def note(self, args: Row) -> None:
        await self._writes.run((self._add_note, args))

    async def book(self, args: Row) -> None:
        await self._writes.run((calendars.book, args))

    def _read(self, cursor: sqlite3.Cursor, jobs: list[Row]) -> list[Any]:
        answers: list[Any] = []
        for digest, sql, args in jobs:
            found = cursor.execute(self._KEY, (digest,)).fetchone()
            rows = cursor.execute(_numbered(sql), (found[0], *args)).fetchall() if found and sql else []
            answers.append((found, rows))
        return answers

    def _write(self, cursor: sqlite3.Cursor, jobs: list[Row]) -> list[Any]:
        # A number need not survive a power failure before the grant that has it is stored.
        synchronous = "normal" if all(write == self._begin for write, _ in jobs) else "full"
        if synchronous != self._synchronous:
            cursor.execute(f"pragma synchronous = {synchronous}")
            self._synchronous = synchronous
        cursor.execute("begin immediate")
        written = [write(cursor, args) for write, args in jobs]
        cursor.execute("commit")
        return written

    def _begin(self, cursor: sqlite3.Cursor, args: Row) -> tuple[Row | None, list[Row], Row | None]:
        digest, source, sql, more = args
        caller = cursor.execute(self._KEY, (digest,)).fetchone()
        if not caller:
            return None, [], None
        rows = cursor.execute(_numbered(sql), (caller[0], *more)).fetchall() if sql else []
        row = cursor.execute(self._SOURCE, (caller[0], *source)).fetchone()
        number = cursor.execute(NUMBER_SQLITE).fetchall()[0]
        return caller, rows, row and (*row, *number)

    def _put(self, cursor: sqlite3.Cursor, args: Row) -> "Row | Refused":
        grant, event, secret, point = self._PUT
        application, provider, now = args[0], args[2], args[13]
        try:
            _check_mailbox(cursor.execute(self._MAILBOX, (application, provider, args[4])).fetchone(), args)
        except Refused as refused:
            return refused
        rows = cursor.execute(grant, args[:16]).fetchall()
        if not rows:
            return _overtaken()
        ((id_, created_at, version),) = rows
        event_id, payload, actor, detail, *more = args[16:]
        kind = "grant.created" if version == 1 else "grant.updated"
        cursor.execute(event, (application, event_id, kind, id_, payload, now, actor, detail))
        if cursor.execute(self._ANY_WEBHOOK, (application,)).fetchone():
            cursor.execute(self._DELIVER, (application, event_id, kind, id_, payload, now))
        if more:
            cursor.execute(secret, (application, id_, *more[:2], now))
        if more[2:]:
            cursor.execute(point, (id_, application, provider, more[2]))
        if more[3:]:
            cursor.execute(self._GIVE_BACK, (application, f"spent:{more[2]}", more[3]))
        return id_, created_at

    def _keep(self, cursor: sqlite3.Cursor, args: Row) -> None:
        rotation, secret = self._KEEP
        application, _, spent, key_id, sealed, now = args
        cursor.execute(rotation, args)
        cursor.execute(secret, (application, spent, key_id, sealed, now))

    def _lease(self, cursor: sqlite3.Cursor, args: Row) -> list[Row] | None:
        take, taken, sql, more = args
        if not cursor.execute(_numbered(take), taken).fetchall():
            return None
        return cursor.execute(_numbered(sql), (taken[0], *more)).fetchall()

    def _renew(self, cursor: sqlite3.Cursor, args: Row) -> bool:
        application, id_, _, _, _, now, key_id, sealed, owner, *entry = args
        if not cursor.execute(self._RENEWED, args[:6]).fetchall():
            return False
        cursor.execute(self._PUT[2], (application, id_, key_id, sealed, now))
        cursor.execute(self._GIVE_BACK, (application, id_, owner))
        if entry:
            event_id, actor, detail = entry
            self._add_note(cursor, (application, event_id, id_, now, actor, detail))
        return True

    def _add_note(self, cursor: sqlite3.Cursor, args: Row) -> None:
        cursor.execute(self._NOTE, args)


class Postgres:
    def __init__(self, connections: list[asyncpg.Connection]) -> None:
        self._idle = connections
        self._free = asyncio.Semaphore(len(connections))

    async def ask(self, digest: bytes, sql: str | None = None, *args: Any) -> tuple[Row | None, list[Row]]:
        async with self._free:
            connection = self._idle.pop()
            try:
                caller = await connection.fetchrow(KEY, digest)
                rows = await connection.fetch(sql, caller[0], *args) if caller and sql else []
            finally:
                self._idle.append(connection)
        return caller, rows

    async def begin(
        self, digest: bytes, source: tuple[str, str | None], sql: str | None = None, *args: Any
    ) -> tuple[Row | None, list[Row], Row | None]:
        async with self._free:
            connection = self._idle.pop()
            try:
                caller = await connection.fetchrow(KEY, digest)
                rows = await connection.fetch(sql, caller[0], *args) if caller and sql else []
                row = await connection.fetchrow(SOURCE_POSTGRES, caller[0], *source) if caller else None
            finally:
                self._idle.append(connection)
        return caller, rows, row

    async def put(self, args: Row) -> Row:
        async with self._free:
            connection = self._idle.pop()
            try:
                _check_mailbox(await connection.fetchrow(MAILBOX, args[0], args[2], args[4]), args)
                row: Row | None = await connection.fetchrow(PUT_POSTGRES[len(args)], *args)
            finally:
                self._idle.append(connection)
        if row is None:
            raise _overtaken()
        return row

    async def keep(self, args: Row) -> None:
        await self._write(KEEP_POSTGRES, args)

    async def lease(self, take: str, args: Row, sql: str, *more: Any) -> list[Row] | None:
        # Two statements: what the second sees is younger than the lease.
        async with self._free:
            connection = self._idle.pop()
            try:
                taken = await connection.fetch(take, *args)
                rows: list[Row] | None = await connection.fetch(sql, args[0], *more) if taken else None
            finally:
                self._idle.append(connection)
        return rows

    async def renew(self, args: Row) -> bool:
        return await self._write(RENEW_POSTGRES[len(args)], args) is not None

    async def note(self, args: Row) -> None:
        await self._write(NOTE, args)

    async def book(self, args: Row) -> None:
        await self._write(calendars.BOOK_POSTGRES, args)

    async def _write(self, sql: str, args: Row) -> Row:
        async with self._free:
            connection = self._idle.pop()
            try:
                row: Row = await connection.fetchrow(sql, *args)
            finally:
                self._idle.append(connection)
        return row


def _check_mailbox(stored: Row | None, args: Row) -> None:
    """Refuse to renew a blocked grant, or one of another account. stored: as `MAILBOX` selects it; args: of `put`."""
    if stored is None:
        return
    blocked, subject = stored
    if blocked:
        raise Refused(423, "blocked")
    if subject is not None and subject != args[6]:
        raise Refused(400, "another account")


def _overtaken() -> Refused:
    return Refused(503, "a later verification was faster")


# ── the program ───────────────────────────────────────────────────────────────────────────────────────────────


@dataclass(slots=True)
class Config:
    """database: a path, or a URL of PostgreSQL. master_key: hex.

    http         root of the OAuth providers' endpoints
    apple        where iCloud is, by protocol: [host, port]
    credentials  what each of the connectors' credentials holds, by its id
    """

    database: str
    ca_file: str
    http: str
    apple: dict[str, tuple[str, int]]
    credentials: dict[str, dict[str, str]]
    bcrypt_cost: int
    master_key: str


class OAuth(NamedTuple):
    """What sets a provider of refresh tokens apart: its endpoints, and what an identity's members are called."""

    token: str
    whose: str
    email: str = "email"
    subject: str = "sub"
    name: str = "name"
    basic: bool = False
    rotates: bool = False
    single_use: bool = False


OAUTH = {
    "google": OAuth("/google/token", "/google/userinfo"),
    "microsoft": OAuth(
        "/microsoft/token",
        "/graph/me?$select=id,displayName,mail,userPrincipalName",
        *("mail", "id", "displayName"),
        rotates=True,
    ),
    "yahoo": OAuth("/yahoo/token", "/yahoo/userinfo", basic=True, rotates=True),
    "zoom": OAuth(
        "/zoom/token", "/zoom/v2/users/me", "email", "id", "display_name", basic=True, rotates=True, single_use=True
    ),
}


class Ask(NamedTuple):
    """A request to connect. held: what its credential holds. found: rows of the look-up. spent: of its token. lease:
    its owner. number: of the verification."""

    application: str
    provider: str
    settings: dict[str, Any]
    scope: list[str]
    held: dict[str, str]
    found: list[Row]
    spent: str | None
    lease: str | None
    now: int
    number: int


class Proven(NamedTuple):
    """What a provider accepted. spent: digest of the refresh token that was replaced."""

    email: str
    shown: dict[str, Any]
    secret: dict[str, Any] | None = None
    scope: list[str] | tuple[str, ...] = ()
    subject: str | None = None
    name: str | None = None
    expires_at: int | None = None
    spent: str | None = None


class Held(NamedTuple):
    """A grant with its secret, as `HELD` selects it, and its sealed client, as `HELD_WITH_CLIENT` does."""

    id: str
    provider: str
    mailbox: str
    credential_id: str
    scope: str
    status: str
    blocked: int
    generation: int
    expires_at: int
    sealed: bytes
    client: bytes | None = None


_AHEAD, _DAY = 600 * 1_000_000, 86_400 * 1_000_000
_LIFE_LEFT = 60
_LEASE = 70 * 1_000_000
_UNPROVABLE = frozenset({"virtual-calendar", "nylas"})


def owner_of(application: str, provider: str, mailbox: str) -> str:
    """Whom a secret belongs to: the mailbox, not the id, which on a second connect only the upsert knows."""
    return f"{application} {provider} {mailbox}"


def seal(cipher: AESGCM, secret: dict[str, Any], owner: str) -> bytes:
    nonce = os.urandom(12)
    return nonce + cipher.encrypt(nonce, to_json(secret), owner.encode())


def open_(cipher: AESGCM, sealed: bytes, owner: str) -> dict[str, Any]:
    secret: dict[str, Any] = from_json(cipher.decrypt(bytes(sealed[:12]), bytes(sealed[12:]), owner.encode()))
    return secret


def next_check(provider: str, expires_at: int | None, *, now: int) -> int | None:
    """When a grant that was just proven is due."""
    if provider in _UNPROVABLE:
        return None
    if expires_at is None:
        return now + int(_DAY * (0.9 + random.random() / 5))
    life = expires_at - now
    ahead = min(_AHEAD, life // 2)
    return expires_at - ahead - int(random.random() * min(ahead // 5, life // 4))


class Floor:
    def __init__(self, config: Config, db: Database, http: Client) -> None:
        self.config = config
        self.db = db
        self.http = http
        self.master_key = bytes.fromhex(config.master_key)
        self.cipher = AESGCM(self.master_key)
        # The sealed clients of the database are OpenGrant's: after one is read, a copy that is ours is opened.
        self.clients = {id_: seal(self.cipher, held, id_) for id_, held in config.credentials.items()}
        self.tls = ssl.create_default_context(cafile=config.ca_file)
        self.provers: dict[str, Callable[[Ask], Awaitable[Proven]]] = {
            **dict.fromkeys(OAUTH, self._by_token),
            "google bulk": self._google_bulk,
            "microsoft bulk": self._microsoft_bulk,
            "imap": self._imap,
            "icloud": self._icloud,
            "ews": self._ews,
            "virtual-calendar": self._virtual,
            "nylas": self._agent,
        }

    async def __call__(self, scope: dict[str, Any], receive: Any, send: Any) -> None:
        request_id = str(uuid.uuid4())
        try:
            digest = next(
                hashlib.sha256(value[7:]).digest() for name, value in scope["headers"] if name == b"authorization"
            )
            path = scope["path"]
            status = 200
            answer: dict[str, Any] = {"request_id": request_id}
            if scope["method"] == "POST" and path == "/v3/connect/custom":
                status = 201
                answer["data"] = await self._connect(digest, await _body(receive), request_id)
            elif scope["method"] == "POST" and path.endswith("/token"):
                answer["data"] = await self._token(digest, path[11:-6], await _body(receive), request_id)
            elif path == "/v3/grants":
                answer |= await self._list(digest, scope["query_string"])
            elif path.endswith("/events"):
                grant_id = path[11:-7]
                if scope["method"] == "POST":
                    answer["data"] = await self._book(digest, grant_id, await _body(receive))
                else:
                    answer["data"] = await self._week(digest, grant_id, scope["query_string"])
            elif path.startswith("/v3/grants/"):
                answer["data"] = await self._get(digest, path[11:])
            else:
                raise Refused(404, "no such route")
        except Refused as refused:
            status = refused.args[0]
            answer = {"request_id": request_id, "error": {"type": "api.error", "message": refused.args[1]}}
        body = to_json(answer)
        headers = [
            (b"content-type", b"application/json"),
            (b"content-length", b"%d" % len(body)),
            (b"cache-control", b"no-store"),
            (b"x-request-id", request_id.encode()),
        ]
        await send({"type": "http.response.start", "status": status, "headers": headers})
        await send({"type": "http.response.body", "body": body})

    async def _get(self, digest: bytes, grant_id: str) -> dict[str, Any]:
        caller, rows = await self.db.ask(digest, GET, grant_id)
        if caller is None:
            raise Refused(401, "unknown key")
        if not rows:
            raise Refused(404, "no such grant")
        return _shown(rows[0])

    async def _list(self, digest: bytes, query_string: bytes) -> dict[str, Any]:
        query = dict(parse_qsl(query_string.decode()))
        limit, offset = int(query.get("limit", 10)), int(query.get("offset", 0))
        caller, rows = await self.db.ask(digest, LIST, limit + 1, offset)
        if caller is None:
            raise Refused(401, "unknown key")
        answer = {"data": [_shown(row) for row in rows[:limit]], "limit": limit, "offset": offset}
        if len(rows) > limit and "offset" not in query:
            id_, created_at = rows[limit - 1][0], rows[limit - 1][7]
            answer["next_cursor"] = base64.urlsafe_b64encode(to_json([created_at, id_])).decode()
        return answer

    async def _week(self, digest: bytes, grant_id: str, query_string: bytes) -> list[dict[str, Any]]:
        low, high, limit = calendars.window(query_string)
        caller, rows = await self.db.ask(digest, calendars.WEEK, grant_id, low, high)
        if caller is None:
            raise Refused(401, "unknown key")
        return calendars.week(rows, grant_id, low, high, limit)

    async def _book(self, digest: bytes, grant_id: str, body: bytes) -> Any:
        sent = from_json(body)
        caller, rows = await self.db.ask(digest, calendars.PRIMARY, grant_id)
        if caller is None:
            raise Refused(401, "unknown key")
        if not rows:
            raise Refused(404, "no such calendar")
        args, shown = calendars.event(caller[0], grant_id, *rows[0], sent)
        await self.db.book(args)
        return shown

    async def _token(self, digest: bytes, grant_id: str, body: bytes, request_id: str) -> dict[str, Any]:
        now, sent = time.time_ns() // 1000, from_json(body) if body else {}
        caller, rows = await self.db.ask(digest, HELD, grant_id)
        if caller is None:
            raise Refused(401, "unknown key")
        application, key_id, permissions = caller
        if '"grants.token"' not in permissions:
            raise Refused(403, "not permitted")
        if not rows:
            raise Refused(404, "no such grant")
        held = Held(*rows[0])
        if held.status != "valid" or held.blocked:
            raise Refused(403, "not usable")
        detail = to_json({"request_id": request_id, "reason": sent.get("reason")}).decode()
        entry = (str(uuid.uuid4()), f"key:{key_id}", detail)
        expires_at = held.expires_at
        if expires_at - now < max(sent.get("minimum_ttl", 0), _LIFE_LEFT) * 1_000_000:
            owner = str(uuid.uuid4())
            leased = await self.db.lease(
                LEASE, (application, grant_id, owner, now + _LEASE, now), HELD_WITH_CLIENT, grant_id
            )
            if not leased:
                raise Refused(503, "busy")
            token, expires_at = await self.renew(application, Held(*leased[0]), owner, *entry)
        else:
            token = self._open(application, held)["access_token"]
            await self.db.note((application, entry[0], grant_id, now, *entry[1:]))
        return {
            "access_token": token,
            "token_type": "Bearer",
            "expires_at": expires_at // 1_000_000,
            "scope": from_json(held.scope),
        }

    async def renew(self, application: str, grant: Held, owner: str, *entry: str) -> tuple[str, int]:
        """Spend the refresh token of a grant whose lease `owner` has; the new access token and its end, once durable.

        entry  of the trail, for a token that is given away: id, actor, detail
        """
        now, secret = time.time_ns() // 1000, self._open(application, grant)
        tokens = await self._exchange(grant.provider, self._client(grant.credential_id), secret["refresh_token"])
        secret["access_token"], expires_at = tokens["access_token"], now + tokens["expires_in"] * 1_000_000
        if "refresh_token" in tokens:
            secret["refresh_token"] = tokens["refresh_token"]
        sealed = seal(self.cipher, secret, owner_of(application, grant.provider, grant.mailbox))
        due_at = next_check(grant.provider, expires_at, now=now)
        swapped = (application, grant.id, grant.generation, expires_at, due_at, now)
        if not await self.db.renew((*swapped, "1", sealed, owner, *entry)):
            raise Refused(503, "somebody was faster")
        return secret["access_token"], expires_at

    def _open(self, application: str, grant: Held) -> dict[str, Any]:
        return open_(self.cipher, grant.sealed, owner_of(application, grant.provider, grant.mailbox))

    def _client(self, credential_id: str) -> dict[str, Any]:
        return open_(self.cipher, self.clients[credential_id], credential_id)

    async def _connect(self, digest: bytes, body: bytes, request_id: str) -> dict[str, Any]:
        now = time.time_ns() // 1000
        try:
            sent = from_json(body)
            provider, settings = sent["provider"], sent["settings"]
            prove = self.provers[f"{provider} bulk" if "email_address" in settings else provider]
            spent, look_up = self._look_up(provider, settings)
        except (ValueError, KeyError, TypeError):
            raise Refused(400, "bad body") from None
        leased = provider in OAUTH and OAUTH[provider].single_use
        named = settings.get("credential_id")
        caller, found, source = await self.db.begin(digest, (provider, named), *(() if leased else look_up))
        if caller is None:
            raise Refused(401, "unknown key")
        if source is None or (named is not None and source[1] is None):
            raise Refused(400, "no such connector")
        application, key_id, _ = caller
        connector_id, credential_id, _, number = source
        lease = None
        if leased:
            lease = str(uuid.uuid4())
            until = now + _LEASE
            rows = await self.db.lease(LEASE, (application, f"spent:{spent}", lease, until, now), *look_up)
            if rows is None:
                raise Refused(503, "busy")
            found = rows
        held, scope = self._client(credential_id) if credential_id else {}, settings.get("scopes", [])
        ask = Ask(application, provider, settings, scope, held, found, spent, lease, now, number)
        proven = await prove(ask)
        about = (f"key:{key_id}", to_json({"request_id": request_id, "provider": provider}).decode())
        return await self._put(ask, proven, connector_id, credential_id, sent.get("state"), about)

    def _look_up(self, provider: str, settings: dict[str, Any]) -> tuple[str | None, tuple[Any, ...]]:
        """The digest of a token that may be replaced, and what to ask beside the application."""
        if provider == "nylas":
            return None, (DOMAIN, settings["email"].rpartition("@")[2].lower())
        if "refresh_token" not in settings or not OAUTH[provider].rotates:
            return None, ()
        token = settings["refresh_token"].encode()
        spent = hashlib.blake2b(token, key=self.master_key, digest_size=32).hexdigest()
        return spent, (SUCCESSOR, provider, spent)

    async def _put(
        self,
        ask: Ask,
        proven: Proven,
        connector_id: str,
        credential_id: str | None,
        state: str | None,
        about: tuple[str, str],
    ) -> dict[str, Any]:
        """about: actor and detail of the event."""
        now, email, provider = time.time_ns() // 1000, proven.email, ask.provider
        mailbox = email if provider == "virtual-calendar" else email.lower()
        due_at = next_check(provider, proven.expires_at, now=now)
        payload = {"integration_id": connector_id, "provider": provider, "email": email, "scope": proven.scope}
        args: Row = (
            *(ask.application, str(uuid.uuid4()), provider, connector_id, mailbox, email, proven.subject, proven.name),
            *(to_json(proven.scope).decode(), to_json(proven.shown).decode(), credential_id),
            *(proven.expires_at, ask.number, now, state, due_at, str(uuid.uuid4()), to_json(payload).decode(), *about),
        )
        if proven.secret is not None:
            args += ("1", seal(self.cipher, proven.secret, owner_of(ask.application, provider, mailbox)))
        if ask.lease is not None:
            args += (ask.spent, ask.lease)
        elif proven.spent is not None:
            args += (proven.spent,)
        id_, created_at = await self.db.put(args)
        answer = {
            "id": id_,
            "provider": provider,
            "scope": proven.scope,
            "grant_status": "valid",
            "email": email,
            "settings": proven.shown,
            "blocked": False,
            "created_at": created_at // 1_000_000,
            "updated_at": now // 1_000_000,
        }
        more = {
            "name": proven.name,
            "state": state,
            "provider_user_id": proven.subject,
            "credential_id": credential_id,
            "opengrant": {"proven_at": now // 1_000_000, "refreshes": 0}
            | ({} if due_at is None else {"next_check_at": due_at // 1_000_000}),
        }
        return answer | {key: value for key, value in more.items() if value is not None}

    # ── tokens ────────────────────────────────────────────────────────────────────────────────────────────────

    async def _by_token(self, ask: Ask) -> Proven:
        spec, held, token = OAUTH[ask.provider], ask.held, ask.settings["refresh_token"]
        owner, rotated = f"{ask.application} {ask.provider} {ask.spent}", False
        if ask.found:
            # Spent by an earlier request: its successor stands in for it.
            token, rotated = open_(self.cipher, ask.found[0][0], owner)["refresh_token"], True
        tokens = await self._exchange(ask.provider, held, token)
        successor = tokens.get("refresh_token", token)
        if successor != token:
            token, rotated = successor, True
            sealed = seal(self.cipher, {"refresh_token": token}, owner)
            row = (ask.application, ask.provider, ask.spent, "1", sealed, time.time_ns() // 1000)
            await self.db.keep(row)
        if id_token := tokens.get("id_token"):
            who = from_json(base64.urlsafe_b64decode(id_token.split(".")[1] + "=="))
            if who["aud"] != held["client_id"] or who["exp"] < ask.now // 1_000_000:
                raise Refused(400, "strange id_token")
        else:
            who = await self._get_json(spec.whose, tokens["access_token"])
        if not who.get("email_verified", True):
            raise Refused(400, "address not verified")
        scope = tokens["scope"].split(" ") if "scope" in tokens else []
        secret = {"refresh_token": token, "access_token": tokens["access_token"], "access_token_scope": scope}
        return Proven(
            email=who[spec.email],
            shown={},
            secret=secret,
            scope=scope,
            subject=who[spec.subject],
            name=who[spec.name],
            expires_at=ask.now + tokens["expires_in"] * 1_000_000,
            spent=ask.spent if rotated else None,
        )

    async def _exchange(self, provider: str, held: dict[str, str], token: str) -> dict[str, Any]:
        spec, form = OAUTH[provider], {"grant_type": "refresh_token", "refresh_token": token}
        client = {"client_id": held["client_id"], "client_secret": held["client_secret"]}
        if provider == "yahoo":
            form["redirect_uri"] = "oob"
        return await self._tokens(spec.token, form if spec.basic else form | client, client if spec.basic else None)

    async def _google_bulk(self, ask: Ask) -> Proven:
        # A thread would not make it cheaper: the interpreter's lock is held while it is signed.
        assertion = _assertion(ask.held["private_key"], ask.held["client_email"], ask)
        grant_type = "urn:ietf:params:oauth:grant-type:jwt-bearer"
        tokens = await self._tokens("/google/token", {"grant_type": grant_type, "assertion": assertion})
        await self._get_json("/gmail/users/me/profile", tokens["access_token"])
        return _minted(ask, tokens, ask.scope)

    async def _microsoft_bulk(self, ask: Ask) -> Proven:
        scope = "https://graph.microsoft.com/.default"
        client = {"client_id": ask.held["client_id"], "client_secret": ask.held["client_secret"]}
        tokens = await self._tokens("/microsoft/token", {"grant_type": "client_credentials", **client, "scope": scope})
        path = f"/graph/users/{quote(ask.settings['email_address'], safe='')}"
        token = tokens["access_token"]
        user = await self._get_json(f"{path}?$select=id,displayName,mail,userPrincipalName", token)
        await self._get_json(f"/graph/users/{quote(user['id'], safe='')}/mailFolders/inbox?$select=id", token)
        return _minted(ask, tokens, [scope], subject=user["id"], name=user["displayName"])

    async def _tokens(self, path: str, form: dict[str, str], basic: dict[str, str] | None = None) -> dict[str, Any]:
        request = self.http.post(self.config.http + path).form(form)
        if basic is not None:
            request = request.basic_auth(basic["client_id"], basic["client_secret"])
        answered = await request.build().send()
        return _json(answered.status, await answered.bytes())

    async def _get_json(self, path: str, token: str) -> dict[str, Any]:
        answered = await self.http.get(self.config.http + path).bearer_auth(token).build().send()
        return _json(answered.status, await answered.bytes())

    # ── passwords ─────────────────────────────────────────────────────────────────────────────────────────────

    async def _imap(self, ask: Ask) -> Proven:
        settings = ask.settings
        host, port, username = settings["imap_host"], settings["imap_port"], settings["imap_username"]
        await self._imap_login(host, port, username, settings["imap_password"])
        shown = {"imap_host": host, "imap_port": port, "imap_username": username}
        return Proven(username, shown, {"imap_password": settings["imap_password"], "imap_security": "tls"})

    async def _icloud(self, ask: Ask) -> Proven:
        username, password, apple = ask.settings["username"], ask.settings["password"], self.config.apple
        *_, (principal, home) = await asyncio.gather(
            self._imap_login(*apple["imap"], username, password),
            self._smtp_login(*apple["smtp"], username, password),
            self._caldav(*apple["caldav"], username, password),
        )
        secret = {"password": password, "caldav_principal": principal, "caldav_home": home, "imap_login": username}
        subject = principal.split("/")[1]
        return Proven(username, {"username": username}, secret, subject=subject)

    async def _imap_login(self, host: str, port: int, username: str, password: str) -> None:
        """The commands that OpenGrant's dialogue has with the same server."""
        login = base64.b64encode(f"\0{username}\0{password}".encode())
        async with self._connection(host, port) as (reader, writer):
            await reader.readline()
            for command in (b"CAPABILITY", b"AUTHENTICATE PLAIN " + login, b"CAPABILITY", b"NAMESPACE", b"LOGOUT"):
                writer.write(b"a " + command + b"\r\n")
                while not (line := await reader.readline()).startswith(b"a "):
                    if not line:
                        raise Refused(504, "hung up")
                if not line.startswith(b"a OK"):
                    raise Refused(400, "refused by the mail server")

    async def _smtp_login(self, host: str, port: int, username: str, password: str) -> None:
        """As `_imap_login`."""
        login = base64.b64encode(f"\0{username}\0{password}".encode())
        async with self._connection(host, port) as (reader, writer):
            for command in (b"", b"EHLO [127.0.0.1]\r\n", b"AUTH PLAIN " + login + b"\r\n", b"QUIT\r\n"):
                writer.write(command)
                while (line := await reader.readline())[3:4] == b"-":
                    pass
                if not line.startswith(b"2"):
                    raise Refused(400, "refused by the mail server")

    async def _caldav(self, host: str, port: int, username: str, password: str) -> tuple[str, str]:
        """Paths of the principal and of the calendars."""
        basic = base64.b64encode(f"{username}:{password}".encode()).decode()
        head = f"authorization: Basic {basic}\r\ncontent-type: application/xml\r\ndepth: 0"
        path, found = "/", list[str]()
        async with self._connection(host, port) as (reader, writer):
            for namespace, name in (("DAV:", "current-user-principal"), (CALDAV, "calendar-home-set")):
                ask = f'<propfind xmlns="DAV:" xmlns:x="{namespace}"><prop><x:{name}/></prop></propfind>'
                status, body = await _exchange(reader, writer, f"PROPFIND {path} HTTP/1.1\r\n{head}", ask)
                path = (ElementTree.fromstring(body).findtext(f".//{{{namespace}}}{name}/{{DAV:}}href") or "").strip()
                if status != 207 or not path:
                    raise Refused(400, "refused by the calendar server")
                found.append(path)
        return found[0], found[1]

    async def _ews(self, ask: Ask) -> Proven:
        username, password = ask.settings["ews_username"], ask.settings["ews_password"]
        host, port = ask.settings["ews_host"], ask.settings["ews_port"]
        basic = base64.b64encode(f"{username}:{password}".encode()).decode()
        head = "POST /EWS/Exchange.asmx HTTP/1.1\r\ncontent-type: text/xml; charset=utf-8"
        login = f"{head}\r\nauthorization: Basic {basic}"
        async with self._connection(host, port) as (reader, writer):
            folder, name = GET_FOLDER.format(username), RESOLVE_NAMES.format(username)
            # Sent without a password first: it is shown only to a server that asks for it.
            status, _ = await _exchange(reader, writer, head, folder)
            if status != 401:
                raise Refused(400, "no login wanted")
            status, body = await _exchange(reader, writer, login, folder)
            if status != 200 or ElementTree.fromstring(body).find(f".//{{{TYPES}}}FolderId") is None:
                raise Refused(400, "refused by the Exchange server")
            _, body = await _exchange(reader, writer, login, name)
            owner = ElementTree.fromstring(body).findtext(f".//{{{TYPES}}}DisplayName")
        shown = {"email": username, "ews_username": username, "ews_host": host, "ews_port": port}
        secret = {"ews_password": password, "ews_url": f"https://{host}:{port}/EWS/Exchange.asmx", "ews_auth": "basic"}
        return Proven(username, shown, secret, name=owner)

    async def _virtual(self, ask: Ask) -> Proven:
        return Proven(ask.settings["email"], {"email": ask.settings["email"]})

    async def _agent(self, ask: Ask) -> Proven:
        if not ask.found:
            raise Refused(400, "no such domain")
        password = ask.settings.get("app_password")
        shown = {"email": ask.settings["email"], "has_app_password": password is not None}
        if password is None:
            return Proven(ask.settings["email"], shown)
        salt = bcrypt.gensalt(self.config.bcrypt_cost)
        hashed = await asyncio.to_thread(bcrypt.hashpw, password.encode(), salt)
        return Proven(ask.settings["email"], shown, {"app_password_bcrypt": hashed.decode()})

    @contextlib.asynccontextmanager
    async def _connection(
        self, host: str, port: int
    ) -> AsyncIterator[tuple[asyncio.StreamReader, asyncio.StreamWriter]]:
        async with asyncio.timeout(75):
            reader, writer = await asyncio.open_connection(host, port, ssl=self.tls, server_hostname=host)
            try:
                yield reader, writer
            finally:
                writer.transport.abort()


TYPES = "http://schemas.microsoft.com/exchange/services/2006/types"
CALDAV = "urn:ietf:params:xml:ns:caldav"
_ENVELOPE = (
    '<?xml version="1.0" encoding="utf-8"?><s:Envelope xmlns:s="http://schemas.xmlsoap.org/soap/envelope/"'
    f' xmlns:t="{TYPES}" xmlns:m="http://schemas.microsoft.com/exchange/services/2006/messages"><s:Header>'
    '<t:RequestServerVersion Version="Exchange2010_SP2"/></s:Header><s:Body>%s</s:Body></s:Envelope>'
)
GET_FOLDER = _ENVELOPE % (
    "<m:GetFolder><m:FolderShape><t:BaseShape>IdOnly</t:BaseShape></m:FolderShape><m:FolderIds>"
    '<t:DistinguishedFolderId Id="msgfolderroot"><t:Mailbox><t:EmailAddress>{}</t:EmailAddress></t:Mailbox>'
    "</t:DistinguishedFolderId></m:FolderIds></m:GetFolder>"
)
RESOLVE_NAMES = _ENVELOPE % (
    '<m:ResolveNames ReturnFullContactData="true" SearchScope="ActiveDirectory">'
    "<m:UnresolvedEntry>smtp:{}</m:UnresolvedEntry></m:ResolveNames>"
)


async def _exchange(
    reader: asyncio.StreamReader, writer: asyncio.StreamWriter, head: str, body: str
) -> tuple[int, bytes]:
    """One HTTP request of a connection that is kept; the answer's status and body."""
    writer.write(f"{head}\r\nhost: x\r\ncontent-length: {len(body)}\r\n\r\n{body}".encode())
    answer = (await reader.readuntil(b"\r\n\r\n")).lower()
    at = answer.index(b"content-length: ") + 16
    return int(answer[9:12]), await reader.readexactly(int(answer[at : answer.index(b"\r", at)]))


def _json(status: int, body: Any) -> dict[str, Any]:
    if status != 200:
        raise Refused(400, "refused by the provider")
    found: dict[str, Any] = from_json(bytes(body))
    return found


def _minted(
    ask: Ask, tokens: dict[str, Any], scope: list[str], *, subject: str | None = None, name: str | None = None
) -> Proven:
    email, expires_at = ask.settings["email_address"], ask.now + tokens["expires_in"] * 1_000_000
    secret = {"access_token": tokens["access_token"]}
    return Proven(email, {"email_address": email}, secret, scope, subject, name, expires_at)


@functools.cache
def _key(pem: str) -> RSAPrivateKey:
    key = load_pem_private_key(pem.encode(), None)
    assert isinstance(key, RSAPrivateKey)
    return key


def _assertion(pem: str, issuer: str, ask: Ask) -> str:
    at = ask.now // 1_000_000
    claims = {
        "iss": issuer,
        "sub": ask.settings["email_address"],
        "scope": " ".join(ask.scope),
        "aud": "https://oauth2.googleapis.com/token",
        "iat": at - 10,
        "exp": at + 2990,
    }
    signed = b".".join(_base64url(part) for part in (b'{"alg":"RS256","kid":"1"}', to_json(claims)))
    return b".".join((signed, _base64url(_key(pem).sign(signed, PKCS1v15(), SHA256())))).decode()


def _base64url(data: bytes) -> bytes:
    return base64.urlsafe_b64encode(data).rstrip(b"=")


async def _body(receive: Any) -> bytes:
    body = b""
    while True:
        message = await receive()
        chunk: bytes = message.get("body", b"")
        body += chunk
        if not message.get("more_body", False):
            return body


def _shown(row: Row) -> dict[str, Any]:
    """The wire's grant; what is unknown is left out."""
    shown = {
        "id": row[0],
        "provider": row[1],
        "scope": from_json(row[2]),
        "grant_status": row[3],
        "email": row[4],
        "settings": from_json(row[5]),
        "blocked": bool(row[6]),
        "created_at": row[7] // 1_000_000,
        "updated_at": row[8] // 1_000_000,
    }
    shown |= {key: value for key, value in zip(_OPTIONAL, row[9:16], strict=True) if value is not None}
    proven_at, due_at, trouble, refreshes = row[16:]
    health = shown["opengrant"] = {"refreshes": refreshes}
    if proven_at is not None:
        health["proven_at"] = proven_at // 1_000_000
    if due_at is not None:
        health["next_check_at"] = due_at // 1_000_000
    if trouble is not None:
        health["trouble"] = from_json(trouble)
    return shown


_OPTIONAL = ("name", "state", "provider_user_id", "credential_id", "workspace_id", "ip", "user_agent")


async def start(config: Config) -> Floor:
    """Without its door."""
    if config.database.startswith("postgresql://"):
        db: Database = Postgres([await asyncpg.connect(config.database) for _ in range(10)])
    else:
        db = Sqlite(config.database)
    http = ClientBuilder().timeout(timedelta(seconds=20)).no_proxy().follow_redirects(enable=False).build()
    return Floor(config, db, http)


async def serve(config: Config) -> None:
    floor = await start(config)
    bound = socket.socket()
    bound.bind(("127.0.0.1", 0))
    bound.listen(2048)
    print(json.dumps({"port": bound.getsockname()[1]}), flush=True)
    # As server/uvicorn_server.py sets it.
    options = uvicorn.Config(
        floor,
        loop="uvloop",
        http="httptools",
        ws="none",
        lifespan="off",
        log_config=None,
        access_log=False,
        server_header=False,
        timeout_keep_alive=75,
    )
    await uvicorn.Server(options).serve(sockets=[bound])


if __name__ == "__main__":
    uvloop.run(serve(Config(**json.loads(sys.argv[1]))))
