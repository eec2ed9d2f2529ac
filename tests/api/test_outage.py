"""The database goes away: clear answers meanwhile, and service as soon as it is back."""

from io import BytesIO
from pathlib import Path

import pytest

from tests.peers.postgres import Postgres
from tests.support import LiveServer, problem


@pytest.fixture
def own_postgres() -> Postgres:
    return Postgres()


def test_without_its_database_the_server_says_so_and_lives(
    own_postgres: Postgres, log_stream: BytesIO, tmp_path: Path
) -> None:
    own_postgres.start()
    try:
        env = {"OPENGRANT_DATABASE_URL": own_postgres.create_database()}
        with LiveServer(env, tmp_path, log_stream) as server:
            tenant = server.tenant()
            assert tenant.get("/readyz").status_code == 200
            own_postgres.stop()
            for path in ("/v3/grants", "/readyz"):
                answer = tenant.get(path)
                assert problem(answer)[:2] == (503, "service_unavailable")
                assert answer.headers["retry-after"]
                assert "127.0.0.1" not in answer.text
            assert tenant.get("/healthz").status_code == 200
            tenant.http.close()
    finally:
        own_postgres.stop()


def test_connections_that_the_database_ended_are_replaced(server: LiveServer) -> None:
    tenant = server.tenant()
    if server.installed.services.db.dialect == "postgres":
        server.rows(
            "select case when pid <> pg_backend_pid() then pg_terminate_backend(pid) end"
            " from pg_stat_activity where datname = current_database()"
        )
    answers = [tenant.get("/v3/grants").status_code for _ in range(30)]
    assert answers[-1] == 200
    assert set(answers) <= {200, 503}
    tenant.http.close()
