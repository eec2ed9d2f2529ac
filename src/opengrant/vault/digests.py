"""Keyed digests: they recognise a secret without storing it."""

import hashlib
from typing import Literal


class Digests:
    """BLAKE2b with a key of this installation and a label per use, so that digests of two uses differ."""

    def __init__(self, key: bytes) -> None:
        self._key = key

    def api_key(self, key: str) -> bytes:
        return self._digest("api key", key)

    def refresh_token(self, application_id: str, provider: str, token: str) -> str:
        """Hex, because it is also the owner id of a sealed row."""
        return self._digest(f"refresh token {application_id} {provider}", token).hex()

    def token(self, application_id: str, token: str) -> str:
        """Of an access or refresh token that this server issued; the token's prefix tells the kinds apart."""
        return self._digest(f"token {application_id}", token).hex()

    def feed(self, application_id: str, token: str) -> str:
        """Of the token in the address of a calendar's feed."""
        return self._digest(f"feed {application_id}", token).hex()

    def request(self, application_id: str, body: bytes) -> str:
        """Of a request's body, which may contain credentials."""
        return self._digest(f"request {application_id}", body.hex()).hex()

    def message_id(self, application_id: str, grant_id: str, idempotency_key: str) -> str:
        """For the Message-ID of a message that is sent under this key: a repeat has the same, and is found by it."""
        return self._digest(f"message id {application_id} {grant_id}", idempotency_key).hex()[:32]

    def login(self, use: str, secret: str) -> str:
        """Of a secret that a browser or a provider carries through a hosted sign-in."""
        return self._digest(f"login {use}", secret).hex()

    def owner_link(self, said: str) -> str:
        """Of what a link to a mailbox owner says."""
        return self._digest("owner link", said).hex()[:32]

    def console(self, use: Literal["session", "link"], secret: str) -> str:
        """Of a console session's cookie, or of the code in a link to the console."""
        return self._digest(f"console {use}", secret).hex()

    def login_code(self, application_id: str, code: str) -> str:
        return self._digest(f"login code {application_id}", code).hex()

    def _digest(self, label: str, secret: str) -> bytes:
        # HTTP cannot carry lone surrogates; one from elsewhere must not raise an error with the secret in it.
        labelled = label.encode() + b"\x00" + secret.encode(errors="surrogatepass")
        return hashlib.blake2b(labelled, key=self._key, digest_size=32).digest()
