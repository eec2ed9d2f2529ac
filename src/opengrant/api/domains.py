"""/v3/admin: what an organization's service accounts may do, and operators at the console.

Requests are signed, or come with an operator's session; API keys mean nothing here.
"""

from datetime import timedelta
from functools import partial

from opengrant.api.http.routes import Call, route
from opengrant.api.wire import domains as wire
from opengrant.errors import InvalidRequest, NotFound
from opengrant.model import ApiKey, Application, now

_KEYS = "/v3/admin/applications/{application_id}/api-keys"
_KEY = _KEYS + "/{api_key_id}"
_DOMAINS = "/v3/admin/domains"
_DOMAIN = _DOMAINS + "/{domain_id}"

_key_route = partial(route, tag="API keys", auth="signature")
_domain_route = partial(route, tag="Domains", auth="signature")


@_key_route(
    "POST",
    _KEYS,
    permission="apikey.create",
    body=wire.ApiKeyBody,
    answers=wire.NewApiKey,
    errors=(InvalidRequest, NotFound),
)
async def create_api_key(call: Call) -> wire.NewApiKey:
    """Create an API key of an application. The secret is in this answer and nowhere else."""
    body = call.read(wire.ApiKeyBody) if call.body else wire.ApiKeyBody()
    application = await _application(call)
    new = await call.services.api_keys.create(
        application, body.name, lifetime=timedelta(days=body.expires_in), permissions=tuple(body.permissions)
    )
    return wire.NewApiKey.of(new.key, new.secret.get_secret_value(), now=now())


@_key_route("GET", _KEYS, permission="apikey.get", answers=wire.ApiKey, cursor=True, errors=(NotFound,))
async def list_api_keys(call: Call) -> tuple[list[wire.ApiKey], None]:
    """List the API keys of an application, in order of creation; revoked and expired ones too."""
    at = now()
    keys = await call.services.api_keys.of_application(await _application(call))
    return [wire.ApiKey.of(key, now=at) for key in keys], None


@_key_route("GET", _KEY, permission="apikey.get", answers=wire.ApiKey, errors=(NotFound,))
async def get_api_key(call: Call) -> wire.ApiKey:
    """Get an API key."""
    return wire.ApiKey.of(await _api_key(call), now=now())


@_key_route("DELETE", _KEY, permission="apikey.delete", errors=(NotFound,))
async def delete_api_key(call: Call) -> None:
    """Revoke an API key. It stops working at once, and is listed as revoked."""
    key = await _api_key(call)
    await call.services.api_keys.revoke(key.id, application_id=key.application_id)


async def _application(call: Call) -> Application:
    """The application in the path, if it is of the signer's organization, or the operator's own."""
    organization = await call.services.service_accounts.organization()
    strange = call.session is not None and call.session.application.id != call.params["application_id"]
    if strange or call.organization_id != organization.id:
        raise NotFound("There is no such application in this organization.")
    return await call.services.applications.get(call.params["application_id"])


async def _api_key(call: Call) -> ApiKey:
    for key in await call.services.api_keys.of_application(await _application(call)):
        if key.id == call.params["api_key_id"]:
            return key
    raise NotFound("There is no such API key in this application.")


@_domain_route(
    "POST", _DOMAINS, permission="domain.create", body=wire.DomainBody, answers=wire.Domain, errors=(InvalidRequest,)
)
async def create_domain(call: Call) -> wire.Domain:
    """Register a domain. It is of use once DNS records prove that it is yours: see `info` and `verify`."""
    body = call.read(wire.DomainBody)
    return wire.Domain.of(await call.services.domains.create(call.organization_id, body.domain_address, body.name))


@_domain_route(
    "GET",
    _DOMAINS,
    permission="domain.get",
    query=wire.DomainQuery,
    answers=wire.Domain,
    cursor=True,
    errors=(InvalidRequest,),
)
async def list_domains(call: Call) -> tuple[list[wire.Domain], str | None]:
    """List domains in order of creation. `next_cursor` is there while there are more."""
    query = call.query(wire.DomainQuery)
    found = await call.services.domains.page(call.organization_id, after=query.after, limit=query.size + 1)
    shown = found[: query.size]
    return [wire.Domain.of(domain) for domain in shown], wire.cursor(shown[-1]) if len(found) > query.size else None


@_domain_route("GET", _DOMAIN, permission="domain.get", answers=wire.Domain, errors=(NotFound,))
async def get_domain(call: Call) -> wire.Domain:
    """Get a domain by its id or by the domain itself."""
    return wire.Domain.of(await call.services.domains.get(call.organization_id, call.params["domain_id"]))


@_domain_route(
    "PUT",
    _DOMAIN,
    permission="domain.update",
    body=wire.DomainPatch,
    answers=wire.Domain,
    errors=(InvalidRequest, NotFound),
)
async def update_domain(call: Call) -> wire.Domain:
    """Rename a domain."""
    body = call.read(wire.DomainPatch)
    organization_id, domain_id = call.organization_id, call.params["domain_id"]
    if body.name is None:
        return wire.Domain.of(await call.services.domains.get(organization_id, domain_id))
    return wire.Domain.of(await call.services.domains.rename(organization_id, domain_id, body.name))


@_domain_route("DELETE", _DOMAIN, permission="domain.delete", errors=(InvalidRequest, NotFound))
async def delete_domain(call: Call) -> None:
    """Delete a domain and its DKIM key, for good. Refused while Agent Accounts live on it."""
    await call.services.domains.delete(call.organization_id, call.params["domain_id"])


@_domain_route(
    "POST",
    _DOMAIN + "/info",
    permission="domain.verify",
    body=wire.VerificationBody,
    answers=wire.Verification,
    errors=(InvalidRequest, NotFound),
)
async def get_domain_info(call: Call) -> wire.Verification:
    """Get a DNS record to publish.

    Asks DNS nothing. The record stays the same until it expires; one that was found stays for good.
    """
    body = call.read(wire.VerificationBody)
    organization_id, domain_id = call.organization_id, call.params["domain_id"]
    return wire.Verification.of(
        await call.services.domains.info(organization_id, domain_id, body.type, key_length=body.key_length)
    )


@_domain_route(
    "POST",
    _DOMAIN + "/verify",
    permission="domain.verify",
    body=wire.VerificationBody,
    answers=wire.Verification,
    errors=(InvalidRequest, NotFound),
)
async def verify_domain(call: Call) -> wire.Verification:
    """Look for a DNS record.

    Answers 200 whatever was found; `status` and `message` say what. Once `done` it stays so.
    """
    body = call.read(wire.VerificationBody)
    organization_id, domain_id = call.organization_id, call.params["domain_id"]
    return wire.Verification.of(
        await call.services.domains.verify(organization_id, domain_id, body.type, key_length=body.key_length)
    )
