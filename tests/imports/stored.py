"""Imports that are stored already, for tests of their work."""

import uuid
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

import pytest
from pydantic import SecretStr

from opengrant.model import CustomConnect, ProviderName
from opengrant.model.imports import Import, ImportRow, StagedRow, encode_rows
from opengrant.model.logins import OAuthLogin, VirtualCalendarLogin
from opengrant.store import secrets
from opengrant.store.engine.port import Statement, Steps
from opengrant.store.imports import batches, jobs
from opengrant.store.imports.batches import Batch
from opengrant.vault import Owner, Vault
from tests.support import LiveServer, Tenant


def oauth_row(line: int, token: str, provider: str = "google", grant_id: str | None = None, **more: Any) -> ImportRow:
    login = OAuthLogin(provider=ProviderName(provider), refresh_token=SecretStr(token))
    return ImportRow(line, CustomConnect(login=login, **more), f"row-{line}", grant_id)


def room_row(line: int, name: str, grant_id: str | None = None, **more: Any) -> ImportRow:
    return ImportRow(line, CustomConnect(login=VirtualCalendarLogin(email=name), **more), f"row-{line}", grant_id)


def stored(
    tenant: Tenant,
    rows: Sequence[StagedRow],
    *,
    sources: dict[str, str] | None = None,
    size: int = 500,
    staged: frozenset[str] = frozenset(),
    **more: Any,
) -> "Stored":
    """Store rows as an import that runs, in batches of one source. sources: provider → source; else its connector.

    staged  providers whose rows wait for the cut-over
    """
    # Those of other tests rest.
    tenant.server.rows("update imports set state = 'paused' where state = 'running' returning 1")
    at = tenant.server.now()
    job = Import(
        application_id=tenant.application.id,
        id=str(uuid.uuid4()),
        name="users.ndjson",
        state="running",
        digest=uuid.uuid4().hex,
        lines=max(row.line for row in rows),
        cut_over=bool(staged),
        hold_refresh=False,
        cut_over_at=None,
        created_at=at,
        started_at=at,
        finished_at=None,
        updated_at=at,
    )
    job = replace(job, **more)
    held = [(row.provider if not isinstance(row, ImportRow) else row.ask.provider, row) for row in rows]
    known = dict(tenant.server.rows(_SOURCES, tenant.application.id)) | (sources or {})
    parts = []
    for provider in dict.fromkeys(provider for provider, _ in held):
        mine = [row for of, row in held if of == provider]
        parts += [(provider, mine[start : start + size]) for start in range(0, len(mine), size)]
    tenant.server.call(tenant.server.services.db.write(_script(job, parts, known, tenant, staged, at)))
    return Stored(tenant, job)


_SOURCES = "select provider, coalesce(active_credential_id, id) from connectors where application_id = $1"


def _script(
    job: Import,
    parts: Sequence[tuple[ProviderName, Sequence[StagedRow]]],
    sources: dict[str, str],
    tenant: Tenant,
    staged: frozenset[str],
    at: int,
) -> Steps[None]:
    vault: Vault = tenant.server.services.rotated_tokens.vault
    of = (job.application_id, job.id)
    yield from jobs.add(job)
    for number, (provider, rows) in enumerate(parts, 1):
        state = "staged" if provider in staged else "waiting"
        yield Statement(
            """insert into import_sources values ($1, $2, $3, $4, $5, null, null, 0) on conflict do nothing""",
            (*of, sources[provider], provider, "staged" if provider in staged else "open"),
        )
        yield Statement(
            """insert into import_batches values
               ($1, $2, $3, $4, $5, $6, 0, 0, null, 0, $8, 0, 0, 0, 0, 0, 0, $7)""",
            (*of, number, sources[provider], provider, state, at, len(rows)),
        )
        purpose = batches.purpose(number)
        sealed = vault.seal(encode_rows(rows), Owner(*of[:1], "import", job.id, purpose))
        yield from secrets.put(secrets.SecretRow(job.application_id, "import", job.id, purpose, sealed), at=at)
        for row in rows:
            yield Statement(
                """insert into import_rows values
                   ($1, $2, $3, $4, $5, $6, $7, $8, null, null, null, 0, null)""",
                (*of, row.line, number, provider, row.key, row.grant_id, state),
            )


@dataclass
class Stored:
    """An import of a test."""

    tenant: Tenant
    job: Import

    @property
    def server(self) -> LiveServer:
        return self.tenant.server

    def round(self) -> bool:
        return bool(self.server.call(self.server.services.import_work.run_round()))

    def work(self, rounds: int = 2000) -> "Stored":
        """What the job does, until there is nothing to do at this moment."""
        for _ in range(rounds):
            if not self.round():
                return self
        raise AssertionError("the import does not come to rest")

    def make_due(self) -> None:
        """No pause and no wait is left."""
        of = (self.job.application_id, self.job.id)
        self.server.rows(
            "update import_batches set due_at = 0 where application_id = $1 and import_id = $2 returning 1", *of
        )
        self.server.rows(
            """update import_sources set paused_until = 1
               where application_id = $1 and import_id = $2 and paused_until is not null returning 1""",
            *of,
        )

    def results(self) -> dict[int, tuple[str, str | None, str | None]]:
        """Line → outcome, grant, class."""
        found = self.server.rows(
            """select line, outcome, grant_id, class from import_rows
               where application_id = $1 and import_id = $2 order by line""",
            self.job.application_id,
            self.job.id,
        )
        return {line: (outcome, grant_id, class_) for line, outcome, grant_id, class_ in found}

    def outcomes(self) -> Counter[str]:
        return Counter(outcome for outcome, _, _ in self.results().values())

    def counts(self) -> dict[str, int]:
        """As the batches count them."""
        names = ("created", "renewed", "unchanged", "sign_in", "refused", "failed")
        (row,) = self.server.rows(
            f"""select {", ".join(f"sum({name})" for name in names)} from import_batches
                where application_id = $1 and import_id = $2""",
            self.job.application_id,
            self.job.id,
        )
        return {name: int(count) for name, count in zip(names, row, strict=True) if count}

    @property
    def state(self) -> str:
        ((state,),) = self.server.rows("select state from imports where id = $1", self.job.id)
        return str(state)

    def secrets(self) -> int:
        """Sealed parts of the input that are left."""
        sql = "select count(*) from secrets where application_id = $1 and owner_kind = 'import' and owner_id = $2"
        return int(self.server.rows(sql, self.job.application_id, self.job.id)[0][0])


def leased(one: Stored) -> Batch:
    """A batch that another node has."""
    db, of = one.server.services.import_work.db, (one.job.application_id, one.job.id)
    lease = batches.lease(*of, "another-node", at=one.server.now(), busy=[], full=[], dialect=db.dialect)
    batch: Batch | None = one.server.call(db.write(lease))
    assert batch is not None
    return batch


@pytest.fixture(autouse=True)
def forgotten(request: pytest.FixtureRequest) -> Iterator[None]:
    """Ends what this test has left of imports: rows that wait would be verified during other tests."""
    yield
    if "server" in request.fixturenames:
        live: LiveServer = request.getfixturevalue("server")
        live.rows("update imports set state = 'finished', hold_refresh = 0 where state <> 'finished' returning id")
