"""The sentences of the pages: every language has all of them, and a reader gets the best there is."""

import re
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path
from typing import get_args

import pytest

from opengrant import pages
from opengrant.pages import languages
from opengrant.pages.app_passwords import SERVICES
from opengrant.pages.refusals import KINDS, REASONS
from opengrant.providers.facts import Ability
from opengrant.providers.registry import FACTS
from tests.pages.gallery import PAGES

PACKAGE = Path(pages.__file__).parent
LANGUAGES = ["de", "en", "es", "fr", "it", "ja", "pt"]
ENGLISH = languages.words("en").sentences
SAME_AS_ENGLISH = 22
"""Characters; longer sentences are not the same in two languages, unless they were forgotten."""


def placeholders(sentence: str) -> list[str]:
    return sorted(re.findall(r"\{(\w+)\}", sentence))


def used() -> set[str]:
    """Names of sentences that the templates and the code call for."""
    sources = [*PACKAGE.rglob("*.html"), *PACKAGE.glob("*.py"), PACKAGE.parent / "api/hosted_words.py"]
    sources += [PACKAGE.parent / "api/hosted.py"]
    texts = [source.read_text() for source in sources]
    tables = "|".join({name.partition(".")[0] for name in ENGLISH})
    found = {name for text in texts for name in re.findall(rf"[\"']((?:{tables})\.(?!html)[a-z_]+[a-z])[\"']", text)}
    found |= {f"reason.{name}" for name in (*REASONS, *KINDS, "wait", "admin", "elsewhere")}
    found |= {"reason_smtp.password_refused", "reason_smtp.server_unavailable", "reason_ews.password_refused"}
    for provider in pages.OFFERED:
        found |= {f"provider.{provider.value}", f"provider.{provider.value}_also"}
        if (form := FACTS[provider].form) is not None:
            found |= {f"{table}_{provider.value}" for table in ("login.heading", "login.lead")}
            found |= {f"login.{field}" for field in form.fields} | {f"may.{provider.value}"}
            found |= {f"reason_{provider.value}.{reason}" for reason in form.reasons}
    found |= {f"may.{ability}" for ability in get_args(Ability)}
    for service in SERVICES:
        found |= {f"help.{service.key}", *(f"help.{service.key}_{step + 1}" for step in range(service.steps))}
    return found


def test_these_are_the_languages() -> None:
    assert sorted(languages.tags()) == LANGUAGES


def test_each_sentence_is_used_and_none_is_missing() -> None:
    assert used() == ENGLISH.keys()


@pytest.mark.parametrize("tag", LANGUAGES)
def test_a_language_has_every_sentence_with_its_placeholders(tag: str) -> None:
    sentences = languages.words(tag).sentences
    assert list(sentences) == list(ENGLISH), "the same names, in the order of the English file"
    for name, sentence in sentences.items():
        assert placeholders(sentence) == placeholders(ENGLISH[name]), name
        assert sentence.strip() == sentence != "", name
    if tag != "en":
        same = [name for name, text in sentences.items() if text == ENGLISH[name] and len(text) > SAME_AS_ENGLISH]
        assert set(same) <= {"provider.google_also"}


class _Visible(HTMLParser):
    """The texts of a template's elements and of the attributes that are read out."""

    def __init__(self, template: str) -> None:
        super().__init__()
        self.texts: list[str] = []
        self.feed(re.sub(r"\{#.*?#\}|\{%.*?%\}|\{\{.*?\}\}", "", template, flags=re.DOTALL))

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        read = ("aria-label", "title", "alt", "placeholder", "data-busy", "data-still", "data-title")
        self.texts += [value or "" for name, value in attrs if name in read]

    def handle_data(self, data: str) -> None:
        self.texts.append(data)


@pytest.mark.parametrize("template", sorted(PACKAGE.rglob("*.html"), key=lambda path: path.name), ids=lambda p: p.name)
def test_no_template_has_a_sentence_of_its_own(template: Path) -> None:
    if template.parent.name == "templates":
        assert re.findall("[A-Za-z]+", " ".join(_Visible(template.read_text()).texts)) == []


@pytest.mark.parametrize("tag", LANGUAGES)
def test_a_page_is_in_one_language_and_says_which(tag: str) -> None:
    for name in ("choice", "imap-address", "imap", "ews", "icloud"):
        document = pages.render(replace(PAGES[name], words=languages.words(tag))).decode()
        assert f'<html lang="{tag}" dir="ltr">' in document
        if tag != "en":
            sentences = [text for text in ENGLISH.values() if len(text) > SAME_AS_ENGLISH and "{" not in text]
            assert [
                text for text in sentences if f">{text}<" in document and text != ENGLISH["provider.google_also"]
            ] == []


@pytest.mark.parametrize(
    ("header", "tag"),
    [
        ("", "en"),
        ("de", "de"),
        ("de-AT,de;q=0.9,en;q=0.8", "de"),
        ("pt-PT", "pt"),
        ("JA-jp", "ja"),
        ("nl,fr;q=0.5,es;q=0.7", "es"),
        ("fr;q=0.7, it;q=0.7", "fr"),
        ("nl, sv", "en"),
        ("de;q=0, fr;q=0.1", "fr"),
        ("*, de;q=0.5", "en"),
        ("de;q=high, it", "it"),
        ("de;q=2, it", "it"),
        ("de;q=nan, it", "it"),
        (";;;q=,,=;", "en"),
        ("xx," * 5000 + "de", "en"),
        ("zh-Hant;q=0.9, es-419 ; q=0.8", "es"),
    ],
)
def test_the_browser_says_which_language(header: str, tag: str) -> None:
    assert pages.preferred(header).tag == tag
