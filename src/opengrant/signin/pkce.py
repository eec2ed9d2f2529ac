"""PKCE (RFC 7636): the client that redeems a code proves that it started the sign-in."""

import base64
import hashlib
import hmac


def verifies(method: str | None, challenge: str, verifier: str) -> bool:
    """Whether `challenge` was made from `verifier`.

    method  `plain` or `S256` in any case (the SDKs send `s256`); None and empty mean `plain`. Any other fails.

    For S256 three spellings of the digest are in use; each is accepted:

        base64(hex(sha256(v)))    without padding: all official SDKs, which hash to text first
        base64url(sha256(v))      without padding: RFC 7636
        hex(sha256(v))            the published example

    There is no minimum length: the SDKs' verifiers are UUIDs, which are shorter than the RFC's minimum. An empty
    challenge or verifier fails.
    """
    if not challenge or not verifier:
        return False
    match (method or "plain").lower():
        case "plain":
            return _same(challenge, verifier)
        case "s256":
            # All three are always compared, so that the time does not depend on the match.
            return sum(_same(challenge, form) for form in _digests(verifier)) > 0
        case _:
            return False


def _digests(verifier: str) -> tuple[str, str, str]:
    digest = hashlib.sha256(verifier.encode(errors="surrogatepass"))
    of_text = base64.b64encode(digest.hexdigest().encode()).decode().rstrip("=")
    of_bytes = base64.urlsafe_b64encode(digest.digest()).decode().rstrip("=")
    return of_text, of_bytes, digest.hexdigest()


def _same(left: str, right: str) -> bool:
    # As bytes: compare_digest refuses text beyond ASCII, which a verifier may contain.
    return hmac.compare_digest(left.encode(errors="surrogatepass"), right.encode(errors="surrogatepass"))
