"""Storing an input: in sealed batches of one source, continued after a crash, and known by its content."""

import asyncio
import gzip
import random
from collections import Counter
from collections.abc import AsyncIterator, Sequence
from dataclasses import replace
from hashlib import sha256
from typing import Any

import pytest
from pydantic_core import to_json

from opengrant.api.import_rows import ROWS
from opengrant.errors import InvalidRequest, StoreUnavailable
from opengrant.imports.loading import ChangedInput, Loaded, NewImport, Superseded
from opengrant.model import SECOND
from opengrant.model.imports import Import, ImportRow, decode_rows
from opengrant.model.logins import OAuthLogin
from opengrant.store import secrets
from opengrant.vault import Owner
from tests.support import Tenant, secret

USERS = NewImport(name="users.ndjson")
DAY = 86_400 * SECOND


def google(number: int, **more: Any) -> dict[str, Any]:
    return {"provider": "google", "id": f"user-{number}", "settings": {"refresh_token": f"1//{number}-sesame"}, **more}


def imap(number: int, host: str | None) -> dict[str, Any]:
    settings = {"imap_username": f"u{number}@{host or 'example.org'}", "imap_password": secret("imap")}
    return {"provider": "imap", "settings": settings | ({} if host is None else {"imap_host": f"imap.{host}"})}


def lines(rows: Sequence[dict[str, Any]]) -> bytes:
    return b"".join(to_json(row) + b"\n" for row in rows)


class Killed(Exception):
    """What a test ends a process with."""


async def pieces(data: bytes, *, size: int = 20_000, killed_at: int | None = None) -> AsyncIterator[bytes]:
    for start in range(0, len(data), size):
        if killed_at is not None and start >= killed_at:
            raise Killed
        yield data[start : start + size]


def load(tenant: Tenant, data: bytes, new: NewImport = USERS, *, known: bool = True, **more: Any) -> Loaded:
    """known: the digest is known beforehand, as that of a file."""
    content = sha256(data).digest() if known else None
    work = tenant.server.services.import_loading.load
    return tenant.server.call(work(tenant.application, pieces(data, **more), new, ROWS, content=content))


def stored(tenant: Tenant, job: Import) -> dict[int, tuple[str, str | None, str | None]]:
    """line → (outcome, class, reason)"""
    sql = "select line, outcome, class, reason from import_rows where import_id = $1"
    return {row[0]: (row[1], row[2], row[3]) for row in tenant.server.rows(sql, job.id)}


def sealed(tenant: Tenant, job: Import) -> dict[str, list[list[int]]]:
    """source → the lines of each of its batches, from what is sealed."""
    found: dict[str, list[list[int]]] = {}
    sql = "select number, source from import_batches where import_id = $1 order by number"
    loading = tenant.server.services.import_loading
    for number, source in tenant.server.rows(sql, job.id):
        owner = Owner(tenant.application.id, "import", job.id, f"rows {number}")
        held = tenant.server.call(
            loading.db.read(secrets.find(owner.application_id, owner.kind, owner.id, owner.purpose))
        )
        found.setdefault(source, []).append([row.line for row in decode_rows(loading.vault.open(held, owner))])
    return found


def test_rows_are_stored_in_batches_of_one_source_and_refused_lines_with_their_reason(tenant: Tenant) -> None:
    tenant.connector("google")
    tenant.connector("imap")
    rows = [google(number) for number in range(1100)]
    rows[3] = imap(1, "a.example")
    rows[7] = imap(2, None)
    rows[9] = google(9, grant_id="nonsense")
    rows[11] = google(3000) | {"id": "user-2"}
    rows[12] = google(12) | {"settings": {"refresh_token": "1//2-sesame"}}
    job = load(tenant, lines(rows) + b'{"provider": "goo').job
    assert (job.state, job.lines) == ("running", 1101)
    sql = "select provider, coalesce(active_credential_id, id) from connectors where application_id = $1"
    sources = dict(map(tuple, tenant.server.rows(sql, tenant.application.id)))
    batches = sealed(tenant, job)
    assert {source: [len(held) for held in of_source] for source, of_source in batches.items()} == {
        sources["google"]: [500, 500, 95],
        f"{sources['imap']}/imap.a.example": [1],
        f"{sources['imap']}/example.org": [1],
    }
    found = stored(tenant, job)
    assert Counter(outcome for outcome, _, _ in found.values()) == {"waiting": 1097, "refused": 4}
    assert {line: (class_, reason) for line, (outcome, class_, reason) in found.items() if outcome == "refused"} == {
        10: ("bad_request", "grant_id: should be a UUID in lower-case letters, with hyphens."),
        12: ("duplicate", "The row has the same id as line 3."),
        13: ("duplicate", "The row has the same refresh token as line 3."),
        1101: ("unreadable", "The line is not JSON: its end is missing."),
    }
    assert sorted(line for of_source in batches.values() for held in of_source for line in held) == sorted(
        line for line, (outcome, _, _) in found.items() if outcome == "waiting"
    )


