"""What a provider accepted: the result of a verification, before it is a grant."""

from dataclasses import field

from opengrant.model import Grant, GrantSecret, Identity, Micros, NoSecret
from opengrant.model.basics import ShownSettings, record

HOSTS = ("imap_host", "smtp_host", "ews_host")
"""Settings by which a request names a server."""


@record
class Proof:
    """An account, what may be shown of it, and the secret as in Verified.

    scope    granted scopes, as the wire spells them
    spent    digests of the refresh tokens that led to `secret`
    named    which hosts of `settings` the caller named, rather than the address's own domain
    asked    the number of the verification, which rises with each that begins; 0: not known
    missing  which of the requested scopes were not granted, as the provider says
    """

    identity: Identity
    scope: tuple[str, ...]
    settings: ShownSettings
    secret: GrantSecret | NoSecret | None = field(repr=False)
    credential_id: str | None = None
    token_expires_at: Micros | None = None
    spent: tuple[str, ...] = ()
    named: tuple[str, ...] = ()
    asked: int = 0
    missing: tuple[str, ...] = ()

    def vouched(self, *, hosted: bool, renews: Grant | None = None) -> bool:
        """Whether the address is proven, rather than claimed by a foreign tenant or by a server that a user named.

        An API caller who names a server is trusted with it. A server that a vouched grant has already is no claim.
        """
        if not self.identity.vouched:
            return False
        return not (hosted and self.named) or (renews is not None and renews.vouched)
