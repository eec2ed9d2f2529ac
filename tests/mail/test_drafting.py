"""What is read back from a draft is what was written into it."""

import asyncio

import pytest
from hypothesis import given
from hypothesis import strategies as st

from opengrant.errors import InvalidData
from opengrant.mail import drafting
from opengrant.mail.mime.compose import File
from opengrant.mail.outgoing import Letter, new_id
from opengrant.model.mail import Address
from tests.mail.mime.corpus import BADLY, WELL

CORPUS = {**WELL, **BADLY}
OWN = Address("ann@example.com", "Ann")
REFERENCES = ("<1@example.com>", "<2@example.com>")

_line = st.text(st.characters(codec="utf-8", exclude_categories=("Cc", "Cs", "Zl", "Zp", "Zs")), max_size=40)
_words = st.lists(_line.filter(bool), max_size=4).map(" ".join)
_address = st.builds(Address, st.sampled_from(["a@example.com", "b.c@example.org"]), _words)
_addresses = st.lists(_address, max_size=3).map(tuple)
_file = st.builds(
    File,
    st.none() | _words.filter(bool),
    st.sampled_from(["application/pdf", "image/png", "text/csv"]),
    st.binary(max_size=200),
    st.none() | st.just("one@example.com"),
    st.just(False),
)
_inline = st.builds(File, st.just("i.png"), st.just("image/png"), st.binary(), st.just("cid-1"), st.just(True))
letters = st.builds(
    Letter,
    sender=_address,
    to=_addresses,
    cc=_addresses,
    bcc=_addresses,
    reply_to=_addresses,
    subject=_words,
    body=st.lists(_line, max_size=5).map("\r\n".join),
    is_html=st.booleans(),
    files=st.lists(_file, max_size=2).map(tuple),
    headers=st.lists(st.tuples(st.sampled_from(["X-A", "X-B"]), _words), max_size=3).map(tuple),
)


def written(letter, references=()):
    return asyncio.run(drafting.written(letter, own=OWN, message_id="<d@example.com>", date=1, references=references))


@given(letters, st.lists(_inline, max_size=1), st.booleans())
def test_a_draft_is_read_as_it_was_written(letter, inline, answers):
    if letter.is_html:
        letter = drafting.merged(drafting.Draft(letter), Letter(files=(*inline, *letter.files)), frozenset({"files"}))
    references = REFERENCES if answers else ()
    found = drafting.read(written(letter, references))
    assert found == drafting.Draft(letter, references)
    assert written(found.letter, references).count(b"\r\n") == written(letter, references).count(b"\r\n")


def test_only_what_is_given_changes():
    letter = Letter(subject="Old", body="<p>Old</p>", files=(File("a.pdf", "application/pdf", b"%PDF"),))
    draft = drafting.read(written(letter))
    changed = drafting.merged(draft, Letter(subject="New"), frozenset({"subject", "to"}))
    assert (changed.subject, changed.to, changed.body, changed.files) == ("New", (), "<p>Old</p>", letter.files)


@pytest.mark.parametrize("name", sorted(CORPUS))
def test_any_message_can_be_read_as_a_draft(name):
    found = drafting.read(CORPUS[name])
    try:
        again = drafting.read(written(found.letter, found.references))
    except InvalidData:
        return  # an entry that is no address
    assert [file.content for file in again.letter.files] == [file.content for file in found.letter.files]
    assert again.letter.subject == found.letter.subject
    assert again.letter.body.split() == found.letter.body.split()


@pytest.mark.parametrize(
    ("email", "domain"),
    [
        *(("a@example.com", "example.com"), ("a@exämple.com", "xn--exmple-cua.com")),
        *(("dora", "localhost"), ("a@[::1]", "localhost")),
    ],
)
def test_a_message_id_has_the_domain_of_its_sender(email, domain):
    found = new_id(email)
    assert found.endswith(f"@{domain}>")
    assert found != new_id(email)
