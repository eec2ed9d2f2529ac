"""NTLM and Negotiate, by pyspnego. Imported when a server asks for it: the library takes 10 MB and 50 ms of a start."""

import asyncio
import ssl

import spnego
from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes
from pydantic import SecretStr
from spnego.channel_bindings import GssChannelBindings
from spnego.exceptions import SpnegoError


class NtlmLogin:
    """One login at one server, bound to the certificate of its connection.

    scheme  ntlm or negotiate
    Raises  ValueError, here and in `step`: the server's answer cannot be read.
    """

    def __init__(
        self, username: str, password: SecretStr, *, host: str, scheme: str, transport: asyncio.Transport | None
    ) -> None:
        try:
            self._client = spnego.client(
                username,
                password.get_secret_value(),
                hostname=host,
                service="http",
                protocol=scheme,
                options=spnego.NegotiateOptions.use_ntlm,  # Kerberos tickets of this machine are not the user's
                channel_bindings=_channel_bindings(transport),
            )
        except SpnegoError as problem:
            raise ValueError(type(problem).__name__) from None

    def step(self, token: bytes | None = None) -> bytes:
        """The next token for the server."""
        try:
            return self._client.step(token) or b""
        except SpnegoError as problem:
            raise ValueError(type(problem).__name__) from None


def _channel_bindings(transport: asyncio.Transport | None) -> GssChannelBindings | None:
    """`tls-server-end-point`: binds the login to the server's certificate, as Extended Protection requires."""
    tls = transport.get_extra_info("ssl_object") if transport is not None else None
    der = tls.getpeercert(binary_form=True) if isinstance(tls, ssl.SSLObject) else None
    if der is None:
        return None
    certificate = x509.load_der_x509_certificate(der)
    try:
        algorithm = certificate.signature_hash_algorithm
    except UnsupportedAlgorithm:
        algorithm = None
    if algorithm is None or isinstance(algorithm, (hashes.MD5, hashes.SHA1)):
        algorithm = hashes.SHA256()
    return GssChannelBindings(application_data=b"tls-server-end-point:" + certificate.fingerprint(algorithm))
