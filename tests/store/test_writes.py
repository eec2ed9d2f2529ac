"""store/engine/writes.py: an arm of a combined statement writes what the same write does alone, on both engines."""

from collections.abc import Callable

import pytest

from opengrant.model import Application, Grant, ProviderName, Sealed
from opengrant.store import secrets
from opengrant.store.engine.port import Statement, Steps, Store
from opengrant.store.engine.writes import Arm, Head, one_by_one, together
from opengrant.store.events import events, webhooks
from opengrant.store.events.webhooks import Status, Webhook
from opengrant.store.grants import leases, rotations
from opengrant.store.grants.leases import Lease
from opengrant.store.tenants import applications

AT = 1_700_000_000_000_000
YES = Head("select 1 as one", "g as (select 1 as one)", "one")
NO = Head("select 1 as one where 1 = 0", "g as (select 1 as one where 1 = 0)", "one")
TABLES = {
    "secrets": "owner_kind, owner_id, purpose, key_id, sealed, updated_at",
    "events": "id, type, grant_id, payload, created_at, actor, detail",
    "deliveries": "webhook_id, event_id, type, subject, payload, created_at, queued_at, due_at, state, attempts, owner",
    "rotations": "provider, spent, grant_id, created_at",
    "leases": "subject, owner, until, attempts",
}
Rows = dict[str, list[tuple[object, ...]]]


def grant(app: str) -> Grant:
    return Grant("g1", app, ProviderName.ZOOM, "c1", "m", "a@b.test", "valid", (), {}, AT, AT, AT, 1)


def secret(app: str, kind: str, id_: str, *, of: bytes = b"sealed \0 bytes") -> secrets.SecretRow:
    return secrets.SecretRow(app, kind, id_, "live" if kind == "grant" else "successor", Sealed("key", of))


def event(app: str, type_: str, *, plain: bool = False) -> events.Event:
    beside = (None, None) if plain else ("key:k1", {"request_id": "r"})
    return events.Event("e1", app, type_, None if plain else "g1", {"id": "g1", "email": "é@b.test"}, AT, *beside)


ARMS: dict[str, Callable[[str], list[Arm]]] = {
    "a new secret": lambda app: [secrets.put_arm(secret(app, "grant", "g1"), at=AT)],
    "a secret that replaces one": lambda app: [secrets.put_arm(secret(app, "grant", "g2"), at=AT + 1)],
    "a secret destroyed": lambda app: [secrets.destroy_arm(app, "rotation", "walked")],
    "an event with its deliveries": lambda app: events.add_arms(event(app, "grant.updated")),
    "a delivered event without grant": lambda app: events.add_arms(event(app, "connector.degraded", plain=True)),
    "an event that is not delivered": lambda app: events.add_arms(event(app, "grant.viewed")),
    "a spent token": lambda app: rotations.spend_arms(grant(app), "spent", at=AT),
    "a token spent once more": lambda app: rotations.spend_arms(grant(app), "walked", at=AT + 1),
    "walked tokens": lambda app: [*rotations.hand_over_arms(grant(app), ["walked", "walked too"])],
    "a lease given back": lambda app: [leases.give_back_arm(Lease(app, "g1", "node", 1))],
    "a lease of another owner": lambda app: [leases.give_back_arm(Lease(app, "g1", "other", 1))],
    "all at once": lambda app: [
        secrets.put_arm(secret(app, "grant", "g1"), at=AT),
        *events.add_arms(event(app, "grant.updated")),
        *rotations.spend_arms(grant(app), "spent", at=AT),
        *rotations.hand_over_arms(grant(app), ["walked", "walked too"]),
        leases.give_back_arm(Lease(app, "g1", "node", 1)),
    ],
}
CHANGES_NOTHING = {"a lease of another owner"}


def begin(app: str) -> Steps[None]:
    """An application with two live webhooks and two others, and rows to replace, hand over and delete."""
    yield from applications.add(Application(app, app, "email", AT))
    destinations: list[tuple[str, Status, str]] = [
        ("w1", "active", "grant.updated"),
        ("w2", "failing", "grant.updated"),
        ("w3", "pause", "grant.updated"),
        ("w4", "active", "connector.degraded"),
    ]
    for id_, status, trigger in destinations:
        yield from webhooks.add(
            Webhook(app, id_, f"https://{id_}.test/", ("grant.created", trigger), None, (), False, status, AT, AT, AT)
        )
    yield from secrets.put(secret(app, "grant", "g2", of=b"before"), at=AT)
    for digest in ("walked", "walked too"):
        yield from rotations.record(app, ProviderName.ZOOM, digest, secret(app, "rotation", digest), at=AT)
    yield from leases.take(app, "g1", "node", at=AT, until=AT + 1)


def rows_of(app: str) -> Steps[Rows]:
    found: Rows = {}
    for table, columns in TABLES.items():
        rows = yield Statement(f"select {columns} from {table} where application_id = $1 order by {columns}", (app,))
        found[table] = [tuple(row) for row in rows]
    return found


async def drive(store: Store, app: str, write: Steps[object]) -> tuple[Rows, Rows]:
    """The rows before and after."""
    await store.write(begin(app))
    before = await store.read(rows_of(app))
    await store.write(write)
    return before, await store.read(rows_of(app))


@pytest.mark.parametrize("name", ARMS)
async def test_an_arm_writes_the_row_that_the_statement_writes(store: Store, name: str) -> None:
    await store.migrate()
    before, alone = await drive(store, "alone", one_by_one(ARMS[name]("alone")))
    _, combined = await drive(store, "combined", together(YES, (), ARMS[name]("combined"), store.dialect))
    assert combined == alone
    assert (alone == before) == (name in CHANGES_NOTHING)


async def test_arms_write_nothing_when_the_head_writes_nothing(store: Store) -> None:
    await store.migrate()
    for number, arms in enumerate(ARMS.values()):
        app = f"app {number}"
        before, after = await drive(store, app, together(NO, (), arms(app), store.dialect))
        assert after == before


async def test_a_rotated_token_alone_is_the_same_rows_as_in_a_longer_script(store: Store) -> None:
    await store.migrate()
    for app in ("alone", "longer"):
        await store.write(begin(app))
    successor = {app: secret(app, "rotation", "walked", of=b"newer") for app in ("alone", "longer")}
    about = (ProviderName.ZOOM, "walked")
    await store.write(rotations.record("longer", *about, successor["longer"], at=AT + 1))
    await store.write(rotations.record_alone("alone", *about, successor["alone"], at=AT + 1, dialect=store.dialect))
    assert await store.read(rows_of("alone")) == await store.read(rows_of("longer"))
