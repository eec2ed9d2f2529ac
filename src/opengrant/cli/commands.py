"""The command line: each command is one call into what assembly/installation.py built.

Here are the commands about the process and the whole installation; a module for each noun has the others.
"""

import asyncio
import sys
from typing import TYPE_CHECKING, Annotated, Literal

import cyclopts
from cyclopts import Parameter
from cyclopts.validators import Number
from rich.console import Console
from rich.progress import Progress

from opengrant import __version__
from opengrant.cli import environment, serving
from opengrant.cli.output import AsJson, out, print_json
from opengrant.cli.run import run
from opengrant.cli.serving import WrongUsage, load_settings

if TYPE_CHECKING:
    from opengrant.assembly.installation import Installation

app = cyclopts.App(
    name="opengrant",
    help="A self-hosted grant server. Settings come from OPENGRANT_… in the environment and from the file .env"
    " (docs/settings.md).",
    help_epilogue="Every command takes --env-file FILE (settings, instead of .env), --data-dir DIR, and --log-format"
    " console or json.",
    version=__version__,
    version_flags=("--version", "-V"),
)
for _path, _name, _help in (
    ("applications:apps_app", "apps", "Applications: each owns its connectors, grants and keys."),
    ("keys:keys_app", "keys", "API keys of an application."),
    ("grants:grants_app", "grants", "Grants: list, show, check, and end them."),
    ("imports:import_app", "import", "Many grants from a file: NDJSON, CSV, or an export."),
    ("export:export_app", "export", "All grants of an application with their secrets, encrypted to your key."),
    ("connectors:connectors_app", "connectors", "Connectors of an application: list and test them."),
    ("status:status_app", "status", "What needs attention. Exit status 1 if something does."),
    ("domains:domains_app", "domains", "Domains of Agent Accounts, and their DNS records."),
    ("webhooks:webhooks_app", "webhooks", "Webhooks, their deliveries, and test events."),
    (
        "service_accounts:service_accounts_app",
        "service-accounts",
        "Service accounts, which call /v3/admin with signed requests.",
    ),
    ("signing_keys:signing_keys_app", "signing-keys", "The keys that sign id_tokens."),
    ("config:config_app", "config", "The settings in force, and where each came from."),
    ("console:console_app", "console", "A one-time link that signs you in to the console."),
    ("requests:requests_app", "requests", "What became of a request, by its id."),
    ("audit:audit_app", "audit", "Who did what to which grant, newest first."),
):
    app.command(f"opengrant.cli.{_path}", name=_name, help=_help)  # by path: loaded when it is used

Name = Annotated[
    str | None,
    Parameter(help='At the first start: the name of the application on sign-in pages. [default: "Default"]'),
]


def start(arguments: list[str]) -> None:
    """Run a command. Raises WrongUsage, and what the command raises."""
    try:
        app(arguments, exit_on_error=False, print_error=False)
    except cyclopts.CycloptsError as problem:
        names = " ".join(problem.command_chain or ())
        told = " ".join(str(problem).split())
        raise WrongUsage(
            f"{told} `{' '.join(filter(None, ('opengrant', names)))} --help` shows what there is."
        ) from None


@app.command
def serve(
    *,
    host: Annotated[str | None, Parameter(help="Address to listen on. [default: 127.0.0.1]")] = None,
    port: Annotated[
        int | None, Parameter(help="Port; 0 takes a free one. [default: 8080]", validator=Number(gte=0, lte=65535))
    ] = None,
    name: Name = None,
    work: Annotated[bool, Parameter(negative="--no-work", help="Also run the background work.")] = True,
) -> None:
    """Run the API. The first start creates the data directory, the keys, an application and its API key."""
    if host is not None:
        environment.put("--host", "OPENGRANT_HOST", host)
    if port is not None:
        environment.put("--port", "OPENGRANT_PORT", str(port))
    _name_first(name)
    serving.serve(work=work)


@app.command
def completion(shell: Literal["bash", "zsh", "fish"]) -> None:
    """Print the script that completes commands and options in a shell.

    For bash: opengrant completion bash > ~/.local/share/bash-completion/completions/opengrant
    """
    sys.stdout.write(app.generate_completion(shell=shell))


@app.command
def work(
    *,
    port: Annotated[
        int | None,
        Parameter(
            help="Answer /healthz, /readyz and /metrics there, at OPENGRANT_HOST; 0 takes a free port and logs it."
            " Without it, they are not served.",
            validator=Number(gte=0, lte=65535),
        ),
    ] = None,
) -> None:
    """Run the background work only, without the API."""
    serving.work(port=port)


@app.command
def ready(
    *,
    port: Annotated[
        int | None,
        Parameter(help="Port of `opengrant work`. [default: OPENGRANT_PORT]", validator=Number(gte=1, lte=65535)),
    ] = None,
) -> None:
    """Whether the server on this machine can take requests. Exit status 1 if not: a health check for containers."""
    serving.ready(port=port)


def _name_first(name: str | None) -> None:
    if name is not None:
        environment.put("--name", "OPENGRANT_BOOTSTRAP_APPLICATION_NAME", name)


@app.command
def init(*, name: Name = None) -> None:
    """Create the data directory, the keys, an application and its API key, without serving.

    The key is printed only once. Existing data is kept.
    """

    _name_first(name)

    async def is_new(installed: "Installation") -> bool:
        return installed.first is not None

    if not run(is_new, make=True):
        out.print("The installation is there already.")


@app.command
def migrate() -> None:
    """Bring the database's schema up to date."""
    from opengrant.assembly.database import connect_store, expect_database  # noqa: PLC0415 -- --help must not load the server

    async def once() -> list[str]:
        configured = load_settings()
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
    """Check settings, disk, database, keys, clock, background work, and connections to other servers.

    Each line says what is wrong and what to do. Exit status 1 when something failed.
    """
    from opengrant.server.doctor.examine import examine  # noqa: PLC0415 -- --help must not load the server

    # rich shows it in a terminal only.
    with Console(stderr=True).status("checking") as shown:
        findings = asyncio.run(examine(load_settings(), tell=lambda what: shown.update(f"checking {what}")))
    if json:
        print_json([finding.as_mapping() for finding in findings])
    else:
        for finding in findings:
            mark = {"ok": "[green]ok  [/]", "warning": "[yellow]warn[/]", "failed": "[red]FAIL[/]"}[finding.state]
            out.print(f"{mark} {finding.name}: ", end="")
            out.print(finding.text, markup=False)
    if any(finding.state == "failed" for finding in findings):
        sys.exit(1)


@app.command
def reseal() -> None:
    """Encrypt all secrets with the first master key. Servers keep running. It can be stopped and started again."""

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
