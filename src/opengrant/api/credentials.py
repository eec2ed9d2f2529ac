"""/v3/connectors/{provider}/creds: further credentials of a connector, written and never read again."""

from opengrant.api.connectors import provider_in_path
from opengrant.api.http.decoding import checked, decode
from opengrant.api.http.request import Request
from opengrant.api.http.route_table import One, Page, route
from opengrant.api.wire import credentials as wire
from opengrant.api.wire.fields import Answer
from opengrant.errors import InvalidRequest, NotFound

TAG = "Credentials"
_LIST = "/v3/connectors/{provider}/creds"
_ONE = _LIST + "/{credential_id}"


@route(
    "POST",
    _LIST,
    tag=TAG,
    body=wire.CredentialVariant,
    answers=One(wire.Credential, status=201),
    errors=(InvalidRequest, NotFound),
)
async def create_credential(request: Request) -> Answer:
    """Create a credential.

    Adds a client, a service account or a tenant to a connector. The same name, type and data again gets the credential
    that exists.
    """
    sent = request.json()
    type_ = sent.get("credential_type")
    if not isinstance(type_, str) or type_ not in wire.CREDENTIAL:
        raise InvalidRequest(f"credential_type: must be one of {', '.join(wire.CREDENTIAL)}.")
    draft = decode(wire.CREDENTIAL[type_], sent).to_model()
    return wire.Credential.of(
        await request.services.credentials.create(request.application, provider_in_path(request), draft)
    )


@route(
    "GET", _LIST, tag=TAG, query=wire.CredentialQuery, answers=Page(wire.Credential), errors=(InvalidRequest, NotFound)
)
async def list_credentials(request: Request) -> tuple[list[Answer], wire.CredentialQuery]:
    """List credentials.

    Lists the credentials of a connector, by default the newest first.
    """
    query = request.query(wire.CredentialQuery)
    found = await request.services.credentials.page(
        request.application,
        provider_in_path(request),
        order=query.order,
        descending=query.order_by == "desc",
        limit=query.size,
        offset=query.offset,
    )
    return [wire.Credential.of(one) for one in found], query


@route("GET", _ONE, tag=TAG, answers=One(wire.Credential), errors=(NotFound,))
async def get_credential(request: Request) -> Answer:
    """Get a credential.

    By its id. What it holds is never shown.
    """
    provider, id_ = provider_in_path(request), request.params["credential_id"]
    return wire.Credential.of(await request.services.credentials.get(request.application, provider, id_))


@route(
    "PATCH",
    _ONE,
    tag=TAG,
    body=wire.CredentialPatch,
    answers=One(wire.Credential),
    errors=(InvalidRequest, NotFound),
    also="PUT",
)
async def update_credential(request: Request) -> Answer:
    """Update a credential.

    Changes its name or replaces what it holds. Its type stays.

    Of the credential that was created with the connector, the client id and tenant show in the connector.
    """
    patch = request.read(wire.CredentialPatch)
    provider, id_ = provider_in_path(request), request.params["credential_id"]
    data = None
    if patch.credential_data is not None:
        type_ = await request.services.credentials.type_of(request.application, provider, id_)
        data = checked(lambda: wire.credential_data(type_, patch.credential_data or {}))
    changed = await request.services.credentials.update(request.application, provider, id_, name=patch.name, data=data)
    return wire.Credential.of(changed)


@route("DELETE", _ONE, tag=TAG, errors=(InvalidRequest, NotFound))
async def delete_credential(request: Request) -> None:
    """Delete a credential.

    Grants that use it become invalid at once. Nothing is revoked at the provider.

    Two cannot be deleted: the active one, and the one that was created with the connector. That one is deleted with it.
    """
    await request.services.credentials.delete(
        request.application, provider_in_path(request), request.params["credential_id"]
    )
