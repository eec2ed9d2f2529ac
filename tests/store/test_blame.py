"""store/blame.py: sources are found by an index on an expression, which both engines use only for exactly that."""

import pytest

from opengrant.store import migrate
from opengrant.store.blame import SOURCE
from opengrant.store.port import Dialect


@pytest.mark.parametrize("dialect", Dialect)
def test_a_source_is_spelled_as_its_index(dialect: Dialect) -> None:
    assert any(SOURCE[dialect] in migration.text for migration in migrate.load(dialect))
