"""The result of using an organisation's credential: a token for one mailbox, and the mailbox's identity."""

from dataclasses import dataclass

from pydantic import SecretStr

from opengrant.model import Identity, Micros


@dataclass(frozen=True, slots=True)
class Minted:
    """A proven mailbox. There is no refresh token: the next access token is minted the same way.

    identity    `email` is the address that was asked for, even where it is an alias of the directory's primary one
    expires_at  counted from before the request was sent
    scope       the requested scopes: these providers grant all of them or none
    """

    identity: Identity
    access_token: SecretStr
    expires_at: Micros
    scope: tuple[str, ...]
