"""The floor: what the same work costs without a framework and without layers.

One ASGI function on the same uvicorn, uvloop and httptools, one process, over a copy of the same database with the
same indexes. Written by hand for speed, as one would who has nothing else in mind, under the rules that OpenGrant
keeps too:

- the API key is looked up in the database with every request, by digest, with one indexed query
- the same calls go out: token endpoint and userinfo over pyreqwest; the same IMAP dialogue over TLS
- the credential is sealed with AES-256-GCM, and grant, secret and event are durable before the answer leaves
- nothing blocks the event loop: SQLite works in threads (one reads, one writes, each takes all that waits;
  the writer commits once for all of it, WAL, synchronous=FULL), PostgreSQL through asyncpg, ten connections,
  one statement for grant, secret and event

What it leaves out: validation beyond what it needs, connectors and their sealed clients (read once, at start), any
provider but these two, identity rules, races between requests for one mailbox, refusals and their reasons, limits,
the outbound guard, logs, metrics, request accounting. A key and the read it allows share one hop to the thread.

Run as `python -m bench.floor CONFIG`, a JSON object of `Config`'s fields; prints its port as JSON.
"""

import asyncio
import base64
import functools
import hashlib
import json
import os
import socket
import sqlite3
import ssl
import sys
import threading
import time
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from queue import Empty, SimpleQueue
from typing import Any, Protocol
from urllib.parse import parse_qsl

import asyncpg
import uvicorn
import uvloop
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from pydantic_core import from_json, to_json
from pyreqwest.client import Client, ClientBuilder

Row = tuple[Any, ...]

COLUMNS = (
    "id, provider, scope, status, email, settings, blocked, created_at, updated_at, name, state, user_id,"
    " credential_id, workspace_id, ip, user_agent"
)
KEY = "select application_id from api_keys where digest = $1 and revoked_at is null and expires_at is null"
CONNECTORS = "select application_id, provider, id, active_credential_id from connectors"
GET = f"select {COLUMNS} from grants where application_id = $1 and id = $2"
LIST = f"""
    select {COLUMNS} from grants where application_id = $1 order by created_at desc, id desc limit $2 offset $3
"""
_GRANT = """
    insert into grants (application_id, id, provider, connector_id, mailbox_key, email, email_key, subject, user_id,
                        name, scope, settings, status, credential_id, token_expires_at, asked_at, version,
                        created_at, updated_at)
    values ($1, $2, $3, $4, $5, $6, $5, $7, $7, $8, $9, $10, 'valid', $11, $12, $13, 1, $14, $14)
    on conflict (application_id, provider, mailbox_key)
    do update set connector_id = excluded.connector_id, email = excluded.email, email_key = excluded.email_key,
                  subject = excluded.subject, user_id = excluded.user_id, name = excluded.name,
                  scope = excluded.scope, settings = excluded.settings, status = excluded.status,
                  credential_id = excluded.credential_id, token_expires_at = excluded.token_expires_at,
                  asked_at = excluded.asked_at, version = grants.version + 1, updated_at = excluded.updated_at
    returning id, created_at, version
"""
_SECRET = """
    insert into secrets (application_id, owner_kind, owner_id, purpose, key_id, sealed, updated_at)
    {values}
    on conflict (application_id, owner_kind, owner_id, purpose)
    do update set key_id = excluded.key_id, sealed = excluded.sealed, updated_at = excluded.updated_at
"""
_EVENT = "insert into events (application_id, id, type, grant_id, payload, created_at) {values}"

PUT_POSTGRES = f"""
    with g as ({_GRANT}),
    s as ({_SECRET.format(values="select $1, 'grant', g.id, 'live', $15, $16::bytea, $14 from g")}),
    e as ({
    _EVENT.format(
        values="select $1, $17, case g.version when 1 then 'grant.created' else 'grant.updated' end, g.id, $18, $14"
        " from g"
    )
})
    select id, created_at from g
"""
PUT_SQLITE = (
    _GRANT,
    _SECRET.format(values="values ($1, 'grant', $2, 'live', $3, $4, $5)"),
    _EVENT.format(values="values ($1, $2, $3, $4, $5, $6)"),
)

# ── databases ─────────────────────────────────────────────────────────────────────────────────────────────────


