"""net/masking.py: secrets in what remotes say."""

import pytest

from opengrant.net.masking import Mask


@pytest.mark.parametrize(
    ("said", "shown"),
    [
        ("abcdefgh-password1 is wrong", "*** is wrong"),
        ("abcdefgh is wrong", "*** is wrong"),
        ("it began with abcdefgh-pas…", "it began with ***…"),
        ("xfgh-passwordx", "x***x"),
        ("abcdefg", "abcdefg"),  # seven characters
        ("abcdefgh and password1", "*** and ***"),
        ("Wrong password.", "Wrong password."),  # a word that servers say, and that the secret happens to hold
        ("", ""),
    ],
)
def test_a_part_of_eight_characters_is_masked(said: str, shown: str) -> None:
    assert Mask(["abcdefgh-password1"]).over(said) == shown


def test_a_secret_of_words_leaves_sentences_readable() -> None:
    """Or the words that a refusal is judged by would be gone."""
    mask = Mask(["correct horse battery"])
    assert mask.over("Incorrect username or password") == "Incorrect username or password"
    assert mask.over("It began with correct horse bat…") == "It began with ***…"
    assert mask.over("correct horse battery is wrong") == "*** is wrong"


def test_a_short_secret_is_masked_as_a_whole() -> None:
    mask = Mask(["sesame", ""])
    assert mask.over("Open sesame, open sesam!") == "Open ***, open sesam!"
    assert (mask.shows("sesame"), mask.shows("sesam")) == (True, False)
