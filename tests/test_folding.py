"""How addresses are compared: nothing raises, whatever a stranger sends."""

import pytest

from opengrant.model import fold, foldings

HOSTILE = [
    "",
    "@",
    "a@",
    "@\u00fc",
    "a@\ud800.example",
    "a@\u00fc\x00.example",
    "a@" + "\u00fc" * 10**6,
    "a@" + "\u00fc." * 120,
    "a@xn--",
    "a@xn--\u00fc",
    "a@xn--a.xn--b.xn--zzzzzzzzzzzzzzzzzz",
    "a@" + "xn--." * 50,
    "a@\u200d\u00fc.example",
    "a@\u3002\uff0e",
    "\u0130@\u0130.example",
]


@pytest.mark.parametrize("text", HOSTILE, ids=range(len(HOSTILE)))
def test_any_text_has_a_folding_that_folds_to_itself(text: str) -> None:
    assert foldings(text)[0] == fold(text)
    assert fold(fold(text)) == fold(text)


def test_only_a_domain_beyond_ascii_has_more_than_one() -> None:
    assert foldings("Ann@Corp.example") == ("ann@corp.example",)
    spellings = {"ann@xn--bcher-kva.example", "ann@b\u00fccher.example"}
    assert set(foldings("ann@B\u00fccher.example")) == set(foldings("ann@xn--bcher-kva.example")) == spellings
