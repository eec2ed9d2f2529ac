"""The command line: each command is one call into what assembly/installation.py built."""

import asyncio
import os
import pwd
import sys
from collections.abc import Awaitable, Callable, Sequence
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Annotated, Any, Literal, NoReturn, TypeVar

import cyclopts
from cyclopts import Parameter
from cyclopts.validators import Number
from pydantic_core import to_json
from rich.console import Console
from rich.progress import Progress

from opengrant import __version__, settings
from opengrant.errors import OpenGrantError, StoreUnavailable
from opengrant.events.actor import Actor, act_as
from opengrant.model import SECOND
from opengrant.settings import Settings
from opengrant.store.engine.migrate import MigrationError
from opengrant.vault import MasterKeyError

if TYPE_CHECKING:
    from opengrant.assembly.installation import Installation

T = TypeVar("T")
Reason = Annotated[str | None, Parameter(help="Why; kept in the audit trail.")]
AsJson = Annotated[bool, Parameter("--json", negative=(), help="Print JSON, for scripts.")]

app = cyclopts.App(
    name="opengrant",
    help="A self-hosted grant server. Settings come from OPENGRANT_… in the environment (docs/settings.md).",
    version=__version__,
)
keys_app = cyclopts.App(name="keys", help="API keys of an application.")
apps_app = cyclopts.App(name="apps", help="Applications: each owns its connectors, grants and keys.")
grants_app = cyclopts.App(name="grants", help="Grants: what only an operator may do with them.")
app.command(grants_app)
app.command(keys_app)
app.command(apps_app)
apps_app.command(
    "opengrant.cli.applications:apps_show", name="show", help="Show an application, with all its settings."
)
apps_app.command(
    "opengrant.cli.applications:redirects_app",
    name="redirects",
    help="Redirect URIs: where hosted sign-in may lead back to.",
)
app.command(
    "opengrant.cli.domains:domains_app",
    name="domains",
    help="Domains that Agent Accounts live on, and their DNS records.",
)
app.command(
    "opengrant.cli.webhooks:webhooks_app",
    name="webhooks",
    help="Where events go, and what became of each delivery.",
)
app.command(
    "opengrant.cli.domains:service_accounts_app",
    name="service-accounts",
    help="Who may call /v3/admin, with signed requests.",
)
app.command(
    "opengrant.cli.domains:signing_keys_app",
    name="signing-keys",
    help="What id_tokens are signed with.",
)
app.command(
    "opengrant.cli.console:console_app",
    name="console",
    help="A one-time link that signs you in to the console.",
)
app.command("opengrant.cli.audit:audit_app", name="audit", help="Who did what to which grant, newest first.")
_LONGEST_LIFE = 36_500
"""Days, as for the API."""
out = Console(highlight=False, soft_wrap=True)


class Failure(Exception):
    """A command cannot go on; the text says why and what to do."""


def main() -> None:
    """Run a command; a known failure is one sentence and exit code 1, never a stack."""
    try:
        app()
    except StoreUnavailable as problem:
        _fail(f"The database cannot be used: {problem.detail}")
    except OpenGrantError as problem:
        _fail(problem.message)
    except (Failure, MasterKeyError, MigrationError) as problem:
        _fail(str(problem))
    except OSError as problem:
        where = "" if problem.filename is None else f"{problem.filename}: "
        _fail(f"{where}{problem.strerror or problem}")


def _fail(text: str) -> NoReturn:
    Console(stderr=True, highlight=False, soft_wrap=True).print(f"opengrant: {text}", markup=False)
    sys.exit(1)


def _settings() -> Settings:
    try:
        return settings.load()
    except settings.WrongSettings as problem:
        raise Failure(f"The settings cannot be used. {problem}") from None


def run(work: Callable[["Installation"], Awaitable[T]], *, make: bool = False) -> T:
    """Open the installation, do one thing, close it. `make`: also where there is none yet."""
    from opengrant.assembly.installation import installation  # noqa: PLC0415 -- `--help` must not pay for loading the server

    async def once() -> T:
        act_as(Actor.command_line(_user()))
        async with installation(_settings(), make=make) as installed:
            _announce(installed)
            return await work(installed)

    return asyncio.run(once())


def _user() -> str:
    """Who runs the command, as the operating system knows them."""
    try:
        return pwd.getpwuid(os.getuid()).pw_name
    except KeyError:
        return str(os.getuid())  # containers run under ids that have no name


