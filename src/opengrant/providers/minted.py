"""What the bulk providers make of an organisation's credential: a token for one mailbox, and whose it is."""

from dataclasses import dataclass

from pydantic import SecretStr

from opengrant.model import Identity, Micros


@dataclass(frozen=True, slots=True)
class Minted:
    """A proven mailbox. There is no refresh token: the next access token is minted the same way.

    identity    `email` is the address that was asked for, even where it is an alias of the directory's primary one
    expires_at  counted from before the request was sent
    scope       what was asked for, and so granted: these providers grant all of it or nothing
    """

    identity: Identity
    access_token: SecretStr
    expires_at: Micros
    scope: tuple[str, ...]
