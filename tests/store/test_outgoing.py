"""Rows of messages that are sent later: one node has each, and what it may not write any more it does not."""

import asyncio
import random
from collections.abc import AsyncIterator
from dataclasses import replace

import pytest
import pytest_asyncio

from opengrant.mail.outgoing import Ready
from opengrant.mail.schedules.sealing import PIECE, Kept, seal, unseal
from opengrant.model import Sealed, now
from opengrant.model.mail import Address
from opengrant.operations.master_keys import Reseal
from opengrant.store import secrets
from opengrant.store.engine.open import open_store
from opengrant.store.engine.port import Dialect, Statement, Steps, Store
from opengrant.store.mail import outgoing
from opengrant.store.mail.outgoing import Claim, Outgoing
from opengrant.store.operations import clock_steps
from opengrant.store.secrets import SecretRow
from opengrant.vault import Keyring, Unsealable, Vault
from opengrant.vault.keys import MasterKey
from tests.peers.postgres import Postgres

pytestmark = pytest.mark.asyncio(loop_scope="module")

MINUTE = 60_000_000
NOW = 1_700_000_000_000_000


@pytest_asyncio.fixture(scope="module", loop_scope="module", params=list(Dialect))
async def opened(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, postgres: Postgres
) -> AsyncIterator[Store]:
    """One database of each engine for all tests: making one takes longer than most of them."""
    url = postgres.create_database() if request.param is Dialect.POSTGRES else None
    made = await open_store(database_url=url, sqlite_path=tmp_path_factory.mktemp("outgoing") / "store.db")
    await made.migrate()
    yield made
    await made.close()


@pytest_asyncio.fixture(loop_scope="module")
async def store(opened: Store) -> Store:
    """Empty."""

    def script() -> Steps[None]:
        for table in ("outgoing", "secrets"):
            yield Statement(f"delete from {table}")

    await opened.write(script())
    return opened


def message(id_: str, *, grant: str = "g", host: str = "h", size: int = 100, at: int = NOW) -> Outgoing:
    return Outgoing("app", grant, id_, f"<{id_}>", host, size, "pending", at, at, None, 0, None, None, None, NOW - 1)


def claim(owner: str = "a", *, at: int = NOW) -> Claim:
    return Claim(owner, at, at + 5 * MINUTE)


async def fill(store: Store, *messages: Outgoing) -> None:
    for one in messages:
        await store.write(outgoing.add(one))


async def found(store: Store, id_: str = "1") -> Outgoing:
    one = await store.read(outgoing.find("app", "g", id_))
    assert one is not None
    return one


async def test_the_earliest_is_claimed_first_and_nothing_before_its_time(store: Store) -> None:
    await fill(store, message("1", at=NOW - 1), message("2", at=NOW - 2), message("3", at=NOW + 1))
    assert await store.read(outgoing.any_due(at=NOW))
    taken = [await store.write(outgoing.claim(claim(), store.dialect)) for _ in range(3)]
    assert [one and one.id for one in taken] == ["2", "1", None]
    assert taken[0] == replace(message("2", at=NOW - 2), owner="a", attempts=1, run_at=NOW + 5 * MINUTE)
    assert not await store.read(outgoing.any_due(at=NOW))


async def test_a_claim_passes_over_grants_and_hosts_that_are_busy_and_what_is_too_large(store: Store) -> None:
    await fill(
        store,
        message("1", grant="busy", at=NOW - 4),
        message("2", host="full", at=NOW - 3),
        message("3", size=1001, at=NOW - 2),
        message("4", size=1000, at=NOW - 1),
    )
    terms = replace(claim(), but_grants={"busy", "other"}, but_hosts=["full"], largest=1000)
    taken = await store.write(outgoing.claim(terms, store.dialect))
    assert taken is not None
    assert taken.id == "4"
    assert await store.write(outgoing.claim(terms, store.dialect)) is None


async def test_of_many_who_claim_at_once_each_gets_another(store: Store) -> None:
    await fill(store, *(message(str(number)) for number in range(20)))
    claims = [store.write(outgoing.claim(claim(str(number)), store.dialect)) for number in range(20)]
    taken = [one.id for one in await asyncio.gather(*claims) if one is not None]
    assert len(set(taken)) == len(taken)
    # PostgreSQL may leave out a row that another one has just locked: it is claimed a second later.
    assert len(taken) > 10


async def test_a_node_whose_claim_has_ended_writes_nothing(store: Store) -> None:
    await fill(store, message("1"))
    slow = await store.write(outgoing.claim(claim("slow"), store.dialect))
    assert slow is not None
    assert not await store.write(outgoing.mark(slow, at=NOW + 6 * MINUTE))
    other = await store.write(outgoing.claim(claim("other", at=NOW + 6 * MINUTE), store.dialect))
    assert other is not None
    assert other.attempts == 2
    before = await found(store)
    assert not await store.write(outgoing.mark(slow, at=NOW))
    assert not await store.write(outgoing.again(slow, "no", run_at=NOW, sent=False))
    assert not await store.write(outgoing.close(slow, "failed", "no", at=NOW))
    assert await found(store) == before
    assert await store.write(outgoing.mark(other, at=NOW + 7 * MINUTE))
    assert (await found(store)).handed_at == NOW + 7 * MINUTE


async def test_the_mark_stays_where_it_may_have_been_sent_and_goes_where_it_was_not(store: Store) -> None:
    await fill(store, message("1"))
    for sent, mark in ((True, NOW), (False, None)):
        one = await store.write(outgoing.claim(claim(), store.dialect))
        assert one is not None
        assert await store.write(outgoing.mark(one, at=NOW))
        assert await store.write(outgoing.again(one, "later", run_at=NOW, sent=sent))
        left = await found(store)
        assert (left.handed_at, left.owner, left.state, left.outcome) == (mark, None, "pending", "later")