class Database(Protocol):
    async def ask(self, digest: bytes, sql: str | None = None, *args: Any) -> tuple[str | None, list[Row]]:
        """The application of a key, and the rows of a query that has the application as its first parameter."""

    async def put(self, args: Row) -> Row:
        """Upsert a grant with its secret and event; its id and time of creation, once durable."""


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

    def __init__(self, path: str) -> None:
        self._reads = Lane(path, self._read)
        self._writes = Lane(path, self._write)

    async def ask(self, digest: bytes, sql: str | None = None, *args: Any) -> tuple[str | None, list[Row]]:
        answer: tuple[str | None, list[Row]] = await self._reads.run((digest, sql, args))
        return answer

    async def put(self, args: Row) -> Row:
        row: Row = await self._writes.run(args)
        return row

    def _read(self, cursor: sqlite3.Cursor, jobs: list[Row]) -> list[Any]:
        answers: list[Any] = []
        for digest, sql, args in jobs:
            found = cursor.execute(self._KEY, (digest,)).fetchone()
            application, rows = found[0] if found else None, []
            if found and sql:
                rows = cursor.execute(_numbered(sql), (application, *args)).fetchall()
            answers.append((application, rows))
        return answers

    def _write(self, cursor: sqlite3.Cursor, jobs: list[Row]) -> list[Any]:
        grant, secret, event = self._PUT
        written = []
        cursor.execute("begin immediate")
        for job in jobs:
            application, now = job[0], job[13]
            key_id, sealed, event_id, payload = job[14:]
            id_, created_at, version = cursor.execute(grant, job[:14]).fetchone()
            cursor.execute(secret, (application, id_, key_id, sealed, now))
            kind = "grant.created" if version == 1 else "grant.updated"
            cursor.execute(event, (application, event_id, kind, id_, payload, now))
            written.append((id_, created_at))
        cursor.execute("commit")
        return written


class Postgres:
    def __init__(self, connections: list[asyncpg.Connection]) -> None:
        self._idle = connections
        self._free = asyncio.Semaphore(len(connections))

    async def ask(self, digest: bytes, sql: str | None = None, *args: Any) -> tuple[str | None, list[Row]]:
        async with self._free:
            connection = self._idle.pop()
            try:
                application = await connection.fetchval(KEY, digest)
                rows = await connection.fetch(sql, application, *args) if application and sql else []
            finally:
                self._idle.append(connection)
        return application, rows

    async def put(self, args: Row) -> Row:
        async with self._free:
            connection = self._idle.pop()
            try:
                row: Row = await connection.fetchrow(PUT_POSTGRES, *args)
            finally:
                self._idle.append(connection)
        return row


# ── the program ───────────────────────────────────────────────────────────────────────────────────────────────


@dataclass(slots=True)
class Config:
    """database: a path, or a URL of PostgreSQL. master_key: hex. connectors: see `Floor`."""

    database: str
    ca_file: str
    token_url: str
    userinfo_url: str
    client_id: str
    client_secret: str
    master_key: str


class Refused(Exception):
    """A status and why."""


