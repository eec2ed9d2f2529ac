"""`opengrant doctor`: what is wrong with this installation, and what to do about it."""

import os
from collections.abc import Callable

from opengrant.assembly.database import connect_store, expect_database
from opengrant.errors import StoreUnavailable
from opengrant.server.doctor import contents, database, hosts, machine
from opengrant.server.doctor.finding import Finding, within
from opengrant.settings import Settings
from opengrant.store.engine.migrate import MigrationError
from opengrant.store.engine.port import Dialect


async def examine(settings: Settings, *, tell: Callable[[str], None] = lambda _: None) -> list[Finding]:
    """Run every check; a failed one does not stop the others. tell: called with the name of the check that begins."""
    findings: list[Finding] = [
        *machine.unknown_settings(os.environ),
        machine.data_dir(settings),
        machine.disk(settings),
        machine.public_url(settings),
        *machine.mail_proxy(settings),
    ]
    try:
        expect_database(settings)
        db = await connect_store(settings)
    except MigrationError as problem:
        return [*findings, Finding("database", "failed", str(problem))]
    except StoreUnavailable as problem:
        return [*findings, Finding("database", "failed", f"cannot be used: {problem.detail}")]
    try:
        tell("the database")
        answered = await within("database", lambda: database.state(db))
        findings.append(answered)
        if answered.state == "ok" and db.dialect is Dialect.SQLITE:
            findings.append(await within("database file", lambda: database.file(db), seconds=None))
        if answered.state == "ok":
            findings.append(await within("master keys", lambda: database.master_keys(settings, db)))
            findings += await contents.look_up(db)
            findings += await hosts.reach_all(settings, db, tell)
    finally:
        await db.close()
    return findings
