"""The live secret of a grant: sealed for its owner, opened as the record that it is."""

from pydantic import SecretStr

from opengrant.model import Grant, Sealed
from opengrant.model.secrets import GrantSecret, OAuthSecret, SecretUnreadable, decode, encode
from opengrant.vault import Owner, Vault


def owner_of(grant: Grant) -> Owner:
    return _owner(grant.application_id, grant.id)


def _owner(application_id: str, grant_id: str) -> Owner:
    return Owner(application_id, "grant", grant_id, "live")


def seal(vault: Vault, grant: Grant, secret: GrantSecret) -> Sealed:
    return vault.seal(encode(secret), owner_of(grant))


def unseal(vault: Vault, grant: Grant, sealed: Sealed) -> GrantSecret:
    """Raises Unsealable, SecretUnreadable."""
    return unseal_of(vault, grant.application_id, grant.id, sealed)


def unseal_of(vault: Vault, application_id: str, grant_id: str, sealed: Sealed) -> GrantSecret:
    """As `unseal`, for a grant by its id."""
    secret = decode(vault.open(sealed, _owner(application_id, grant_id)))
    if not isinstance(secret, GrantSecret):
        raise SecretUnreadable(f"A grant cannot live by a secret of the kind {secret.kind}.")
    return secret


def refresh_tokens(secret: GrantSecret) -> tuple[SecretStr, ...]:
    """The refresh tokens in it, the one in use first."""
    if not isinstance(secret, OAuthSecret):
        return ()
    held = (secret.refresh_token, secret.previous_refresh_token)
    return tuple(token for token in held if token is not None)
