"""Checks that the database can be written: inserts a row and deletes it, in one committed transaction."""

from opengrant.store.engine.port import Statement, Steps


def write(name: str) -> Steps[None]:
    """name: of this process, so that two processes do not wait for each other."""
    yield Statement("insert into paces (application_id, name, spent_until) values ('', $1, 0)", (f"probe {name}",))
    yield Statement("delete from paces where application_id = '' and name = $1", (f"probe {name}",))