class Floor:
    """connectors: (application, provider) → connector id, credential id."""

    def __init__(self, config: Config, db: Database, http: Client, connectors: dict[tuple[str, str], Row]) -> None:
        self.config = config
        self.db = db
        self.http = http
        self.connectors = connectors
        self.cipher = AESGCM(bytes.fromhex(config.master_key))
        self.tls = ssl.create_default_context(cafile=config.ca_file)

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
                answer["data"] = await self._connect(digest, await _body(receive))
            elif path == "/v3/grants":
                answer |= await self._list(digest, scope["query_string"])
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
        application, rows = await self.db.ask(digest, GET, grant_id)
        if application is None:
            raise Refused(401, "unknown key")
        if not rows:
            raise Refused(404, "no such grant")
        return _shown(rows[0])

    async def _list(self, digest: bytes, query_string: bytes) -> dict[str, Any]:
        query = dict(parse_qsl(query_string.decode()))
        limit, offset = int(query.get("limit", 10)), int(query.get("offset", 0))
        application, rows = await self.db.ask(digest, LIST, limit, offset)
        if application is None:
            raise Refused(401, "unknown key")
        return {"data": [_shown(row) for row in rows], "limit": limit, "offset": offset}

    async def _connect(self, digest: bytes, body: bytes) -> dict[str, Any]:
        application, _ = await self.db.ask(digest)
        if application is None:
            raise Refused(401, "unknown key")
        try:
            sent = from_json(body)
            provider, settings = sent["provider"], sent["settings"]
            connector_id, credential_id = self.connectors[application, provider]
        except (ValueError, KeyError, TypeError):
            raise Refused(400, "bad body") from None
        now = time.time_ns() // 1000
        if provider == "google":
            email, subject, name, scope, expires_at, secret = await self._google(settings["refresh_token"], now)
            shown: dict[str, Any] = {}
        else:
            email, subject, name, scope, expires_at = settings["imap_username"], None, None, [], None
            shown = {key: settings[key] for key in ("imap_host", "imap_port", "imap_username")}
            secret = {"imap_password": settings["imap_password"], "imap_security": "tls"}
            await self._imap(settings["imap_host"], settings["imap_port"], email, settings["imap_password"])
        mailbox, asked_at, now = email.lower(), now, time.time_ns() // 1000
        nonce = os.urandom(12)
        # Bound to the mailbox, not to the id, which on a second connect only the upsert knows.
        sealed = nonce + self.cipher.encrypt(nonce, to_json(secret), f"{application} {provider} {mailbox}".encode())
        payload = to_json({"integration_id": connector_id, "provider": provider, "email": email, "scope": scope})
        grant: Row = (application, str(uuid.uuid4()), provider, connector_id, mailbox, email, subject, name)
        texts = (to_json(scope).decode(), to_json(shown).decode())
        times = (expires_at, asked_at, now)
        beside = ("1", sealed, str(uuid.uuid4()), payload.decode())
        id_, created_at = await self.db.put((*grant, *texts, credential_id, *times, *beside))
        answer = {
            "id": id_,
            "provider": provider,
            "scope": scope,
            "grant_status": "valid",
            "email": email,
            "settings": shown,
            "blocked": False,
            "created_at": created_at // 1_000_000,
            "updated_at": now // 1_000_000,
        }
        if name is not None:
            answer |= {"name": name, "provider_user_id": subject, "credential_id": credential_id}
        return answer

    async def _google(self, refresh_token: str, now: int) -> Row:
        config = self.config
        form = {
            "grant_type": "refresh_token",
            "refresh_token": refresh_token,
            "client_id": config.client_id,
            "client_secret": config.client_secret,
        }
        answered = await self.http.post(config.token_url).form(form).build().send()
        if answered.status != 200:
            raise Refused(400, "refused by the provider")
        tokens = from_json(bytes(await answered.bytes()))
        access_token = tokens["access_token"]
        if id_token := tokens.get("id_token"):
            who = from_json(base64.urlsafe_b64decode(id_token.split(".")[1] + "=="))
            if who["aud"] != config.client_id or who["exp"] < now // 1_000_000:
                raise Refused(400, "strange id_token")
        else:
            answered = await self.http.get(config.userinfo_url).bearer_auth(access_token).build().send()
            if answered.status != 200:
                raise Refused(400, "refused by the provider")
            who = from_json(bytes(await answered.bytes()))
        if not who["email_verified"]:
            raise Refused(400, "address not verified")
        scope = tokens["scope"].split(" ")
        secret = {"refresh_token": refresh_token, "access_token": access_token, "access_token_scope": scope}
        expires_at = now + tokens["expires_in"] * 1_000_000
        return who["email"], who["sub"], who["name"], scope, expires_at, secret

    async def _imap(self, host: str, port: int, username: str, password: str) -> None:
        """The commands that OpenGrant's dialogue has with the same server."""
        async with asyncio.timeout(75):
            reader, writer = await asyncio.open_connection(host, port, ssl=self.tls, server_hostname=host)
            try:
                await reader.readline()
                login = base64.b64encode(f"\0{username}\0{password}".encode())
                for command in (b"CAPABILITY", b"AUTHENTICATE PLAIN " + login, b"CAPABILITY", b"NAMESPACE", b"LOGOUT"):
                    writer.write(b"a " + command + b"\r\n")
                    while not (line := await reader.readline()).startswith(b"a "):
                        if not line:
                            raise Refused(504, "hung up")
                    if not line.startswith(b"a OK"):
                        raise Refused(400, "refused by the mail server")
            finally:
                writer.transport.abort()


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
    shown |= {key: value for key, value in zip(_OPTIONAL, row[9:], strict=True) if value is not None}
    return shown


_OPTIONAL = ("name", "state", "provider_user_id", "credential_id", "workspace_id", "ip", "user_agent")


async def serve(config: Config) -> None:
    if config.database.startswith("postgresql://"):
        db: Database = Postgres([await asyncpg.connect(config.database) for _ in range(10)])
        connection = await asyncpg.connect(config.database)
        rows = [tuple(row) for row in await connection.fetch(CONNECTORS)]
        await connection.close()
    else:
        db = Sqlite(config.database)
        rows = sqlite3.connect(config.database).execute(CONNECTORS).fetchall()
    connectors = {(application, provider): tuple(ids) for application, provider, *ids in rows}
    http = ClientBuilder().timeout(timedelta(seconds=20)).no_proxy().follow_redirects(enable=False).build()
    bound = socket.socket()
    bound.bind(("127.0.0.1", 0))
    bound.listen(2048)
    print(json.dumps({"port": bound.getsockname()[1]}), flush=True)
    # As serving.py sets it.
    options = uvicorn.Config(
        Floor(config, db, http, connectors),
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
