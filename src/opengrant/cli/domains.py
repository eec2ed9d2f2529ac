"""`opengrant domains`: domains of Agent Accounts, and their DNS records.

cli/commands.py names it by path: other commands do not load it.
"""

from typing import TYPE_CHECKING, Annotated, Any

import cyclopts
from cyclopts import Parameter
from rich.markup import escape
from rich.table import Table

from opengrant.cli.output import AsJson, Wide, out, print_json, print_rows
from opengrant.cli.run import run
from opengrant.cli.serving import Failure
from opengrant.domains.dns_records import DMARC, RecordFinding
from opengrant.domains.domains import Domain
from opengrant.domains.verification import KINDS, Check, Kind
from opengrant.model import SECOND

if TYPE_CHECKING:
    from opengrant.assembly.installation import Installation

domains_app = cyclopts.App(name="domains", help="Domains of Agent Accounts, and their DNS records.")

_COLORS = {"done": "green", "pending": "yellow", "failed": "red"}
_ADVISED = RecordFinding("pending", "Advised beside the others; nothing waits for it.")
_PAGE = 200


@domains_app.command(name="add")
def domains_add(
    address: str,
    *,
    name: Annotated[str | None, Parameter(help="For people; without it, the address.")] = None,
    json: AsJson = False,
) -> None:
    """Register a domain and show the DNS records to publish."""

    async def add(installed: "Installation") -> tuple[Domain, list[Check]]:
        organization = await installed.services.service_accounts.organization()
        domain = await installed.services.domains.create(organization.id, address, name or address)
        return domain, await _checks(installed, domain, look=False)

    _show(*run(add), _ADVISED, json=json)


@domains_app.command(name="list")
def domains_list(*, wide: Wide = False, json: AsJson = False) -> None:
    """List domains."""

    async def find(installed: "Installation") -> list[Domain]:
        organization = await installed.services.service_accounts.organization()
        found: list[Domain] = []
        while page := await installed.services.domains.page(
            organization.id, after=(found[-1].created_at, found[-1].id) if found else None, limit=_PAGE
        ):
            found += page
        return found

    print_rows([_row(domain) for domain in run(find)], json=json, wide=wide)


@domains_app.command(name="show")
def domains_show(address: str, *, json: AsJson = False) -> None:
    """Show the DNS records to publish, and the result of the last check.

    Parameters
    ----------
    address
        The domain, or its id.
    """
    _show(*run(lambda installed: _domain_and_checks(installed, address, KINDS, look=False)), _ADVISED, json=json)


@domains_app.command(name="verify")
def domains_verify(address: str, kind: Kind | None = None, /, *, json: AsJson = False) -> None:
    """Check the DNS records now: one of them, or all with the advised DMARC record.

    Exit status 1 while a record is missing or wrong; the advised one does not count.

    Parameters
    ----------
    address
        The domain, or its id.
    """
    kinds = KINDS if kind is None else (kind,)

    async def look(installed: "Installation") -> tuple[Domain, list[Check], RecordFinding | None]:
        domain, checks = await _domain_and_checks(installed, address, kinds, look=True)
        return domain, checks, await installed.services.domain_verification.dmarc(domain) if kind is None else None

    domain, checks, dmarc = run(look)
    _show(domain, checks, dmarc, json=json)
    if missing := [check.kind for check in checks if check.status != "done"]:
        raise Failure(
            f"{domain.address} is not verified for {', '.join(missing)}: publish what `opengrant domains show"
            f" {domain.address}` prints at your DNS provider, and verify again when it is live."
        )


@domains_app.command(name="delete")
def domains_delete(address: str, *, json: AsJson = False) -> None:
    """Delete a domain and its DKIM key, for good. Refused while it has Agent Accounts."""

    async def delete(installed: "Installation") -> None:
        organization = await installed.services.service_accounts.organization()
        await installed.services.domains.delete(organization.id, address)

    run(delete)
    if json:
        print_json({"deleted": address})
    else:
        out.print(f"{address} is deleted.", markup=False)


async def _domain_and_checks(
    installed: "Installation", address: str, kinds: tuple[Kind, ...], *, look: bool
) -> tuple[Domain, list[Check]]:
    organization = await installed.services.service_accounts.organization()
    domain = await installed.services.domains.get(organization.id, address)
    checks = await _checks(installed, domain, kinds, look=look)
    return await installed.services.domains.get(organization.id, domain.id), checks


async def _checks(
    installed: "Installation", domain: Domain, kinds: tuple[Kind, ...] = KINDS, *, look: bool
) -> list[Check]:
    verification = installed.services.domain_verification
    ask = verification.verify if look else verification.info
    return [(await ask(domain.organization_id, domain.id, kind))[1] for kind in kinds]


def _show(domain: Domain, checks: list[Check], dmarc: RecordFinding | None, *, json: bool) -> None:
    if json:
        advised = {} if dmarc is None else {"advised": [_advised_row(dmarc)]}
        print_json({**_row(domain), "records": [_check_row(check) for check in checks], **advised})
        return
    out.print(f"{domain.address} ({domain.name}), id {domain.id}", markup=False)
    table = Table(box=None, pad_edge=False)
    for heading in ("record", "state", "type", "host", "what was found"):
        table.add_column(heading)
    for check in checks:
        state = f"[{_COLORS[check.status]}]{check.status}[/]"
        table.add_row(check.kind, state, check.type, check.host, escape(check.message))
    out.print(table)
    # Below the table: a key is longer than a terminal is wide, and must be copied whole.
    for check in checks:
        if check.status != "done":
            out.print(f"\n{check.kind}: {check.type} at {check.host}\n{check.value}", markup=False)
    if dmarc is not None:
        out.print(f"\ndmarc, {DMARC.type} at {DMARC.host}: {dmarc.message}", markup=False)
        if dmarc.status != "done":
            out.print(DMARC.value, markup=False)


def _row(domain: Domain) -> dict[str, Any]:
    return {
        "id": domain.id,
        "domain_address": domain.address,
        "name": domain.name,
        "verified": [kind for kind in KINDS if getattr(domain, f"verified_{kind}")],
        "created_at": domain.created_at // SECOND,
    }


def _check_row(check: Check) -> dict[str, Any]:
    return {
        "kind": check.kind,
        "status": check.status,
        "host": check.host,
        "type": check.type,
        "value": check.value,
        "message": check.message,
        "expires_at": check.expires_at // SECOND,
    }


def _advised_row(found: RecordFinding) -> dict[str, Any]:
    return {
        "kind": "dmarc",
        "status": found.status,
        "host": DMARC.host,
        "type": DMARC.type,
        "value": DMARC.value,
        "message": found.message,
    }