def test_an_input_is_continued_wherever_its_process_was_killed(tenant: Tenant) -> None:
    tenant.connector("google")
    tenant.connector("imap")
    rows = [google(number) if number % 3 else imap(number, f"h{number % 40}.example") for number in range(4000)]
    rows[50] = google(1)
    data = gzip.compress(lines(rows), mtime=0)
    chance = random.Random(17)
    for _ in range(3):
        with pytest.raises(Killed):
            load(tenant, data, size=4096, killed_at=chance.randrange(len(data) // 4, len(data)))
    done = load(tenant, data, size=4096)
    assert (done.known, done.job.state, done.job.lines) == (False, "running", 4000)
    assert (
        tenant.server.rows("select count(*) from imports where application_id = $1", tenant.application.id)[0][0] == 1
    )
    found = stored(tenant, done.job)
    assert [*sorted(found)] == [*range(1, 4001)]
    assert found[51][1:] == ("duplicate", "The row has the same id as line 2.")
    held = Counter(line for of_source in sealed(tenant, done.job).values() for batch in of_source for line in batch)
    assert held == Counter({line: 1 for line in range(1, 4001) if line != 51})

    again = load(tenant, data)
    assert (again.known, again.job.id) == (True, done.job.id)
    another = load(tenant, data, replace(USERS, again=True))
    assert (another.known, another.job.id != done.job.id) == (False, True)
    changed = load(tenant, gzip.compress(lines([*rows, google(7000)])))
    assert changed.job.id not in {done.job.id, another.job.id}


def test_a_stream_is_known_by_its_content_when_it_has_ended_and_half_of_one_leaves_nothing(tenant: Tenant) -> None:
    tenant.connector("google")
    data = lines([google(number) for number in range(3000)])
    with pytest.raises(Killed):
        load(tenant, data, known=False, killed_at=len(data) * 3 // 4)
    tables = ("imports", "import_rows", "import_batches", "import_sources")
    counts = [f"(select count(*) from {table} where application_id = $1)" for table in tables]
    sealed_rows = "(select count(*) from secrets where application_id = $1 and owner_kind = 'import')"
    count = f"select {' + '.join(counts)}, {sealed_rows}"
    assert tuple(tenant.server.rows(count, tenant.application.id)[0]) == (0, 0)

    first = load(tenant, data, known=False)
    again = load(tenant, data, known=False)
    assert (again.known, again.job.id) == (True, first.job.id)
    assert load(tenant, data).job.id == first.job.id
    assert tuple(tenant.server.rows(count, tenant.application.id)[0]) == (1 + 3000 + 6 + 1, 6)


def test_an_input_is_removed_in_portions_and_the_rest_later_if_the_database_goes_away(tenant: Tenant) -> None:
    tenant.connector("google")
    data = lines([*(google(number) for number in range(4000)), google(4000, grant_id="nonsense")])
    loading, left = tenant.server.services.import_loading, list[int]()

    async def broken() -> AsyncIterator[bytes]:
        async for piece in pieces(data):
            yield piece
        left[:] = [2]  # so many writes, and the database is away
        raise Killed

    class Leaving:
        dialect, read = loading.db.dialect, loading.db.read

        async def write(self, steps: Any) -> Any:
            if left and not left[0]:
                steps.close()
                raise StoreUnavailable("The database is away.")
            left[:] = [number - 1 for number in left]
            return await loading.db.write(steps)

        write_many = write

    with pytest.raises(Killed):
        tenant.server.call(replace(loading, db=Leaving()).load(tenant.application, broken(), USERS, ROWS))
    count = "select (select count(*) from import_rows where application_id = $1), (select count(*) from secrets where "
    count += "application_id = $1 and owner_kind = 'import'), (select count(*) from imports where application_id = $1)"
    assert tuple(tenant.server.rows(count, tenant.application.id)[0]) == (
        4001,
        1,
        1,
    )  # the row that was refused is kept sealed, too
    tenant.server.call(tenant.server.services.import_work.forget(tenant.application))
    assert tuple(tenant.server.rows(count, tenant.application.id)[0]) == (0, 0, 0)


def test_a_file_that_changes_while_it_is_read_is_removed(tenant: Tenant) -> None:
    tenant.connector("google")
    data = lines([google(number) for number in range(3000)])

    async def changing() -> AsyncIterator[bytes]:
        async for piece in pieces(data):
            yield piece
        raise ChangedInput("It changed.")

    work = tenant.server.services.import_loading.load
    with pytest.raises(ChangedInput):
        tenant.server.call(work(tenant.application, changing(), USERS, ROWS, content=sha256(data).digest()))
    assert tenant.server.rows("select id from imports where application_id = $1", tenant.application.id) == []


def test_of_two_processes_that_store_one_input_one_stops(tenant: Tenant) -> None:
    tenant.connector("google")
    data = lines([google(number) for number in range(3000)])

    async def overtaken() -> AsyncIterator[bytes]:
        first = True
        async for piece in pieces(data, size=120_000):
            yield piece
            if first:
                work = tenant.server.services.import_loading.load
                await work(tenant.application, pieces(data), USERS, ROWS, content=sha256(data).digest())
            first = False

    work = tenant.server.services.import_loading.load
    with pytest.raises(Superseded):
        tenant.server.call(work(tenant.application, overtaken(), USERS, ROWS, content=sha256(data).digest()))
    job = load(tenant, data).job
    assert Counter(outcome for outcome, _, _ in stored(tenant, job).values()) == {"waiting": 3000}


def test_of_two_processes_that_begin_with_one_input_the_slower_one_takes_nothing_away(tenant: Tenant) -> None:
    """The first one has written nothing yet when the second one has begun to write."""
    tenant.connector("google")
    data = lines([google(number) for number in range(3000)])
    work, content = tenant.server.services.import_loading.load, sha256(data).digest()

    async def both() -> Loaded:
        begun, written, goes_on = asyncio.Event(), asyncio.Event(), asyncio.Event()

        async def late() -> AsyncIterator[bytes]:
            begun.set()
            await written.wait()
            yield data

        async def early() -> AsyncIterator[bytes]:
            yield data[: len(data) * 3 // 4]
            written.set()
            await goes_on.wait()
            yield data[len(data) * 3 // 4 :]

        slower = asyncio.create_task(work(tenant.application, late(), USERS, ROWS, content=content))
        await begun.wait()
        faster = asyncio.create_task(work(tenant.application, early(), USERS, ROWS, content=content))
        with pytest.raises(Superseded):
            await slower
        goes_on.set()
        return await faster

    job = tenant.server.call(both()).job
    assert Counter(outcome for outcome, _, _ in stored(tenant, job).values()) == {"waiting": 3000}


def test_an_import_that_goes_on_does_not_get_other_options(tenant: Tenant) -> None:
    """Who forgot `--cut-over`, and stopped the command, would spend the tokens with the right one."""
    tenant.connector("zoom")
    data = lines([{"provider": "zoom", "settings": {"refresh_token": f"zoom-{number}"}} for number in range(3000)])
    with pytest.raises(Killed):
        load(tenant, data, killed_at=len(data) * 3 // 4)
    careful = replace(USERS, cut_over=True)
    with pytest.raises(InvalidRequest, match="cancel that import first") as refused:
        load(tenant, data, careful)
    job = load(tenant, data).job
    assert job.id in refused.value.message
    with pytest.raises(InvalidRequest, match="another cut_over"):
        load(tenant, data, careful)
    tenant.server.call(tenant.server.services.imports.cancel(tenant.application, job.id))
    again = load(tenant, data, careful)
    assert (again.known, again.job.cut_over) == (False, True)


def test_tokens_that_end_with_their_use_wait_for_the_cut_over(tenant: Tenant) -> None:
    for provider in ("google", "zoom", "imap"):
        tenant.connector(provider)
    zoom = {"provider": "zoom", "settings": {"refresh_token": secret("zoom")}}
    job = load(tenant, lines([google(1), zoom, imap(3, "a.example")]), replace(USERS, cut_over=True)).job
    assert [stored(tenant, job)[line][0] for line in (1, 2, 3)] == ["waiting", "staged", "waiting"]
    states = tenant.server.rows("select provider, state from import_batches where import_id = $1", job.id)
    assert dict(map(tuple, states)) == {"google": "waiting", "zoom": "staged", "imap": "waiting"}
    sources = tenant.server.rows("select provider, state from import_sources where import_id = $1", job.id)
    assert dict(map(tuple, sources)) == {"google": "open", "zoom": "staged", "imap": "open"}


def killed_when_stored(tenant: Tenant, data: bytes, *, writes: int) -> list[int]:
    """Load in one piece, and be killed after so many writes. Returns the lines up to which each said all is stored."""
    loading = tenant.server.services.import_loading
    stored_to = list[int]()

    class Killing:
        dialect, read = loading.db.dialect, loading.db.read

        async def write(self, steps: Any) -> Any:
            found = await loading.db.write(steps)
            if isinstance(found, Import):
                stored_to.append(found.lines)
                if len(stored_to) == writes:
                    raise Killed
            return found

        write_many = write

    load = replace(loading, db=Killing()).load
    content = sha256(data).digest()
    with pytest.raises(Killed):
        tenant.server.call(load(tenant.application, pieces(data, size=len(data)), USERS, ROWS, content=content))
    return stored_to


def test_a_piece_that_expands_to_many_lines_is_written_while_it_is_read(tenant: Tenant) -> None:
    """And is continued from there: what is stored was counted by the rows that were taken."""
    tenant.connector("google")
    data = gzip.compress(lines([google(number) for number in range(12_000)]), mtime=0)
    assert killed_when_stored(tenant, data, writes=3) == [2000, 4000, 6000]
    job = load(tenant, data).job
    assert Counter(outcome for outcome, _, _ in stored(tenant, job).values()) == {"waiting": 12_000}


def test_batches_of_many_mail_hosts_are_written_some_at_a_time(tenant: Tenant) -> None:
    """Each has a row or two: thousands of them are sealed and written at the end of an input."""
    tenant.connector("imap")
    data = lines([imap(number, f"h{number % 900}.example") for number in range(1200)])
    assert killed_when_stored(tenant, data, writes=1) == [500]
    job = load(tenant, data).job
    assert Counter(outcome for outcome, _, _ in stored(tenant, job).values()) == {"waiting": 1200}
    held = Counter(line for of_source in sealed(tenant, job).values() for batch in of_source for line in batch)
    assert held == Counter(range(1, 1201))


def test_a_connector_that_is_missing_stops_the_import_and_it_goes_on_when_it_is_there(tenant: Tenant) -> None:
    tenant.connector("google")
    data = lines([*(google(number) for number in range(4000)), imap(1, "a.example")])
    with pytest.raises(InvalidRequest, match=r"Line 4001: this application has no imap connector\."):
        load(tenant, data)
    tenant.connector("imap")
    job = load(tenant, data).job
    assert len(stored(tenant, job)) == 4001


def test_an_input_that_was_never_read_to_its_end_is_removed_in_time(tenant: Tenant) -> None:
    tenant.connector("google")
    data = lines([google(number) for number in range(3000)])
    with pytest.raises(Killed):
        load(tenant, data, killed_at=len(data) * 3 // 4)
    work = tenant.server.services.import_work
    count = "select (select count(*) from imports where application_id = $1), (select count(*) from secrets where "
    count += "application_id = $1 and owner_kind = 'import')"
    tenant.server.call(work.forget(tenant.application))
    assert tuple(tenant.server.rows(count, tenant.application.id)[0]) == (1, 4)
    tenant.server.rows(
        "update imports set updated_at = updated_at - $2 where application_id = $1", tenant.application.id, 8 * DAY
    )
    tenant.server.call(work.forget(tenant.application))
    assert tuple(tenant.server.rows(count, tenant.application.id)[0]) == (0, 0)


def test_an_input_without_a_row_to_verify_is_finished_at_once(tenant: Tenant) -> None:
    job = load(tenant, b"\n{}\n").job
    assert (job.state, job.finished_at is not None) == ("finished", True)
    assert stored(tenant, job)[2][1] == "bad_request"


def test_what_is_stored_opens_to_the_rows_and_shows_none_of_their_secrets(tenant: Tenant) -> None:
    tenant.connector("google")
    token, id_ = secret("import"), "1f2e3d4c-0000-4000-8000-00000000c002"
    row = google(1, grant_id=id_, external_id="x-1", scope="a b", name="Ada", state="s")
    job = load(tenant, lines([row | {"settings": {"refresh_token": token}}])).job
    loading = tenant.server.services.import_loading
    owner = Owner(tenant.application.id, "import", job.id, "rows 1")
    held = tenant.server.call(loading.db.read(secrets.find(owner.application_id, "import", job.id, "rows 1")))
    assert token.encode() not in held.data
    (opened,) = decode_rows(loading.vault.open(held, owner))
    assert isinstance(opened, ImportRow)
    assert isinstance(opened.ask.login, OAuthLogin)
    assert opened.ask.login.refresh_token.get_secret_value() == token
    shared = (opened.key, opened.grant_id, opened.ask.external_id, opened.ask.scope, opened.ask.name, opened.ask.state)
    assert shared == ("user-1", id_, "x-1", ("a", "b"), "Ada", "s")
    for table in ("imports", "import_rows", "import_batches", "import_sources"):
        assert token not in str(tenant.server.rows(f"select * from {table}"))
