"""Databases as both sides find them: applications that OpenGrant made, then their grants, row by row."""

import hashlib
import os
import sqlite3
import uuid
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from random import Random
from typing import Any, NamedTuple

import asyncpg
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from pydantic import SecretStr
from pydantic_core import to_json

from bench import floor, rooms
from bench.lines import DOMAIN, EXPIRED, FEW, MANY, Scene, fresh_numbers, mailbox
from bench.remotes import ACCESS_TAIL, CLIENT_ID, DIGITS, REFRESH_TAIL, SCOPE
from opengrant.assembly.installation import installation
from opengrant.connectors.connectors import ConnectorFields
from opengrant.connectors.credentials import NewCredential
from opengrant.model import PERMISSIONS, SECOND, Application, Connector, CredentialType, Micros, ProviderName, now
from opengrant.model.secrets import read_credential
from opengrant.providers.registry import OAUTH
from opengrant.services import Services
from opengrant.settings import Settings
from opengrant.store.access import api_keys
from opengrant.store.calendars.events import COLUMNS as CALENDAR_EVENTS
from opengrant.store.engine.port import Dialect, Statement, Steps
from opengrant.store.grants import addresses
from opengrant.vault import Owner, Vault

Row = tuple[Any, ...]

_TABLES = {
    # By name: columns that are newer than these have their defaults, as in a database that was upgraded.
    "grants": (
        "id, application_id, provider, connector_id, mailbox_key, email, status, scope, settings, created_at,"
        " updated_at, asked_at, version, subject, user_id, name, state, credential_id, workspace_id, ip, user_agent,"
        " blocked, token_expires_at, external_id, due_at, proven_at, used_at, generation, trouble, refreshes, email_key"
    ),
    "calendar_events": str(CALENDAR_EVENTS),
    "calendar_keys": "application_id, grant_id, kind, calendar_id, id, name, value, start_at",
    "secrets": "application_id, owner_kind, owner_id, purpose, key_id, sealed, updated_at",
}

SIZES = {"empty": 0, "few": FEW, "many": MANY, "expired": EXPIRED}

_HOUR = 3600 * SECOND
_LATER = 24 * _HOUR
"""Until when nothing is due that was there at first: the clock must not come between requests."""

CLIENT = {"client_id": CLIENT_ID, "client_secret": "GOCSPX-bench"}

Held = dict[str, dict[str, str]]
"""What credentials hold, by their ids: the floor cannot open what OpenGrant has sealed."""


class Further(NamedTuple):
    """A credential beside a connector's own, for the variant of connect/custom that names it."""

    variant: str
    type: CredentialType
    held: dict[str, str]


async def prepare(
    data: Path, url: str | None, *, ports: dict[str, int], floors_key: bytes, sizes: Mapping[str, int] = SIZES
) -> tuple[Scene, Held]:
    """Make and fill the database of an installation that does not run yet.

    data        OpenGrant's data directory, which also gets its master key
    url         of PostgreSQL; None for SQLite in `data`
    ports       of the remotes, by protocol
    floors_key  what the floor seals with: grants whose secrets are opened have one for either side
    sizes       grants of each application, by its name
    """
    settings = Settings(data_dir=data, database_url=None if url is None else SecretStr(url))
    keys, applications = dict[str, str](), list[tuple[Application, Connector, int]]()
    held, named = Held(), dict[str, str]()
    async with installation(settings) as installed:
        services = installed.services
        for name, grants in sizes.items():
            application = await services.applications.create(name)
            keys[name] = await _key(services, application)
            connectors = {provider: await _connector(services, application, provider) for provider in ProviderName}
            held |= {one.active_credential_id: CLIENT for one in connectors.values() if one.active_credential_id}
            applications.append((application, connectors[ProviderName.GOOGLE], grants))
        for variant, type_, data_held in _further():
            provider = ProviderName(variant.partition(" ")[0])
            draft = NewCredential(variant, read_credential(data_held, type_))
            credential = await services.credentials.create(applications[0][0], provider, draft)
            named[variant], held[credential.id] = credential.id, data_held
        organization = await services.service_accounts.organization()
        await services.domains.create(organization.id, DOMAIN, "bench")
        await services.db.write(_own_all_domains())
        vault = services.rotated_tokens.vault
        room = await _room(services)
    ids = dict[str, list[str]]()
    for application, connector, grants in applications:
        ends_at = now() - _HOUR if application.name == "expired" else now() + _LATER + _HOUR
        rows = [
            grant(application, connector, number, at=now() - (grants - number) * SECOND, ends_at=ends_at)
            for number in range(grants)
        ]
        ids[application.name] = [row[0] for row in rows]
        if application.name == "many":
            secrets = [_unread(row, vault) for row in rows]
        else:
            secrets = [secret(row, number, vault) for number, row in enumerate(rows)]
            secrets += [floors_secret(row, number, AESGCM(floors_key)) for number, row in enumerate(rows)]
        await fill(data, url, {"grants": rows, "secrets": secrets})
    async with installation(settings) as installed:
        await _catch_up(installed.services)
    renewable = iter(ids["expired"])
    scene = Scene(
        **keys,
        ids=ids,
        credentials=named,
        ports=ports,
        fresh=fresh_numbers(),
        renewable=renewable,
        rooms=room[0],
        room=room[1],
    )
    return scene, held


