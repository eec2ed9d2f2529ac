"""The examples of the RFCs, read as Python's own parser reads them."""

import email
from email import policy
from email.message import EmailMessage

import pytest

from opengrant.mail.mime import headers
from opengrant.mail.mime.addresses import addresses
from opengrant.mail.mime.index import index
from opengrant.mail.mime.text import body, texts
from tests.mail.mime.rfcs import RFCS

UTF8 = "6532 in UTF-8"
"""Python leaves the bytes of such a header as they are."""


@pytest.mark.parametrize("name", [name for name in RFCS if name != UTF8])
def test_as_python_reads_it(name: str) -> None:
    raw = RFCS[name]
    ours, theirs = index(raw), email.message_from_bytes(raw, policy=policy.default)
    assert isinstance(theirs, EmailMessage)
    assert headers.text(ours.headers.first("subject") or "") == str(theirs["subject"] or "")
    for field in ("from", "to", "cc"):
        said = theirs[field]
        known = [] if said is None else [(one.addr_spec, one.display_name) for one in said.addresses]
        found = [(one.email, one.name) for one in addresses(ours.headers.every(field))]
        assert [email for email, _ in found] == [email for email, _ in known], field
        assert [name for _, name in found] == [name for _, name in known], field
    part, preferred = texts(ours.root).shown, theirs.get_body(preferencelist=("html", "plain"))
    if preferred is None or part is None:
        assert part is preferred
    else:
        content = body(part, raw[slice(*ours.bodies[part.number])]).content
        assert content.split() == preferred.get_content().split()
    names = [one.get_filename() for one in theirs.walk() if not one.is_multipart() and one.get_filename()]
    assert [one.filename for one in ours.root.leaves() if one.filename] == names


def test_a_header_in_utf_8() -> None:
    found = index(RFCS[UTF8])
    assert headers.text(found.headers.first("subject") or "") == "Grüße, без слов"
    assert [(one.email, one.name) for one in addresses(found.headers.every("from"))] == [("jörg@exämple.com", "Jörg")]
    assert [one.name for one in addresses(found.headers.every("to"))] == ["日本"]
