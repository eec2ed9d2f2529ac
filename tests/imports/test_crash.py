"""Nodes that share an import are killed as by `kill -9` in the middle of it, again and again.

The tokens work once, as Zoom's do. IMPORT_CRASHES=20000:50 makes it 20,000 rows and 50 kills instead of a few.
"""

import os
import re
import sys
from collections import Counter
from collections.abc import Iterator
from functools import partial
from io import BytesIO
from pathlib import Path

import pytest

from opengrant.model import SECOND
from tests.fakes.oauth import FakeOAuth
from tests.imports.stored import Stored, oauth_row, stored
from tests.nodes.node import Node, consent, nodes, until
from tests.peers.postgres import Postgres
from tests.support import LiveServer

_BY_HAND = os.environ.get("IMPORT_CRASHES")
_ROWS, _KILLS = map(int, (_BY_HAND or "400:4").split(":"))
_FAST = {
    "OPENGRANT_REFRESH__BUDGET": "100000",
    "OPENGRANT_REFRESH__PROVIDER_BUDGET": "100000",
    "OPENGRANT_IMPORTS__CONCURRENCY": "20",
}

pytestmark = pytest.mark.timeout(max(300, _ROWS))


@pytest.fixture(params=["sqlite", "postgres"])
def live(
    request: pytest.FixtureRequest, provider: FakeOAuth, tmp_path: Path, log_stream: BytesIO
) -> Iterator[LiveServer]:
    env = provider.settings()
    if request.param == "postgres":
        peer: Postgres = request.getfixturevalue("postgres")
        env["OPENGRANT_DATABASE_URL"] = peer.create_database()
    with LiveServer(env, tmp_path, log_stream) as server:
        yield server


def test_each_row_has_one_outcome_and_no_token_is_spent_twice(live: LiveServer, provider: FakeOAuth) -> None:
    tenant = live.tenant()
    tenant.connector("zoom")
    tokens = [consent(provider, "zoom", f"u{number}@example.com") for number in range(_ROWS)]
    rows = [oauth_row(line, token, "zoom") for line, token in enumerate(tokens, start=1)]
    one = stored(tenant, rows, size=max(20, _ROWS // 50))
    # Several processes may share SQLite's file, but that is not how it is run.
    together = [_FAST] * (2 if "OPENGRANT_DATABASE_URL" in live.env else 1)
    # However late a kill comes, a third is left for the end.
    hold_back(one, after=_ROWS * 2 // 3)
    for kill in range(1, _KILLS + 1):
        enough = _ROWS * kill * 2 // (3 * _KILLS)
        with nodes(live, *together):
            until(partial(done_so_far, one, enough), "the import does not go on")
        time_passes(one)  # the nodes were killed
    with nodes(live, *together) as last:
        with provider.holding():
            one.make_due()
            # A node has two batches of a source at most: with three, another one has the third.
            until(lambda: leased(one) >= 2 * len(last) - 1, "not every node has a batch")
        until(lambda: one.state == "finished", "the import does not end")
        until(lambda: all(verified(node) for node in last), "one node did it all")  # its metrics come after its rows

    results = one.results()
    assert len(results) == _ROWS
    assert sum(one.counts().values()) == _ROWS
    assert one.outcomes() == Counter(one.counts())
    lost = {line for line, (outcome, _, _) in results.items() if outcome == "sign_in"}
    assert one.outcomes()["created"] == _ROWS - len(lost)
    assert tenant.grants() == _ROWS - len(lost)
    assert one.secrets() == 0
    # A token, or the one that it became, is sent again only if the answer to it died with its node.
    sent = Counter(seen.form["refresh_token"] for seen in provider.requests if seen.endpoint == "token")
    assert {line for line, token in enumerate(tokens, start=1) if sent[token] > 1} <= lost
    assert sum(times > 1 for times in sent.values()) == len(lost)
    assert len(lost) <= _KILLS * len(together) * 20  # what was under way
    reasons = live.rows("select distinct reason from import_rows where outcome = 'sign_in'")
    assert all("refused" in reason for (reason,) in reasons)
    tenant.http.close()
    if _BY_HAND:
        sys.stdout.write(f"{_ROWS} rows, {_KILLS} kills of {len(together)}: {len(lost)} lost, {one.outcomes()}\n")


def hold_back(one: Stored, *, after: int) -> None:
    """Batches behind the line wait until they are made due."""
    one.server.rows(
        """update import_batches set due_at = $2 where import_id = $1 and number > (
             select min(batch) from import_rows where import_id = $1 and line >= $3) returning 1""",
        *(one.job.id, one.server.now() + 86_400 * SECOND, after),
    )


def leased(one: Stored) -> int:
    sql = "select count(*) from import_batches where import_id = $1 and owner is not null and until > 0"
    return int(one.server.rows(sql, one.job.id)[0][0])


def done_so_far(one: Stored, enough: int) -> bool:
    sql = "select count(*) from import_rows where import_id = $1 and outcome <> 'waiting'"
    return bool(one.server.rows(sql, one.job.id)[0][0] >= enough)


def time_passes(one: Stored) -> None:
    """So much that the leases of dead nodes have ended."""
    one.server.rows("update import_batches set until = 0 where import_id = $1 returning 1", one.job.id)
    one.server.rows("update leases set until = 1 where until > 1 returning 1")


def verified(node: Node) -> int:
    """Rows that a node has decided."""
    shown = node.http.get("/metrics").text
    return sum(int(float(count)) for count in re.findall(r"opengrant_import_rows_total\{.*\} (\S+)", shown))
