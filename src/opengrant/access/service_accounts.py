"""Service accounts: how they are made, listed and revoked, and what they may do."""

import secrets as random
import uuid
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from pydantic import SecretStr

from opengrant.errors import InvalidRequest, NotFound
from opengrant.events import audit
from opengrant.model import Clock
from opengrant.store.access import service_accounts
from opengrant.store.access.service_accounts import ServiceAccount
from opengrant.store.engine.port import Steps, Store
from opengrant.store.tenants import organizations
from opengrant.store.tenants.organizations import Organization, Region

__all__ = [
    "EVERYTHING",
    "PERMISSIONS",
    "NewServiceAccount",
    "Organization",
    "ServiceAccount",
    "ServiceAccounts",
    "permits",
]

PERMISSIONS = (
    "apikey.create",
    "apikey.get",
    "apikey.delete",
    "domain.create",
    "domain.get",
    "domain.update",
    "domain.delete",
    "domain.verify",
)
EVERYTHING = "all"
_KEY_BITS = 2048
_REGION: Region = "us"


def permits(granted: Iterable[str], wanted: str) -> bool:
    family = f"{wanted.partition('.')[0]}.*"
    return any(permission in {EVERYTHING, family, wanted} for permission in granted)


@dataclass(frozen=True, slots=True)
class NewServiceAccount:
    """An account with its private key (PEM, PKCS #8), which is not stored."""

    account: ServiceAccount
    organization: Organization
    private_key: SecretStr

    def credential_file(self) -> Mapping[str, Any]:
        """The file that the official SDKs read. It holds the private key."""
        return {
            "type": "service_account",
            "name": self.account.name,
            "private_key_id": self.account.id,
            "private_key": self.private_key.get_secret_value(),
            "organization_id": self.organization.id,
            "region": self.organization.region,
            "permissions": list(self.account.permissions),
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class ServiceAccounts:
    """Built once, in assembly/."""

    db: Store
    clock: Clock

    async def organization(self) -> Organization:
        """The organization of this installation, made on first use."""
        found = await self.db.read(organizations.find_default())
        if found is not None:
            return found
        fresh = Organization(str(uuid.uuid4()), _REGION, self.clock())
        return await self.db.write(organizations.add_default(fresh))

    async def create(self, name: str, permissions: Iterable[str] = (EVERYTHING,)) -> NewServiceAccount:
        """Make an account with a key pair; only the public half is stored.

        permissions  of PERMISSIONS, `all`, or a family such as `domain.*`
        Raises       InvalidRequest for any other
        """
        granted = tuple(dict.fromkeys(permissions))
        families = {f"{permission.partition('.')[0]}.*" for permission in PERMISSIONS}
        for permission in granted:
            if permission not in {EVERYTHING, *PERMISSIONS, *families}:
                known = ", ".join((EVERYTHING, *sorted(families), *PERMISSIONS))
                raise InvalidRequest(f"There is no permission {permission}. One of {known}.")
        key = rsa.generate_private_key(public_exponent=65537, key_size=_KEY_BITS)
        public = key.public_key().public_bytes(
            serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
        )
        pem = key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
        organization = await self.organization()
        account = ServiceAccount(
            id=random.token_hex(16),
            organization_id=organization.id,
            name=name,
            public_key=public,
            permissions=granted or (EVERYTHING,),
            created_at=self.clock(),
        )
        await self.db.write(_add(account))
        return NewServiceAccount(account, organization, SecretStr(pem.decode()))

    async def list_all(self) -> list[ServiceAccount]:
        return await self.db.read(service_accounts.of_organization((await self.organization()).id))

    async def revoke(self, account_id: str) -> ServiceAccount:
        """Takes effect with the next request. Raises NotFound."""
        organization = await self.organization()
        return await self.db.write(self._revoke(organization.id, account_id))

    def _revoke(self, organization_id: str, account_id: str) -> Steps[ServiceAccount]:
        now = self.clock()
        account = yield from service_accounts.revoke(organization_id, account_id, at=now)
        if account is None:
            raise NotFound(f"There is no service account {account_id}. `opengrant service-accounts list` shows them.")
        if account.revoked_at == now:
            # An account that was revoked before keeps its first time: nothing changed, so nothing is recorded.
            yield from audit.record(organization_id, "service_account.revoked", at=now, service_account_id=account.id)
        return account


def _add(account: ServiceAccount) -> Steps[None]:
    yield from service_accounts.add(account)
    yield from audit.record(
        account.organization_id,
        "service_account.created",
        at=account.created_at,
        service_account_id=account.id,
        permissions=account.permissions,
    )
