"""What a provider answers: tokens, an identity, an accepted password."""

from dataclasses import dataclass, field

from pydantic import SecretStr

from opengrant.model.basics import Micros, ShownSettings, record
from opengrant.model.secrets import GrantSecret, NoSecret


@record
class Tokens:
    """A token endpoint's success.

    refresh_token  None when the provider sent none: keep the one that was spent
    expires_at     counted from before the request was sent, so that latency makes it earlier, never later
    scope          what was granted, spelled as the provider spells it; None when it did not say
    ends_at        when the refresh token ends whatever is done; None where the provider names no such time
    """

    access_token: SecretStr
    refresh_token: SecretStr | None
    expires_at: Micros
    scope: tuple[str, ...] | None
    id_token: SecretStr | None = None
    ends_at: Micros | None = None


@record
class Identity:
    """Whose mailbox it is.

    email    as the provider spells it; for virtual calendars the identifier
    subject  the provider's stable id for the account (Google `sub`, Microsoft `tid:oid`); None where there is none
    user_id  what the wire calls `provider_user_id`
    vouched  the provider knows that the address is its holder's, rather than a text that any user may enter
    """

    email: str
    subject: str | None = None
    user_id: str | None = None
    name: str | None = None
    vouched: bool = True


@dataclass(frozen=True, slots=True)
class Verified:
    """A password-like credential that its provider accepted.

    settings  what may be shown: hosts, ports, user names
    secret    what must be sealed; None when this proof says nothing about it, so that a stored one stays
    """

    identity: Identity
    settings: ShownSettings = field(default_factory=dict)
    secret: GrantSecret | NoSecret | None = field(default=None, repr=False)
