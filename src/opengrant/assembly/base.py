"""Builds the services that several rooms use."""

import contextlib
from dataclasses import dataclass

from opengrant.access.api_keys import ApiKeys
from opengrant.assembly.tools import Tools
from opengrant.connectors.connectors import Connectors
from opengrant.domains.domains import Domains
from opengrant.errors import StoreUnavailable
from opengrant.events.activity import Activity
from opengrant.tenants.applications import Applications
from opengrant.tenants.redirect_uris import RedirectUris
from opengrant.tenants.workspaces import Workspaces


@dataclass(frozen=True, slots=True, kw_only=True)
class Base:
    """The services that several rooms use."""

    api_keys: ApiKeys
    applications: Applications
    redirects: RedirectUris
    workspaces: Workspaces
    connectors: Connectors
    domains: Domains
    activity: Activity


def build_base(tools: Tools, opened: contextlib.AsyncExitStack) -> Base:
    db, clock = tools.db, tools.clock
    api_keys = ApiKeys(db=db, digests=tools.digests, clock=clock)
    base = Base(
        api_keys=api_keys,
        applications=Applications(db=db, api_keys=api_keys, clock=clock),
        redirects=RedirectUris(db=db, clock=clock),
        workspaces=Workspaces(db=db, clock=clock),
        connectors=Connectors(db=db, vault=tools.vault, clock=clock),
        domains=Domains(db=db, clock=clock),
        activity=Activity(db=db, clock=clock),
    )
    opened.push_async_callback(_write_counts, base)
    return base


async def _write_counts(base: Base) -> None:
    for write in (base.api_keys.write_uses, base.activity.write):
        with contextlib.suppress(StoreUnavailable):
            await write()
