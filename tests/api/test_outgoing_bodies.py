"""Bodies with messages as clients send them: JSON, multipart of the SDKs, and what no client should send."""

import base64
import contextlib
import os

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic_core import to_json
from requests_toolbelt import MultipartEncoder

from opengrant.api.http.multipart import MOST_PARTS, read_multipart
from opengrant.api.http.request import Request
from opengrant.api.outgoing_bodies import read_outgoing
from opengrant.api.wire.outgoing import SendBody
from opengrant.errors import InvalidData, InvalidPayload

MESSAGE = {"to": [{"email": "bo@example.com"}], "subject": "Grüße", "body": "<p>Hi</p>"}


async def read(body, content_type="application/json"):
    request = Request(None, "r", {}, b"", headers=[(b"content-type", content_type.encode())], body=body)  # type: ignore[arg-type]
    return (await read_outgoing(request, SendBody))[1]


def encoded(**fields):
    encoder = MultipartEncoder(fields=fields)
    return encoder.to_string(), encoder.content_type


@pytest.mark.parametrize("message", [to_json(MESSAGE), ("", to_json(MESSAGE), "application/json")])
@pytest.mark.parametrize("name", ["message", "draft"])
async def test_the_json_of_a_multipart_body_is_known_by_the_name_of_its_part(message, name):
    content = os.urandom(400_000)
    letter = await read(*encoded(**{name: message, "file0": ("a.bin", content, "application/x-thing")}))
    assert (letter.subject, letter.to[0].email) == ("Grüße", "bo@example.com")
    (file,) = letter.files
    assert (file.filename, file.content_type, file.content) == ("a.bin", "application/x-thing", content)
    assert (file.content_id, file.is_inline) == (None, False)


async def test_another_name_of_a_part_is_the_content_id_of_an_inline_file():
    letter = await read(*encoded(message=to_json(MESSAGE), logo=("l.png", b"png", "image/png")))
    assert [(file.content_id, file.is_inline) for file in letter.files] == [("logo", True)]


@pytest.mark.parametrize("how", [base64.b64encode, base64.urlsafe_b64encode, base64.encodebytes])
async def test_base64_is_read_in_each_form_that_clients_write(how):
    content = bytes(range(256)) * 3 + b"x"
    sent = {**MESSAGE, "attachments": [{"filename": "a", "content": how(content).decode().rstrip("=\n")}]}
    (file,) = (await read(to_json(sent))).files
    assert file.content == content


@pytest.mark.parametrize(
    ("attached", "inline"),
    [
        ({"content_id": "x"}, True),
        ({"content_id": "x", "content_disposition": "attachment"}, False),
        ({"content_id": "x", "is_inline": False}, False),
        ({}, False),
    ],
)
async def test_a_file_with_a_content_id_is_inline_unless_it_says_otherwise(attached, inline):
    (file,) = (await read(to_json({**MESSAGE, "attachments": [{"content": "eA==", **attached}]}))).files
    assert file.is_inline is inline


@pytest.mark.parametrize(
    ("more", "named"),
    [
        ({"attachments": [{"filename": "a"}]}, "attachments.0.content"),
        ({"attachments": [{"content": "ä"}]}, "attachments.0.content"),
        ({"attachments": [{"content": "a" * 5}]}, "attachments.0.content"),
        ({"attachments": [{"id": "upload"}]}, "attachments.0.id"),
        ({"custom_headers": [{"name": "Bcc", "value": "x"}]}, "custom_headers"),
        ({"custom_headers": [{"name": "X-A", "value": "x\r\nBcc: eve@example.com"}]}, "custom_headers"),
        ({"tracking_options": {"opens": True}}, "tracking_options.opens"),
        ({"tracking_options": {"domain_name": "t.example.com"}}, "tracking_options.domain_name"),
        ({"template": {"id": "x"}}, "template"),
        ({"from": [{"email": "a@b.c"}, {"email": "d@e.f"}]}, "from"),
        ({"to": "bo@example.com"}, "to"),
    ],
)
async def test_what_cannot_be_done_is_named(more, named):
    with pytest.raises(InvalidData) as refused:
        await read(to_json({**MESSAGE, **more}))
    assert refused.value.message.startswith(f"{named}:")


@pytest.mark.parametrize(
    ("body", "content_type"),
    [
        (b"", "multipart/form-data"),
        (b"", "multipart/form-data; boundary=x"),
        (b"--x\r\n", "multipart/form-data; boundary=x"),
        (b"--x\r\n\r\nabc", "multipart/form-data; boundary=x"),
        (
            b"--x\r\nContent-Disposition: form-data; name=a\r\n\r\n\r\n--x\r\n" * (MOST_PARTS + 1),
            "multipart/x; boundary=x",
        ),
        (b"--x\r\n" + b"A: b\r\n" * 100 + b"\r\n\r\n--x--\r\n", "multipart/form-data; boundary=x"),
        (b"--x\r\nA: " + b"b" * 100_000 + b"\r\n\r\n\r\n--x--\r\n", "multipart/form-data; boundary=x"),
    ],
)
async def test_a_multipart_body_that_is_none_is_refused(body, content_type):
    with pytest.raises(InvalidPayload):
        await read(body, content_type)


async def test_a_multipart_body_without_its_json_is_refused():
    with pytest.raises(InvalidData):
        await read(*encoded(file0=("a", b"x", "text/plain")))


@given(st.binary(max_size=300), st.sampled_from(["x", "", "a b", "ä"]))
def test_no_bytes_fail_in_another_way(body, boundary):
    framed = b"--x\r\n" + body
    with contextlib.suppress(InvalidPayload):
        read_multipart(framed, f'multipart/form-data; boundary="{boundary}"')


@given(st.dictionaries(st.text("abcdefg[]0", min_size=1, max_size=9), st.binary(max_size=200), max_size=6))
def test_parts_come_out_as_they_went_in(parts):
    encoder = MultipartEncoder(
        fields={name: ("f.bin", content, "a/b") for name, content in parts.items()} or {"a": "b"}
    )
    found = read_multipart(encoder.to_string(), encoder.content_type)
    assert {part.name: part.content for part in found} == (parts or {"a": b"b"})