async def test_what_is_cancelled_cannot_be_marked_and_what_is_marked_cannot_be_cancelled(store: Store) -> None:
    await fill(store, message("1"), message("2"))
    for cancels_first in (True, False):
        one = await store.write(outgoing.claim(claim(), store.dialect))
        assert one is not None
        cancel = outgoing.cancel(*one.key, "cancelled", at=NOW)
        if cancels_first:
            assert await store.write(cancel)
            assert not await store.write(outgoing.mark(one, at=NOW))
        else:
            assert await store.write(outgoing.mark(one, at=NOW))
            assert not await store.write(cancel)


async def test_either_the_mark_or_the_cancellation_wins_never_both(store: Store) -> None:
    dice = random.Random(1)
    for number in range(30):
        await fill(store, message(str(number)))
        one = await store.write(outgoing.claim(claim(), store.dialect))
        assert one is not None
        both = [store.write(outgoing.mark(one, at=NOW)), store.write(outgoing.cancel(*one.key, "no", at=NOW))]
        dice.shuffle(both)
        assert sorted(await asyncio.gather(*both)) == [False, True]


async def test_what_waits_is_counted_by_grant_and_by_application(store: Store) -> None:
    other = replace(message("4"), application_id="other")
    await fill(store, message("1"), message("2", grant="h", size=7), replace(message("3"), state="failed"), other)
    assert await store.read(outgoing.waiting("app", "g")) == ((1, 100), (2, 107))
    assert await store.read(outgoing.waiting("app", "none")) == ((0, 0), (2, 107))
    assert await store.read(outgoing.all_waiting()) == 3


async def test_a_list_has_all_that_wait_and_the_latest_of_the_others(store: Store) -> None:
    closed = [replace(message(f"c{number}", at=NOW + number), state="success") for number in range(4)]
    await fill(store, *closed, message("old", at=NOW - 5), message("new", at=NOW + 9))
    listed = await store.read(outgoing.of_grant("app", "g", limit=4))
    assert [one.id for one in listed] == ["old", "c2", "c3", "new"]


async def test_a_grant_takes_its_messages_with_it_and_leaves_those_of_others(store: Store) -> None:
    await fill(store, message("1"), message("2", grant="h"))
    for id_, purpose in (("1", "00000"), ("1", "head"), ("2", "head")):
        await store.write(secrets.put(SecretRow("app", outgoing.KIND, id_, purpose, Sealed("k", b"x")), at=NOW))
    kept = await store.read(secrets.all_of("app", outgoing.KIND, "1"))
    assert [row.purpose for row in kept] == ["00000", "head"]
    await store.write(outgoing.delete_of_grant("app", "g"))
    assert await store.read(outgoing.of_grant("app", "g", limit=100)) == []
    assert await store.read(secrets.all_of("app", outgoing.KIND, "1")) == []
    assert len(await store.read(secrets.all_of("app", outgoing.KIND, "2"))) == 1


async def test_after_a_clock_step_back_a_retry_is_due_now_and_a_time_that_was_asked_for_stays(store: Store) -> None:
    hour = 60 * MINUTE
    retried = replace(message("1"), attempts=2, run_at=NOW + 3 * hour)
    earlier = replace(message("2", at=NOW + hour), attempts=1, run_at=NOW + 3 * hour)
    waits = message("3", at=NOW + 3 * hour)
    held = replace(message("4"), owner="dead", attempts=1, run_at=NOW + 3 * hour)
    await fill(store, retried, earlier, waits, held)
    await store.write(clock_steps.move(at=NOW, dialect=store.dialect))
    times = {one.id: one.run_at for one in await store.read(outgoing.of_grant("app", "g", limit=100))}
    assert times == {"1": NOW, "2": NOW + hour, "3": NOW + 3 * hour, "4": NOW + 5 * MINUTE}


OLD, NEW = MasterKey("1", bytes(32)), MasterKey("2", bytes([2] * 32))
READY = Kept(
    Ready(
        raw=random.Random(1).randbytes(5 * PIECE + 3),
        message_id="<1@example.test>",
        date=1,
        sender="bob@example.test",
        recipients=("ana@example.com", "carl@example.com"),
        bcc=(Address("carl@example.com", "Carl"),),
    ),
    {"key1": "spring"},
)


async def test_a_message_outlives_the_master_key_that_it_was_sealed_with(store: Store) -> None:
    for piece in await seal(Vault(Keyring([OLD])), "app", "1", READY):
        await store.write(secrets.put(piece, at=NOW))
    reseal = Reseal(db=store, vault=Vault(Keyring([NEW, OLD])), clock=now, batch=3)
    assert [step.done async for step in reseal.run()] == [0, 3, 6, 7]
    kept = await store.read(secrets.all_of("app", outgoing.KIND, "1"))
    assert await unseal(Vault(Keyring([NEW])), kept) == READY
    with pytest.raises(Unsealable):
        await unseal(Vault(Keyring([OLD])), kept)


async def test_a_message_opens_whole_or_not_at_all() -> None:
    vault = Vault(Keyring([OLD]))
    pieces = await seal(vault, "app", "1", READY)
    other = replace((await seal(vault, "app", "2", READY))[-1], owner_id="1")
    assert await unseal(vault, pieces[::-1]) == READY
    for wrong in ([], pieces[1:], pieces[:-1], [*pieces[:-1], other]):
        with pytest.raises(Unsealable):
            await unseal(vault, wrong)
    swapped = [replace(pieces[1], sealed=pieces[2].sealed), replace(pieces[2], sealed=pieces[1].sealed)]
    with pytest.raises(Unsealable):
        await unseal(vault, [pieces[0], *swapped, *pieces[3:]])
