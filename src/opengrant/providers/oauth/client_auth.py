"""Token requests that name the client in a header instead of the body (RFC 6749 section 2.3.1)."""

from base64 import b64encode
from collections.abc import Mapping
from dataclasses import replace
from urllib.parse import quote_plus

from pydantic import SecretStr

from opengrant.model import ClientApp
from opengrant.net.provider_http import Answer, Field, Http


async def token_form(http: Http, provider: str, url: str, client: ClientApp, fields: Mapping[str, Field]) -> Answer:
    """POST a form to a token endpoint as this client. Raises ProviderFailure when no whole answer came."""
    # Id and secret are form-encoded before they are joined, or a colon in the id would split the pair wrongly.
    pair = ":".join(quote_plus(part) for part in (client.client_id, client.client_secret.get_secret_value()))
    encoded = b64encode(pair.encode()).decode()
    headers = {"authorization": SecretStr(f"Basic {encoded}")}
    answer = await http.form(provider, "token", url, fields, headers=headers)
    # provider_http.py cannot see the secret in the header: it is added here, so that it is masked in answers.
    return replace(answer, secrets=(*answer.secrets, client.client_secret, SecretStr(encoded)))
