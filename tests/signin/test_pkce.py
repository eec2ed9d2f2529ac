"""PKCE: which verifier fits which challenge."""

import base64
import hashlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from opengrant.signin.pkce import verifies

VERIFIERS = st.text(st.characters(exclude_categories=[]), min_size=1, max_size=200)
S256 = st.sampled_from(["S256", "s256"])
PLAIN = st.sampled_from(["plain", "PLAIN", "Plain", "", None])

OF_SDKS = "ZTk2YmY2Njg2YTNjMzUxMGU5ZTkyN2RiNzA2OWNiMWNiYTliOTliMDIyZjQ5NDgzYTZjZTMyNzA4MDllNjhhMg"
OF_THE_EXAMPLE = "e96bf6686a3c3510e9e927db7069cb1cba9b99b022f49483a6ce3270809e68a2"
OF_THE_RFC = base64.urlsafe_b64encode(bytes.fromhex(OF_THE_EXAMPLE)).decode().rstrip("=")


def of_sdks(verifier: str) -> str:
    hexed = hashlib.sha256(verifier.encode(errors="surrogatepass")).hexdigest()
    return base64.b64encode(hexed.encode()).decode().rstrip("=")


def of_the_rfc(verifier: str) -> str:
    digest = hashlib.sha256(verifier.encode(errors="surrogatepass")).digest()
    return base64.urlsafe_b64encode(digest).decode().rstrip("=")


@pytest.mark.parametrize("challenge", [OF_SDKS, OF_THE_EXAMPLE, OF_THE_RFC])
@pytest.mark.parametrize("method", ["S256", "s256"])
def test_each_spelling_of_the_published_digest_fits(challenge: str, method: str) -> None:
    assert verifies(method, challenge, "nylas")
    assert not verifies(method, challenge, "Nylas")


def test_the_rfcs_own_example_fits() -> None:
    challenge = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"
    assert verifies("S256", challenge, "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk")


@given(method=S256, verifier=VERIFIERS)
def test_what_was_made_of_a_verifier_fits_it(method: str, verifier: str) -> None:
    assert verifies(method, of_sdks(verifier), verifier)
    assert verifies(method, of_the_rfc(verifier), verifier)


@given(method=S256, verifier=VERIFIERS, other=VERIFIERS)
def test_what_was_made_of_another_does_not(method: str, verifier: str, other: str) -> None:
    assert verifies(method, of_sdks(verifier), other) == (verifier == other)


@given(method=PLAIN, verifier=VERIFIERS, other=VERIFIERS)
def test_plain_is_the_same_text_and_what_is_meant_without_a_method(
    method: str | None, verifier: str, other: str
) -> None:
    assert verifies(method, verifier, other) == (verifier == other)


@given(verifier=VERIFIERS)
def test_a_digest_is_no_plain_challenge_and_a_verifier_no_digest(verifier: str) -> None:
    assert not verifies("plain", of_the_rfc(verifier), verifier)
    assert not verifies("S256", verifier, verifier)


@given(method=st.one_of(S256, PLAIN), text=VERIFIERS)
def test_nothing_proves_nothing(method: str | None, text: str) -> None:
    assert not verifies(method, "", "")
    assert not verifies(method, text, "")
    assert not verifies(method, "", text)


@given(method=st.text(min_size=1).filter(lambda text: text.lower() not in {"plain", "s256"}), verifier=VERIFIERS)
def test_an_unknown_method_verifies_nothing(method: str, verifier: str) -> None:
    assert not any(verifies(method, form, verifier) for form in (verifier, of_sdks(verifier), of_the_rfc(verifier)))
