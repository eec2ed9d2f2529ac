"""Having a client accepted with a refresh token that nobody has.

Source  RFC 6749 section 6: a token endpoint authenticates the client, then looks at the token. A client that is told
that the token is no good has been accepted.
"""

import secrets

from pydantic import SecretStr

from opengrant.errors import ProviderFailure
from opengrant.model import ClientApp
from opengrant.providers.base import Refreshes
from opengrant.providers.classify import classify
from opengrant.providers.verdict import Kind


async def have_token_refused(provider: Refreshes, client: ClientApp) -> None:
    """Raises ProviderFailure when anything but the token was refused, or nobody could be asked."""
    made_up = SecretStr(f"opengrant-connector-test-{secrets.token_urlsafe(24)}")
    try:
        await provider.refresh(client, made_up)
    except ProviderFailure as failure:
        if classify(failure.evidence).kind is not Kind.RECONNECT:
            raise
