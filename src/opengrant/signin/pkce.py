"""PKCE: whoever redeems a code shows that they are the one who asked for it (RFC 7636)."""

import base64
import hashlib
import hmac


def verifies(method: str | None, challenge: str, verifier: str) -> bool:
    """Whether `verifier` is what `challenge` was made of.

    method  `plain` or `S256` in any case (the SDKs send `s256`); None and empty mean `plain`. Another verifies nothing.

    For S256 three spellings of the digest are in use, and each is accepted:

        base64(hex(sha256(v)))    without padding: all official SDKs, which hash to text first
        base64url(sha256(v))      without padding: RFC 7636
        hex(sha256(v))            the published example

    No shortest length: the SDKs' verifiers are UUIDs, shorter than the RFC wants. An empty challenge or verifier
    proves nothing.
    """
    if not challenge or not verifier:
        return False
    match (method or "plain").lower():
        case "plain":
            return _same(challenge, verifier)
        case "s256":
            # All three are compared, whichever fits: the time tells nothing.
            return sum(_same(challenge, form) for form in _digests(verifier)) > 0
        case _:
            return False


def _digests(verifier: str) -> tuple[str, str, str]:
    digest = hashlib.sha256(verifier.encode(errors="surrogatepass"))
    of_text = base64.b64encode(digest.hexdigest().encode()).decode().rstrip("=")
    of_bytes = base64.urlsafe_b64encode(digest.digest()).decode().rstrip("=")
    return of_text, of_bytes, digest.hexdigest()


def _same(left: str, right: str) -> bool:
    # As bytes: text beyond ASCII cannot be compared in constant time, and is a verifier all the same.
    return hmac.compare_digest(left.encode(errors="surrogatepass"), right.encode(errors="surrogatepass"))
