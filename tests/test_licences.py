"""What is shipped may be used with Apache-2.0: no package is under a copyleft licence.

That is the packages of requirements/otel.txt, which the image has, and those in the pages.
"""

import re
from importlib.metadata import distribution, metadata
from pathlib import Path

import pytest
from packaging.requirements import Requirement

ROOT = Path(__file__).parent.parent
SHIPPED = ROOT / "requirements" / "otel.txt"
IN_PAGES = ROOT / "src/opengrant/pages/built/licences.txt"

PERMISSIVE = re.compile(
    r"\b(MIT|BSD|Apache|ISC|PSF|Python Software Foundation|MPL|Unlicense|0BSD|Zlib|CC0)\b|MIT-CMU|Mozilla",
    re.IGNORECASE,
)
"""MPL is copyleft for its own files alone, which are not changed here."""
COPYLEFT = re.compile(r"\b(A?GPL|LGPL|General Public|EUPL|CDDL|SSPL|BUSL|Business Source)", re.IGNORECASE)


def shipped() -> list[str]:
    """Those for this version of Python and this system."""
    lines = re.findall(r"^([a-z0-9._-]+==[^\\\n]+)", SHIPPED.read_text(), re.MULTILINE)
    wanted = [Requirement(line.strip()) for line in lines]
    found = [one.name for one in wanted if one.marker is None or one.marker.evaluate()]
    assert len(found) > 20
    return sorted(found)


def licence(package: str) -> str:
    """Everything that the package says of its licence."""
    told = metadata(package)
    classifiers = [one for one in told.get_all("Classifier", []) if one.startswith("License")]
    texts = [
        file.read_text()[:200]
        for file in distribution(package).files or ()
        if file.name.upper().startswith(("LICENSE", "LICENCE", "COPYING")) and "dist-info" in str(file)
    ]
    said = [told.get("License-Expression") or "", (told.get("License") or "")[:200], *classifiers]
    return " / ".join(said if any(said) else texts)


@pytest.mark.parametrize("package", shipped())
def test_a_package_that_is_shipped_has_a_licence_that_allows_it(package: str) -> None:
    told = licence(package)
    either = " OR " in told
    assert PERMISSIVE.search(told), f"{package}: {told!r}"
    assert either or not COPYLEFT.search(told), f"{package}: {told!r}"


def test_the_pages_come_with_the_licences_of_their_packages() -> None:
    """The build writes down what it took from which package."""
    text = IN_PAGES.read_text()
    packages = re.findall(r"^## (\S+) - \S+ \((.+)\)$", text, re.MULTILINE)
    assert {"preact", "@codemirror/view", "uplot"} <= {name for name, _ in packages}
    assert len(packages) == len(re.findall(r"^## ", text, re.MULTILINE))
    for name, told in packages:
        assert PERMISSIVE.search(told), f"{name}: {told}"
        assert " OR " in told or not COPYLEFT.search(told), f"{name}: {told}"


def test_the_oracle_of_the_tests_is_one_that_would_be_refused() -> None:
    """So the check can fail."""
    assert COPYLEFT.search(licence("recurring-ical-events"))
    assert "recurring-ical-events" not in shipped()
