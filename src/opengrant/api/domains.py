"""/v3/admin: what an organization's service accounts may do, and operators at the console.

Requests are signed, or come with an operator's session; API keys mean nothing here.
"""

from datetime import timedelta
from functools import partial

from opengrant.api.http.request import Request
from opengrant.api.http.route_table import Cursor, One, Signed, route
from opengrant.api.wire import domains as wire
from opengrant.errors import InvalidRequest, NotFound
from opengrant.model import ApiKey, Application, now

_KEYS = "/v3/admin/applications/{application_id}/api-keys"
_KEY = _KEYS + "/{api_key_id}"
_DOMAINS = "/v3/admin/domains"
_DOMAIN = _DOMAINS + "/{domain_id}"

_key_route = partial(route, tag="API keys")
_domain_route = partial(route, tag="Domains")


@_key_route(
    "POST",
    _KEYS,
    access=Signed("apikey.create"),
    body=wire.ApiKeyBody,
    answers=One(wire.NewApiKey),
    errors=(InvalidRequest, NotFound),
)
async def create_api_key(request: Request) -> wire.NewApiKey:
    """Create an API key of an application. The secret is in this answer and nowhere else."""
    body = request.read(wire.ApiKeyBody) if request.body else wire.ApiKeyBody()
    application = await _application(request)
    new = await request.services.api_keys.create(
        application, body.name, lifetime=timedelta(days=body.expires_in), permissions=tuple(body.permissions)
    )
    return wire.NewApiKey.of(new.key, new.secret.get_secret_value(), now=now())


@_key_route("GET", _KEYS, access=Signed("apikey.get"), answers=Cursor(wire.ApiKey), errors=(NotFound,))
async def list_api_keys(request: Request) -> tuple[list[wire.ApiKey], None]:
    """List the API keys of an application, in order of creation; revoked and expired ones too."""
    at = now()
    keys = await request.services.api_keys.of_application(await _application(request))
    return [wire.ApiKey.of(key, now=at) for key in keys], None


@_key_route("GET", _KEY, access=Signed("apikey.get"), answers=One(wire.ApiKey), errors=(NotFound,))
async def get_api_key(request: Request) -> wire.ApiKey:
    """Get an API key."""
    return wire.ApiKey.of(await _api_key(request), now=now())


@_key_route("DELETE", _KEY, access=Signed("apikey.delete"), errors=(NotFound,))
async def delete_api_key(request: Request) -> None:
    """Revoke an API key. It stops working at once, and is listed as revoked."""
    key = await _api_key(request)
    await request.services.api_keys.revoke(key.id, application_id=key.application_id)


async def _application(request: Request) -> Application:
    """The application in the path, if it is of the signer's organization, or the operator's own."""
    organization = await request.services.service_accounts.organization()
    strange = request.session is not None and request.session.application.id != request.params["application_id"]
    if strange or request.organization_id != organization.id:
        raise NotFound("There is no such application in this organization.")
    return await request.services.applications.get(request.params["application_id"])


async def _api_key(request: Request) -> ApiKey:
    for key in await request.services.api_keys.of_application(await _application(request)):
        if key.id == request.params["api_key_id"]:
            return key
    raise NotFound("There is no such API key in this application.")


@_domain_route(
    "POST",
    _DOMAINS,
    access=Signed("domain.create"),
    body=wire.DomainBody,
    answers=One(wire.Domain),
    errors=(InvalidRequest,),
)
async def create_domain(request: Request) -> wire.Domain:
    """Register a domain. It is of use once DNS records prove that it is yours: see `info` and `verify`."""
    body = request.read(wire.DomainBody)
    return wire.Domain.of(
        await request.services.domains.create(request.organization_id, body.domain_address, body.name)
    )


@_domain_route(
    "GET",
    _DOMAINS,
    access=Signed("domain.get"),
    query=wire.DomainQuery,
    answers=Cursor(wire.Domain),
    errors=(InvalidRequest,),
)
async def list_domains(request: Request) -> tuple[list[wire.Domain], str | None]:
    """List domains in order of creation. `next_cursor` is there while there are more."""
    query = request.query(wire.DomainQuery)
    found = await request.services.domains.page(request.organization_id, after=query.after, limit=query.size + 1)
    shown = found[: query.size]
    return [wire.Domain.of(domain) for domain in shown], wire.cursor(shown[-1]) if len(found) > query.size else None


@_domain_route("GET", _DOMAIN, access=Signed("domain.get"), answers=One(wire.Domain), errors=(NotFound,))
async def get_domain(request: Request) -> wire.Domain:
    """Get a domain by its id or by the domain itself."""
    return wire.Domain.of(await request.services.domains.get(request.organization_id, request.params["domain_id"]))


@_domain_route(
    "PUT",
    _DOMAIN,
    access=Signed("domain.update"),
    body=wire.DomainPatch,
    answers=One(wire.Domain),
    errors=(InvalidRequest, NotFound),
)
async def update_domain(request: Request) -> wire.Domain:
    """Rename a domain."""
    body = request.read(wire.DomainPatch)
    organization_id, domain_id = request.organization_id, request.params["domain_id"]
    if body.name is None:
        return wire.Domain.of(await request.services.domains.get(organization_id, domain_id))
    return wire.Domain.of(await request.services.domains.rename(organization_id, domain_id, body.name))


@_domain_route("DELETE", _DOMAIN, access=Signed("domain.delete"), errors=(InvalidRequest, NotFound))
async def delete_domain(request: Request) -> None:
    """Delete a domain and its DKIM key, for good. Refused while Agent Accounts live on it."""
    await request.services.domains.delete(request.organization_id, request.params["domain_id"])


@_domain_route(
    "POST",
    _DOMAIN + "/info",
    access=Signed("domain.verify"),
    body=wire.VerificationBody,
    answers=One(wire.Verification),
    errors=(InvalidRequest, NotFound),
)
async def get_domain_info(request: Request) -> wire.Verification:
    """Get a DNS record to publish.

    Asks DNS nothing. The record stays the same until it expires; one that was found stays for good.
    """
    body = request.read(wire.VerificationBody)
    organization_id, domain_id = request.organization_id, request.params["domain_id"]
    return wire.Verification.of(
        await request.services.domains.info(organization_id, domain_id, body.type, key_length=body.key_length)
    )


@_domain_route(
    "POST",
    _DOMAIN + "/verify",
    access=Signed("domain.verify"),
    body=wire.VerificationBody,
    answers=One(wire.Verification),
    errors=(InvalidRequest, NotFound),
)
async def verify_domain(request: Request) -> wire.Verification:
    """Look for a DNS record.

    Answers 200 whatever was found; `status` and `message` say what. Once `done` it stays so.
    """
    body = request.read(wire.VerificationBody)
    organization_id, domain_id = request.organization_id, request.params["domain_id"]
    return wire.Verification.of(
        await request.services.domains.verify(organization_id, domain_id, body.type, key_length=body.key_length)
    )
