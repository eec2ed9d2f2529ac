"""/v3/connectors/{provider}/creds: further credentials of a connector, written and never read again."""

from opengrant.api.connectors import provider_in_path
from opengrant.api.http.routes import Call, checked, decode, route
from opengrant.api.wire import grants as wire
from opengrant.errors import InvalidRequest, NotFound

TAG = "Credentials"
_LIST = "/v3/connectors/{provider}/creds"
_ONE = _LIST + "/{credential_id}"


@route(
    "POST", _LIST, tag=TAG, body=wire.CredentialVariant, answers=wire.Credential, status=201,
    errors=(InvalidRequest, NotFound),
)  # fmt: skip
async def create_credential(call: Call) -> wire.Answer:
    """Create a credential.

    The same name, type and data again answers with the credential that exists.
    """
    sent = call.json()
    type_ = sent.get("credential_type")
    if not isinstance(type_, str) or type_ not in wire.CREDENTIAL:
        raise InvalidRequest(f"credential_type: must be one of {', '.join(wire.CREDENTIAL)}.")
    draft = decode(wire.CREDENTIAL[type_], sent).to_model()
    return wire.Credential.of(await call.services.credentials.create(call.application, provider_in_path(call), draft))


@route("GET", _LIST, tag=TAG, query=wire.CredentialQuery, answers=wire.Credential, listed=True,
       errors=(InvalidRequest, NotFound))  # fmt: skip
async def list_credentials(call: Call) -> tuple[list[wire.Answer], wire.CredentialQuery]:
    """List the credentials of a connector, newest first unless told otherwise."""
    query = call.query(wire.CredentialQuery)
    found = await call.services.credentials.page(
        call.application,
        provider_in_path(call),
        order=query.order,
        descending=query.order_by == "desc",
        limit=query.size,
        offset=query.offset,
    )
    return [wire.Credential.of(one) for one in found], query


@route("GET", _ONE, tag=TAG, answers=wire.Credential, errors=(NotFound,))
async def get_credential(call: Call) -> wire.Answer:
    """Get a credential."""
    provider, id_ = provider_in_path(call), call.params["credential_id"]
    return wire.Credential.of(await call.services.credentials.get(call.application, provider, id_))


@route("PATCH", _ONE, tag=TAG, body=wire.CredentialPatch, answers=wire.Credential, errors=(InvalidRequest, NotFound),
       also="PUT")  # fmt: skip
async def update_credential(call: Call) -> wire.Answer:
    """Change a credential's name or replace what it holds; its type stays.

    Of the one that was made with the connector, the client id and tenant show in the connector.
    """
    patch = call.read(wire.CredentialPatch)
    provider, id_ = provider_in_path(call), call.params["credential_id"]
    data = None
    if patch.credential_data is not None:
        type_ = await call.services.credentials.type_of(call.application, provider, id_)
        data = checked(lambda: wire.credential_data(type_, patch.credential_data or {}))
    changed = await call.services.credentials.update(call.application, provider, id_, name=patch.name, data=data)
    return wire.Credential.of(changed)


@route("DELETE", _ONE, tag=TAG, errors=(InvalidRequest, NotFound))
async def delete_credential(call: Call) -> None:
    """Delete a credential. Grants that use it become invalid at once; nothing is revoked at the provider.

    Two cannot be deleted: the active one, and the one that was made with the connector, which goes with it.
    """
    await call.services.credentials.delete(call.application, provider_in_path(call), call.params["credential_id"])
