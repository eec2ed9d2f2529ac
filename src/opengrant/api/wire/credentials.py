"""Credentials of a connector on the wire: one body for each type; an answer shows no secret."""

from typing import Annotated, Any, Literal, Self

from pydantic import AfterValidator, Field, SecretStr, model_validator

from opengrant.api.wire.connectors import ClientId, ClientSecret
from opengrant.api.wire.fields import Answer, Maybe, Model, Name, Tenant, examples, named, trimmed
from opengrant.api.wire.pagination import Paging
from opengrant.connectors.credentials import NewCredential
from opengrant.model import SECOND
from opengrant.model import Credential as CredentialNoun
from opengrant.model.secrets import ConnectorClient, ConsentedApp, CredentialSecret, ServiceAccountKey


class Credential(Model):
    """A credential of a connector. What it holds is never shown."""

    id: str
    name: str
    created_at: int
    updated_at: int

    @staticmethod
    def of(credential: CredentialNoun) -> Answer:
        return {
            "id": credential.id,
            "name": credential.name,
            "created_at": credential.created_at // SECOND,
            "updated_at": credential.updated_at // SECOND,
        }


class ClientData(Model):
    """Another OAuth client."""

    client_id: ClientId
    """As the provider shows it."""
    client_secret: ClientSecret
    """Write-only: it is sealed, and never shown again."""
    tenant: Tenant | None = None
    """Microsoft only; without it, the connector's."""

    def to_secret(self) -> ConnectorClient:
        return ConnectorClient(client_id=self.client_id, client_secret=self.client_secret, tenant=self.tenant)


def _pem(value: SecretStr) -> SecretStr:
    return SecretStr(value.get_secret_value().replace("\\n", "\n"))


class ServiceAccountData(Model):
    """A Google service account's key file; its other members are not needed and its token_uri is never used."""

    private_key_id: Annotated[str, trimmed(512)]
    """Which of the account's keys it is."""
    private_key: Annotated[SecretStr, Field(min_length=1, max_length=16_384), AfterValidator(_pem)]
    """PEM."""
    client_email: Annotated[str, trimmed(320)]
    """The account's address."""
    client_id: Maybe[Annotated[str, trimmed(512)]] = None
    """The number to enter in the Admin console."""
    project_id: Maybe[Annotated[str, trimmed(512)]] = None
    """Kept with the key."""

    def to_secret(self) -> ServiceAccountKey:
        return ServiceAccountKey(
            private_key_id=self.private_key_id,
            private_key=self.private_key,
            client_email=self.client_email,
            client_id=self.client_id,
            project_id=self.project_id,
        )


class AdminConsentData(Model):
    """A tenant that consented to your application; without a client, the connector's."""

    tenant: Tenant | None = None
    """Without it, administrators of any tenant may consent through hosted sign-in, and your redirect URI is told which
    tenant did; bulk grants need a credential that names it."""
    client_id: Maybe[ClientId] = None
    """Of an application of its own; without it, the connector's."""
    client_secret: ClientSecret | None = None
    """Write-only; together with client_id."""

    @model_validator(mode="after")
    def _both_or_neither(self) -> Self:
        if (self.client_id is None) != (self.client_secret is None):
            missing = "client_id" if self.client_id is None else "client_secret"
            raise ValueError(f"{missing} is missing: send both client_id and client_secret, or neither")
        return self

    def to_secret(self) -> ConsentedApp:
        return ConsentedApp(tenant=self.tenant, client_id=self.client_id, client_secret=self.client_secret)


_Data = ClientData | ServiceAccountData | AdminConsentData


class _CredentialBody(Model):
    name: Name
    """For people; unique among the connector's credentials."""

    def to_model(self) -> NewCredential:
        data: _Data = self.credential_data  # type: ignore[attr-defined] # every variant has its own
        return NewCredential(self.name, data.to_secret())


class ConnectorCredential(_CredentialBody):
    """**Another client** on the same connector."""

    model_config = named(
        "Connector",
        {
            "name": "EU app",
            "credential_type": "connector",
            "credential_data": {
                "client_id": "456-example.apps.googleusercontent.com",
                "client_secret": "GOCSPX-example",
            },
        },
    )
    credential_type: Literal["connector"]
    """What kind of credential it is."""
    credential_data: ClientData
    """The client. Write-only."""


class ServiceAccountCredential(_CredentialBody):
    """**Google service account** with domain-wide delegation."""

    model_config = named(
        "Service account",
        {
            "name": "Example Inc.",
            "credential_type": "serviceaccount",
            "credential_data": {
                "type": "service_account",
                "private_key_id": "ab12example",
                "private_key": "-----BEGIN PRIVATE KEY-----\nexample\n-----END PRIVATE KEY-----\n",
                "client_email": "opengrant@example-project.iam.gserviceaccount.com",
            },
        },
    )
    credential_type: Literal["serviceaccount"]
    """What kind of credential it is."""
    credential_data: ServiceAccountData
    """The key file. Write-only."""


class AdminConsentCredential(_CredentialBody):
    """**Microsoft admin consent** of one tenant."""

    model_config = named(
        "Admin consent",
        {"name": "Contoso", "credential_type": "adminconsent", "credential_data": {"tenant": "contoso.example"}},
    )
    credential_type: Literal["adminconsent"]
    """What kind of credential it is."""
    credential_data: AdminConsentData
    """Which tenant, and with which application. Write-only."""


CredentialVariant = ConnectorCredential | ServiceAccountCredential | AdminConsentCredential
CREDENTIAL: dict[str, type[_CredentialBody]] = {
    "connector": ConnectorCredential,
    "serviceaccount": ServiceAccountCredential,
    "adminconsent": AdminConsentCredential,
}


class CredentialPatch(Model):
    """At least one of the two."""

    model_config = examples(
        {"name": "EU app"},
        {"credential_data": {"client_id": "456-example.apps.googleusercontent.com", "client_secret": "GOCSPX-example"}},
    )
    name: Maybe[Name] = None
    """For people; unique among the connector's credentials."""
    credential_data: dict[str, Any] | None = Field(default=None, repr=False)
    """Replaces what is held, as a whole; the keys of the credential's type."""

    @model_validator(mode="after")
    def _something(self) -> Self:
        if self.name is None and self.credential_data is None:
            raise ValueError("send name, credential_data or both")
        return self


def credential_data(type_: str, sent: dict[str, Any]) -> CredentialSecret:
    """What a PATCH puts into a credential, checked as at its creation. Raises ValidationError."""
    shape: type[_Data] = CREDENTIAL[type_].model_fields["credential_data"].annotation  # type: ignore[assignment] # as above
    return shape.model_validate(sent).to_secret()


class CredentialQuery(Paging):
    sort_by: Literal["created_at", "updated_at", "createdAt", "updatedAt"] = "created_at"
    """By which time, in either spelling."""
    order_by: Literal["asc", "desc"] = "desc"
    """`desc`: the newest first."""

    @property
    def order(self) -> Literal["created_at", "updated_at"]:
        return "created_at" if self.sort_by in {"created_at", "createdAt"} else "updated_at"