def _announce(installed: "Installation", url: str | None = None) -> None:
    """What a first start made. The key is printed here and nowhere else, ever."""
    if installed.first is None:
        return
    application, new = installed.first
    rows = [("URL", url), ("reference", f"{url}/reference"), ("console", f"{url}/console")] if url else []
    chosen = installed.settings.bootstrap_api_key is not None
    key = "the one in OPENGRANT_BOOTSTRAP_API_KEY" if chosen else new.secret.get_secret_value()
    rows += [("application id", application.id), ("API key", key)]
    for name, value in rows:
        out.print(f"  {name:<15} {value}", markup=False)
    if not chosen:
        out.print("  The key is shown this once. Keep it now; `opengrant keys create` makes another.\n", markup=False)


@app.command
def serve(
    *, work: Annotated[bool, Parameter(negative="--no-work", help="Also do the background work.")] = True
) -> None:
    """Run the API. The first start makes the data directory, the keys, an application and its API key."""
    configured = _settings()
    if configured.workers > 1:
        from opengrant import metrics  # noqa: PLC0415 -- see run()

        directory = configured.data_dir / "metrics"
        try:
            metrics.prepare_multiprocess(directory)
        except OSError as problem:
            raise Failure(f"{directory} cannot be made: {problem.strerror}. Set OPENGRANT_DATA_DIR.") from None
    from opengrant.server import process as serving  # noqa: PLC0415 -- see run()

    try:
        serving.run(configured, work=work, announce=_announce)
    except serving.CannotListen as problem:
        raise Failure(
            f"{problem} Set OPENGRANT_PORT to a free port, and OPENGRANT_HOST to an address of this machine."
        ) from None


@app.command
def work(
    *,
    port: Annotated[
        int | None,
        Parameter(
            help="Answer /healthz, /readyz and /metrics there, at OPENGRANT_HOST; 0 takes a free port and logs it."
            " Without it, nowhere.",
            validator=Number(gte=0, lte=65535),
        ),
    ] = None,
) -> None:
    """Do the background work alone, without the API."""
    from opengrant.server import process as serving  # noqa: PLC0415 -- see run()

    configured = _settings()
    try:
        serving.run_work(configured, port=port)
    except serving.CannotListen as problem:
        raise Failure(f"{problem} Name a free port with --port.") from None


@app.command
def init() -> None:
    """Make what a first start makes, without serving: data directory, keys, an application and its API key.

    The key is printed this once. What is there already stays as it is.
    """

    async def is_new(installed: "Installation") -> bool:
        return installed.first is not None

    if not run(is_new, make=True):
        out.print("The installation is there already.")


@app.command
def migrate() -> None:
    """Bring the database's schema up to date."""
    from opengrant.assembly.database import connect_store, expect_database  # noqa: PLC0415 -- see run()

    async def once() -> list[str]:
        configured = _settings()
        expect_database(configured)
        db = await connect_store(configured)
        try:
            return await db.migrate()
        finally:
            await db.close()

    ran = asyncio.run(once())
    for name in ran:
        out.print(f"ran {name}", markup=False)
    out.print("The schema is up to date.")


@app.command
def doctor(*, json: AsJson = False) -> None:
    """Check settings, disk, database, keys, clock, background work, and the reach of all that is connected to.

    Each line says what is wrong and what to do. Exit status 1 when something failed.
    """
    from opengrant.server import doctor as checks  # noqa: PLC0415 -- see run()

    # Shown in a terminal alone; some hosts take their time.
    with Console(stderr=True).status("checking") as shown:
        findings = asyncio.run(checks.examine(_settings(), tell=lambda what: shown.update(f"checking {what}")))
    if json:
        print_json([finding.as_mapping() for finding in findings])
    else:
        for finding in findings:
            mark = {"ok": "[green]ok  [/]", "warning": "[yellow]look[/]", "failed": "[red]FAIL[/]"}[finding.state]
            out.print(f"{mark} {finding.name}: ", end="")
            out.print(finding.text, markup=False)
    if any(finding.state == "failed" for finding in findings):
        sys.exit(1)


@app.command
def reseal() -> None:
    """Move every stored secret under the first master key, while servers run; may be stopped and started again."""

    async def all_of_it(installed: "Installation") -> int:
        done = 0
        with Progress(console=Console(stderr=True)) as bar:
            task = bar.add_task("resealing", total=None)
            async for progress in installed.reseal.run():
                done = progress.done
                bar.update(task, completed=progress.done, total=progress.total)
        return done

    out.print(
        f"{run(all_of_it)} secret(s) moved. Other master keys may be removed once every node runs with the new order."
    )