async def _catch_up(services: Services) -> None:
    """What the background would do about so many new rows at once: it must not come between requests."""
    if services.db.dialect is Dialect.SQLITE:
        while await services.db.write(addresses.index(batch=20_000)):
            pass
    while await services.grant_counts.fold():
        pass


async def _room(services: Services) -> tuple[str, str]:
    """An API key, and the id of a grant with a calendar that is full."""
    application = await services.applications.create("rooms")
    key = await _key(services, application)
    await _connector(services, application, ProviderName.VIRTUAL_CALENDAR)
    grant = await rooms.room(services, application, "room 12")
    await rooms.fill(services, grant)
    return key, grant.id


async def _key(services: Services, application: Application) -> str:
    new = await services.api_keys.create(application, application.name, lifetime=None, permissions=PERMISSIONS)
    key: str = new.secret.get_secret_value()
    # The same key under a digest that the floor can make, which knows no master key.
    digest = hashlib.sha256(key.encode()).digest()
    await services.db.write(api_keys.add(replace(new.key, id=f"floor {application.name}"), digest))
    return key


async def _connector(services: Services, application: Application, provider: ProviderName) -> Connector:
    client = SecretStr(CLIENT["client_secret"])
    draft = ConnectorFields(client_id=CLIENT_ID, client_secret=client) if provider in OAUTH else ConnectorFields()
    return await services.connectors.create(application, provider, draft)


def _further() -> list[Further]:
    key = rsa.generate_private_key(65537, 2048)
    pem = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()
    file = {"client_email": "bench@bench.iam.example", "private_key": pem, "private_key_id": "1"}
    tenant = "6babcaad-604b-40ac-a9d7-9fd97c0b779f"
    return [
        Further("google override", "connector", {**CLIENT, "client_id": "other.apps.example"}),
        Further("google bulk", "serviceaccount", file),
        Further("microsoft bulk", "adminconsent", {**CLIENT, "tenant": tenant}),
    ]


def _own_all_domains() -> Steps[None]:
    """In place of a name server that would have to say so."""
    yield Statement("update domains set verified_ownership = 1", ())


def grant(
    application: Application,
    connector: Connector,
    number: int,
    *,
    at: Micros,
    ends_at: Micros,
    due_at: Micros | None = None,
    credential_id: str | None = None,
) -> Row:
    """Of a mailbox by number, with an id that any run makes alike.

    at             when it was made and proven
    ends_at        of its access token
    due_at         None: not before tomorrow
    credential_id  None: the connector's own
    """
    id_ = str(uuid.UUID(int=Random(f"{application.name} {number}").getrandbits(128), version=4))
    email, subject = mailbox(number), f"{number:0{DIGITS}}"
    scope = to_json(SCOPE.split(" ")).decode()
    credential_id = credential_id or connector.active_credential_id
    due_at = now() + _LATER if due_at is None else due_at
    return (
        *(id_, application.id, "google", connector.id, email, email, "valid", scope, "{}", at, at, at, 1, subject),
        *(subject, f"User {subject}", "customer", credential_id, None, None, None, 0),
        *(ends_at, None, due_at, at, now(), 1, None, 0, email),
    )


def _unread(row: Row, vault: Vault) -> Row:
    """Bytes that nobody opens, as long as the real ones."""
    return (row[1], "grant", row[0], "live", vault.keyring.sealing.id, os.urandom(480), row[10])


def secret(row: Row, number: int, vault: Vault) -> Row:
    """What OpenGrant keeps for a grant, which is given as its row."""
    sealed = vault.seal(to_json(_held(number)), Owner(row[1], "grant", row[0], "live"))
    return (row[1], "grant", row[0], "live", sealed.key_id, sealed.data, row[10])


def floors_secret(row: Row, number: int, cipher: AESGCM) -> Row:
    """The same for the floor, which knows no key of OpenGrant's."""
    sealed = floor.seal(cipher, _held(number), floor.owner_of(row[1], row[2], row[4]))
    return (row[1], "grant", row[0], floor.PURPOSE, "1", sealed, row[10])


def _held(number: int) -> dict[str, Any]:
    return {
        "refresh_token": f"1//{number:0{DIGITS}}{REFRESH_TAIL}",
        "access_token": f"ya29.{number:0{DIGITS}}{ACCESS_TAIL}",
        "access_token_scope": SCOPE.split(" "),
    }


async def fill(data: Path, url: str | None, tables: dict[str, list[Row]]) -> None:
    """Put rows into tables of an installation that does not run."""
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
