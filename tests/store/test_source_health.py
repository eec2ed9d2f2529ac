"""store/grants/source_health.py: sources are found by an index on an expression; both engines use it for that alone."""

import pytest

from opengrant.store.engine import migrate
from opengrant.store.engine.port import Dialect
from opengrant.store.grants.source_health import SOURCE


@pytest.mark.parametrize("dialect", Dialect)
def test_a_source_is_spelled_as_its_index(dialect: Dialect) -> None:
    assert any(SOURCE[dialect] in migration.text for migration in migrate.load(dialect))
