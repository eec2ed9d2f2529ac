"""One-time codes of hosted sign-in, each with the sealed proof of a mailbox beside it."""

from dataclasses import asdict, dataclass, field

from pydantic import SecretStr
from pydantic_core import from_json, to_json

from opengrant.access import bearer_tokens
from opengrant.errors import CodeUsedTwice, OAuthRefused, ReauthEmailInvalid
from opengrant.grants.connect.proof import Proof
from opengrant.model import SECOND, Application, Clock, Identity, Micros, ProviderName, mailbox_key
from opengrant.model.secrets import GrantSecret, NoSecret, Sealed, SecretUnreadable
from opengrant.model.secrets import members as secret_members
from opengrant.model.secrets import read as read_secret
from opengrant.signin.login import AuthorizationRequest
from opengrant.signin.return_url import ReturnUrls
from opengrant.store import secrets
from opengrant.store.engine.port import Store
from opengrant.store.grants import grants
from opengrant.store.signin import logins
from opengrant.store.signin.logins import Login, LoginCode
from opengrant.vault import Owner, Vault
from opengrant.vault.digests import Digests

CODE_LASTS: Micros = 10 * 60 * SECOND
_AT_ONCE = 200
"""Rows that one transaction drops."""


@dataclass(frozen=True, slots=True)
class BurntCode:
    """A code that is used up, with its proof still sealed."""

    row: LoginCode
    sealed: Sealed = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class LoginCodes:
    """Built once, in assembly/."""

    db: Store
    vault: Vault
    digests: Digests
    returns: ReturnUrls
    clock: Clock

    async def issue(
        self, app: Application, request: AuthorizationRequest, login: Login, provider: ProviderName, proof: Proof
    ) -> str:
        """Store a proof under a new code. Returns the redirect URI with the code.

        Raises ReauthEmailInvalid, CallbackNotAllowed.
        """
        await self.refuse_other_mailbox(app, request, provider, proof.identity)
        await self.returns.require_registered(app, request.redirect_uri)
        code = bearer_tokens.make(bearer_tokens.CODE, app.id)
        code_id = self.digests.login_code(app.id, code.get_secret_value())
        now = self.clock()
        row = LoginCode(
            application_id=app.id,
            id=code_id,
            login_id=login.id,
            ask=request.to_row(),
            provider=provider,
            asked_at=now,
            expires_at=now + CODE_LASTS,
        )
        owner = _proof_owner(row)
        sealed = self.vault.seal(_write_proof(proof), owner)
        secret = secrets.SecretRow(owner.application_id, owner.kind, owner.id, owner.purpose, sealed)
        await self.db.write(logins.add_code(row, secret, at=now))
        return self.returns.with_code(request, code)

    async def burn(self, app: Application, code: SecretStr) -> BurntCode:
        """Use a code up. Raises OAuthRefused; CodeUsedTwice, so that the caller revokes what the code gave before."""
        code_id = self.digests.login_code(app.id, code.get_secret_value())
        row = await self.db.read(logins.find_code(app.id, code_id))
        if row is None:
            raise OAuthRefused("invalid_grant", "The code is unknown.")
        if row.used_at is not None or await self.db.write(logins.use_code(app.id, code_id, at=self.clock())) is None:
            raise CodeUsedTwice(code_id)
        owner = _proof_owner(row)
        sealed = await self.db.read(secrets.find(app.id, owner.kind, owner.id, owner.purpose))
        await self.db.write(secrets.destroy(app.id, "login", [code_id]))
        if sealed is None or row.expires_at <= self.clock():
            raise OAuthRefused("invalid_grant", "The code has expired. Start the sign-in again.")
        return BurntCode(row, sealed)

    def proof(self, code: BurntCode) -> Proof:
        """What the sign-in proved."""
        return _read_proof(self.vault.open(code.sealed, _proof_owner(code.row)))

    async def forget(self, app: Application) -> None:
        """Drop sign-ins and codes that are over, with proofs that were not collected."""
        while await self.db.write(logins.forget_before(app.id, cutoff=self.clock(), limit=_AT_ONCE)):
            pass

    async def refuse_other_mailbox(
        self, app: Application, request: AuthorizationRequest, provider: ProviderName, identity: Identity
    ) -> None:
        """A sign-in that renews a grant must prove the mailbox of that grant. Raises ReauthEmailInvalid."""
        if request.login_hint is None:
            return
        hinted = await self.db.read(grants.find_provider_email(app.id, provider, request.login_hint))
        if hinted is not None and mailbox_key(provider, identity.email) != mailbox_key(provider, hinted.email):
            raise ReauthEmailInvalid("You signed in to another account than the one that is to be reconnected.")


def _proof_owner(code: LoginCode) -> Owner:
    return Owner(code.application_id, "login", code.id, "proof")


def _write_proof(proof: Proof) -> bytes:
    return to_json(
        {
            "identity": asdict(proof.identity),
            "scope": proof.scope,
            "settings": dict(proof.settings),
            "secret": None if proof.secret is None else secret_members(proof.secret),
            "credential_id": proof.credential_id,
            "token_expires_at": proof.token_expires_at,
            "named": proof.named,
            "asked": proof.asked,
        }
    )


def _read_proof(sealed: bytes) -> Proof:
    row = from_json(sealed)
    secret = None if row["secret"] is None else read_secret(row["secret"])
    if not isinstance(secret, GrantSecret | NoSecret | None):
        raise SecretUnreadable(f"A proof cannot hold a secret of the kind {secret.kind}.")
    return Proof(
        identity=Identity(**row["identity"]),
        scope=tuple(row["scope"]),
        settings=row["settings"],
        secret=secret,
        credential_id=row["credential_id"],
        token_expires_at=row["token_expires_at"],
        named=tuple(row["named"]),
        asked=row.get("asked", 0),  # the release before wrote none
    )
