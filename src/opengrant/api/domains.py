"""/v3/admin/domains: domains of the organization, by signed request or by an operator's session."""

from functools import partial

from opengrant.api.http.cursors import listed
from opengrant.api.http.request import Request
from opengrant.api.http.route_table import Cursor, One, Signed, route
from opengrant.api.wire import domains as wire
from opengrant.errors import InvalidRequest, NotFound

_DOMAINS = "/v3/admin/domains"
_DOMAIN = _DOMAINS + "/{domain_id}"

_route = partial(route, tag="Domains")


@_route(
    "POST",
    _DOMAINS,
    access=Signed("domain.create"),
    body=wire.DomainBody,
    answers=One(wire.Domain),
    errors=(InvalidRequest,),
)
async def create_domain(request: Request) -> wire.Domain:
    """Create a domain.

    Registers a domain for Agent Accounts. It can be used once DNS records prove that it is yours: see `info` and
    `verify`.
    """
    body = request.read(wire.DomainBody)
    return wire.Domain.of(
        await request.services.domains.create(request.organization_id, body.domain_address, body.name)
    )


@_route(
    "GET",
    _DOMAINS,
    access=Signed("domain.get"),
    query=wire.DomainQuery,
    answers=Cursor(wire.Domain),
    errors=(InvalidRequest,),
)
async def list_domains(request: Request) -> tuple[list[wire.Domain], str | None]:
    """List domains.

    In order of creation. `next_cursor` is there while there are more.
    """
    asked = listed(request, wire.DomainQuery, of=f"domains {request.organization_id}")
    limit = asked.query.size + 1
    found = await request.services.domains.page(request.organization_id, after=asked.after, limit=limit)
    shown, cursor = asked.cut(found, lambda domain: (domain.created_at, domain.id))
    return [wire.Domain.of(domain) for domain in shown], cursor


@_route("GET", _DOMAIN, access=Signed("domain.get"), answers=One(wire.Domain), errors=(NotFound,))
async def get_domain(request: Request) -> wire.Domain:
    """Get a domain.

    By its id or by the domain itself.
    """
    return wire.Domain.of(await request.services.domains.get(request.organization_id, request.params["domain_id"]))


@_route(
    "PUT",
    _DOMAIN,
    access=Signed("domain.update"),
    body=wire.DomainPatch,
    answers=One(wire.Domain),
    errors=(InvalidRequest, NotFound),
)
async def update_domain(request: Request) -> wire.Domain:
    """Update a domain.

    Changes its name.
    """
    body = request.read(wire.DomainPatch)
    organization_id, domain_id = request.organization_id, request.params["domain_id"]
    if body.name is None:
        return wire.Domain.of(await request.services.domains.get(organization_id, domain_id))
    return wire.Domain.of(await request.services.domains.rename(organization_id, domain_id, body.name))


@_route("DELETE", _DOMAIN, access=Signed("domain.delete"), errors=(InvalidRequest, NotFound))
async def delete_domain(request: Request) -> None:
    """Delete a domain.

    Deletes the domain and its DKIM key for good. Refused while Agent Accounts use it.
    """
    await request.services.domains.delete(request.organization_id, request.params["domain_id"])


@_route(
    "POST",
    _DOMAIN + "/info",
    access=Signed("domain.verify"),
    body=wire.VerificationBody,
    answers=One(wire.Verification),
    errors=(InvalidRequest, NotFound),
)
async def get_domain_info(request: Request) -> wire.Verification:
    """Get a DNS record of a domain.

    The record that you publish to prove the domain.

    DNS is not asked. The record stays the same until it expires; one that was found stays for good.
    """
    body = request.read(wire.VerificationBody)
    organization_id, domain_id = request.organization_id, request.params["domain_id"]
    return wire.Verification.of(
        await request.services.domain_verification.info(
            organization_id, domain_id, body.type, key_length=body.key_length
        )
    )


@_route(
    "POST",
    _DOMAIN + "/verify",
    access=Signed("domain.verify"),
    body=wire.VerificationBody,
    answers=One(wire.Verification),
    errors=(InvalidRequest, NotFound),
)
async def verify_domain(request: Request) -> wire.Verification:
    """Verify a domain.

    Looks for the record in DNS.

    The status is 200 whatever was found: `status` and `message` tell. `done` stays.
    """
    body = request.read(wire.VerificationBody)
    organization_id, domain_id = request.organization_id, request.params["domain_id"]
    return wire.Verification.of(
        await request.services.domain_verification.verify(
            organization_id, domain_id, body.type, key_length=body.key_length
        )
    )
