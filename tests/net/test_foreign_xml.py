"""XML of other servers: read as defusedxml reads it, without document types."""

import contextlib

import pytest
from defusedxml import ElementTree
from defusedxml.common import DefusedXmlException
from hypothesis import given
from hypothesis import strategies as st

from opengrant.net.foreign_xml import BadXml, read_xml

DOCTYPES = (
    '<!DOCTYPE a [<!ENTITY b "c">]><a>&b;</a>',
    '<!DOCTYPE a [<!ENTITY b "bbbb"><!ENTITY c "&b;&b;&b;&b;"><!ENTITY d "&c;&c;&c;&c;">]><a>&d;</a>',
    '<!DOCTYPE a [<!ENTITY b SYSTEM "file:///etc/hostname">]><a>&b;</a>',
    '<!DOCTYPE a SYSTEM "http://127.0.0.1:9/a.dtd"><a/>',
    '<!DOCTYPE a [<!ENTITY % b SYSTEM "file:///etc/hostname">%b;]><a/>',
    "<!DOCTYPE a><a/>",
)


@pytest.mark.parametrize("encoding", ["utf-8", "utf-16", "latin-1"])
@pytest.mark.parametrize("document", DOCTYPES)
def test_a_document_type_is_refused_in_any_encoding(document, encoding):
    with pytest.raises(BadXml):
        read_xml(f'<?xml version="1.0" encoding="{encoding}"?>{document}'.encode(encoding))


@pytest.mark.parametrize(
    "document", [b"", b"<a>", b"<a>&b;</a>", b'<?xml version="1.0" encoding="none"?><a/>', b"\xff"]
)
def test_what_is_no_xml_is_refused(document):
    with pytest.raises(BadXml):
        read_xml(document)


def test_deep_nesting_is_read_and_freed():
    depth = 100_000
    assert sum(1 for _ in read_xml(b"<a>" * depth + b"</a>" * depth).iter()) == depth


_name = st.sampled_from(["a", "b", "x:a"])
_document = st.recursive(
    st.text("xyz &<>\"'é;", max_size=8),
    lambda inner: st.builds(
        lambda name, value, parts: f"<{name} k='{value}'>{''.join(parts)}</{name}>",
        _name,
        st.text("xyz&", max_size=4),
        st.lists(inner, max_size=3),
    ),
    max_leaves=8,
).map(lambda text: f"<r xmlns:x='urn:x'>{text}</r>".encode())


@given(st.one_of(_document, st.binary(max_size=60)))
def test_a_document_means_to_us_what_it_means_to_defusedxml(document):
    ours = theirs = None
    with contextlib.suppress(BadXml):
        ours = [(one.tag, one.attrib, one.text, one.tail) for one in read_xml(document).iter()]
    with contextlib.suppress(ElementTree.ParseError, DefusedXmlException, ValueError, LookupError):
        root = ElementTree.fromstring(document, forbid_dtd=True)
        theirs = [(one.tag, one.attrib, one.text, one.tail) for one in root.iter()]
    assert ours == theirs
