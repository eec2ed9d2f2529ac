"""Databases as both sides find them: three applications that OpenGrant made, then their grants, row by row."""

import hashlib
import os
import sqlite3
import uuid
from dataclasses import replace
from pathlib import Path
from random import Random
from typing import Any

import asyncpg
from pydantic import SecretStr
from pydantic_core import to_json

from bench.lines import FEW, MANY, Scene, fresh_numbers, mailbox
from bench.remotes import CLIENT_ID, DIGITS, SCOPE
from opengrant.app import installation
from opengrant.grants.connectors import Draft
from opengrant.model import SECOND, Application, Connector, ProviderName, now
from opengrant.settings import Settings
from opengrant.store import api_keys
from opengrant.store.grants import COLUMNS

Row = tuple[Any, ...]

_TABLES = {
    "grants": f"{COLUMNS}, email_key",
    "secrets": "application_id, owner_kind, owner_id, purpose, key_id, sealed, updated_at",
}


async def prepare(data: Path, url: str | None, *, imap_port: int, client_secret: str) -> Scene:
    """Make and fill the database of an installation that does not run yet.

    data  OpenGrant's data directory, which also gets its master key
    url   of PostgreSQL; None for SQLite in `data`
    """
    settings = Settings(data_dir=data, database_url=None if url is None else SecretStr(url))
    keys, applications = dict[str, str](), list[tuple[Application, Connector, int]]()
    async with installation(settings) as installed:
        services = installed.services
        for name, grants in (("empty", 0), ("few", FEW), ("many", MANY)):
            application = await services.applications.create(name)
            new = await services.applications.create_key(application, name, lifetime=None)
            keys[name] = new.secret.get_secret_value()
            # The same key under a digest that the floor can make, which knows no master key.
            digest = hashlib.sha256(keys[name].encode()).digest()
            await services.db.write(api_keys.add(replace(new.key, id=f"floor {name}"), digest))
            google = Draft(client_id=CLIENT_ID, client_secret=SecretStr(client_secret))
            connector = await services.connectors.create(application, ProviderName.GOOGLE, google)
            await services.connectors.create(application, ProviderName.IMAP, Draft())
            applications.append((application, connector, grants))
        key_id = services.connect.vault.keyring.sealing.id
    ids: list[str] = []
    for application, connector, grants in applications:
        rows = [_grant(application, connector, number, grants) for number in range(grants)]
        ids = [row[0] for row in rows]
        await _fill(data, url, {"grants": rows, "secrets": [_secret(row, key_id) for row in rows]})
    return Scene(**keys, ids=ids, imap_port=imap_port, fresh=fresh_numbers())


def _grant(application: Application, connector: Connector, number: int, of: int) -> Row:
    """One per second until now, each with an id that any run makes alike."""
    at = now() - (of - number) * SECOND
    id_ = str(uuid.UUID(int=Random(f"{application.name} {number}").getrandbits(128), version=4))
    email, subject = mailbox(number), f"{number:0{DIGITS}}"
    scope = to_json(SCOPE.split(" ")).decode()
    return (
        *(id_, application.id, "google", connector.id, email, email, "valid", scope, "{}", at, at, at, 1, subject),
        *(subject, f"User {subject}", "customer", connector.active_credential_id, None, None, None, 0),
        *(at + 3599 * SECOND, None, email),
    )


def _secret(grant: Row, key_id: str) -> Row:
    """Bytes that nobody opens, as long as the real ones."""
    return (grant[1], "grant", grant[0], "live", key_id, os.urandom(480), grant[10])


async def _fill(data: Path, url: str | None, tables: dict[str, list[Row]]) -> None:
    if url is None:
        _fill_sqlite(data / "opengrant.db", tables)
        return
    connection = await asyncpg.connect(url)
    for table, rows in tables.items():
        await connection.copy_records_to_table(table, records=rows, columns=_TABLES[table].split(", "))
        await connection.execute(f"analyze {table}")  # as the server itself would before long
    await connection.close()


def _fill_sqlite(path: Path, tables: dict[str, list[Row]]) -> None:
    connection = sqlite3.connect(path)
    for table, rows in tables.items():
        places = ", ".join("?" for _ in _TABLES[table].split(", "))
        connection.executemany(f"insert into {table} ({_TABLES[table]}) values ({places})", rows)
    connection.commit()
    connection.close()  # moves the WAL into the file, so that it can be copied