@apps_app.command(name="create")
def apps_create(
    name: str,
    *,
    identity: Annotated[
        Literal["email", "subject"], Parameter(help="What makes a mailbox the same: see docs/settings.md.")
    ] = "email",
    json: AsJson = False,
) -> None:
    """Create an application."""
    made = run(lambda installed: installed.services.applications.create(name, identity_rule=identity))
    row = {"id": made.id, "name": made.name, "identity": made.identity_rule, "created_at": made.created_at // SECOND}
    if json:
        print_json(row)
    else:
        out.print(f"Application {made.id} created. Give it a key: opengrant keys create {made.id}", markup=False)


@apps_app.command(name="list")
def apps_list(*, json: AsJson = False) -> None:
    """List applications."""
    found = run(lambda installed: installed.services.applications.everyone())
    rows = [
        {"id": a.id, "name": a.name, "identity": a.identity_rule, "created_at": a.created_at // SECOND} for a in found
    ]
    print_rows(rows, json=json)


@grants_app.command(name="block")
def grants_block(grant_id: str, *, reason: Reason = None) -> None:
    """Refuse a grant's use until it is unblocked: changing, checking or connecting it again answers 423."""
    grant = run(lambda installed: installed.services.grants.block(grant_id, blocked=True, reason=reason))
    out.print(f"{grant.id} ({grant.email}) is blocked.", markup=False)


@grants_app.command(name="unblock")
def grants_unblock(grant_id: str, *, reason: Reason = None) -> None:
    """Allow a blocked grant's use again."""
    grant = run(lambda installed: installed.services.grants.block(grant_id, blocked=False, reason=reason))
    out.print(f"{grant.id} ({grant.email}) is no longer blocked.", markup=False)


@keys_app.command(name="create")
def keys_create(
    application: str | None = None,
    *,
    name: str = "api-key",
    days: Annotated[int | None, Parameter(help="Lifetime; without it the key does not expire.")] = None,
    permission: Annotated[
        list[str] | None,
        Parameter(
            negative=(),
            help="all, or grants.token to read live access tokens, which all does not include; may be repeated."
            " Without it, all.",
        ),
    ] = None,
    json: AsJson = False,
) -> None:
    """Create an API key of an application (of the only one, when there is just one). It is shown once."""
    if days is not None and not 1 <= days <= _LONGEST_LIFE:
        raise Failure(
            f"--days {days} makes no key that works: write 1 to {_LONGEST_LIFE}, or leave --days out for a key that"
            " does not end."
        )
    lifetime = None if days is None else timedelta(days=days)

    async def make(installed: "Installation") -> dict[str, Any]:
        owner = await application_of(installed, application)
        new = await installed.services.api_keys.create(
            owner, name, lifetime=lifetime, permissions=tuple(permission or ("all",))
        )
        return {"api_key": new.secret.get_secret_value(), **_key_row(new.key)}

    row = run(make)
    if json:
        print_json(row)
    else:
        out.print(row["api_key"], markup=False)


@keys_app.command(name="list")
def keys_list(application: str | None = None, *, json: AsJson = False) -> None:
    """List the API keys of an application."""

    async def find(installed: "Installation") -> list[dict[str, Any]]:
        owner = await application_of(installed, application)
        return [_key_row(key) for key in await installed.services.api_keys.of_application(owner)]

    print_rows(run(find), json=json)


@keys_app.command(name="revoke")
def keys_revoke(key_id: str, *, json: AsJson = False) -> None:
    """Revoke an API key by its id. It stops working at once."""
    key = run(lambda installed: installed.services.api_keys.revoke(key_id))
    if json:
        print_json(_key_row(key))
    else:
        out.print(f"{key.id} ({key.name}) is revoked.", markup=False)


async def application_of(installed: "Installation", application_id: str | None) -> Any:
    if application_id is not None:
        return await installed.services.applications.get(application_id)
    found = await installed.services.applications.everyone()
    if len(found) != 1:
        raise Failure("There are several applications: name one. `opengrant apps list` shows them.")
    return found[0]


def _key_row(key: Any) -> dict[str, Any]:
    from opengrant.access.api_keys import members  # noqa: PLC0415 -- see run()
    from opengrant.model import now  # noqa: PLC0415 -- see run()

    return {name: value for name, value in members(key, now=now()).items() if name != "updated_at"}


def print_json(value: Any) -> None:
    sys.stdout.write(to_json(value, indent=2).decode() + "\n")


def print_rows(rows: list[dict[str, Any]], *, json: bool) -> None:
    if json:
        print_json(rows)
        return
    print_columns([tuple(rows[0]), *(tuple(_cell(*item) for item in row.items()) for row in rows)] if rows else [])


def print_columns(rows: Sequence[tuple[str, ...]]) -> None:
    """The first row is the heading. Not a rich table: that fits the terminal by cutting ids, which are there to be
    copied."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for row in rows:
        line = "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True))
        out.print(line.rstrip(), markup=False)
    if not rows:
        out.print("none")


def _cell(name: str, value: Any) -> str:
    if value is None:
        return "-"
    if name.endswith("_at"):
        return datetime.fromtimestamp(value, UTC).strftime("%Y-%m-%d %H:%M:%S UTC")
    return ", ".join(value) if isinstance(value, list) else str(value)
