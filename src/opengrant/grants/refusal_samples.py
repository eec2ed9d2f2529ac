"""Refusals of providers at connect as callers meet them, for /openapi.json.

The answers of the providers are samples. They are judged and worded by the code that judges and words real ones.
"""

from opengrant.errors import Evidence, OpenGrantError
from opengrant.grants.refusals import Means, at_connect
from opengrant.model import ProviderName
from opengrant.providers.classify import classify

_REFUSED_TOKEN = {"error": "invalid_grant", "error_description": "Token has been expired or revoked."}
_REFUSED_CLIENT = {"error": "invalid_client", "error_description": "The provided client secret is invalid."}


def at_connect_samples() -> dict[type[OpenGrantError], OpenGrantError]:
    """One for each kind of error, as (error, example)."""
    token = _token(400, _REFUSED_TOKEN)
    client = _token(401, _REFUSED_CLIENT)
    password = Evidence(
        "imap", "imap", "auth", code="AUTHENTICATIONFAILED", text="Invalid credentials.", host="imap.example.com"
    )
    found = (
        _judged(token, ProviderName.GOOGLE, "token"),
        _judged(client, ProviderName.GOOGLE, "token"),
        _judged(password, ProviderName.IMAP, "password"),
    )
    return {type(error): error for error in found}


def _token(status: int, body: dict[str, str]) -> Evidence:
    """The answer of Google's token endpoint."""
    return Evidence(
        "google",
        "token",
        "http",
        status=status,
        code=body["error"],
        text=body["error_description"],
        body=body,
        is_json=True,
    )


def _judged(evidence: Evidence, provider: ProviderName, means: Means) -> OpenGrantError:
    return at_connect(evidence, classify(evidence), provider=provider, means=means)
