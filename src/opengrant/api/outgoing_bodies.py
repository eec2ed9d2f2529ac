"""Reads bodies with messages: JSON, or multipart with files beside it."""

import asyncio
import hashlib
from typing import TypeVar

from opengrant.api.http import data_plane
from opengrant.api.http.decoding import read_json
from opengrant.api.http.multipart import Part, is_multipart, read_multipart
from opengrant.api.http.request import Request
from opengrant.api.http.route_table import MultipartBody
from opengrant.api.wire.outgoing import LARGEST, OutgoingBody, file_of
from opengrant.errors import InvalidData
from opengrant.mail.mime import LOOP_LIMIT
from opengrant.mail.mime.compose import File
from opengrant.mail.outgoing import Letter

MULTIPART = MultipartBody("message", LARGEST)
"""For the routes that read such bodies."""
_JSON_PARTS = frozenset({"message", "draft"})

B = TypeVar("B", bound=OutgoingBody)


async def read_outgoing(request: Request, shape: type[B]) -> tuple[B, Letter]:
    """The body, and what it asks for with its files. Raises InvalidPayload, InvalidData."""
    if len(request.body) > LOOP_LIMIT:
        return await asyncio.to_thread(_read, request, shape)
    return _read(request, shape)


def _read(request: Request, shape: type[B]) -> tuple[B, Letter]:
    kind = request.header(b"content-type") or ""
    if not is_multipart(kind):
        body = data_plane.read(request, shape)
        return body, body.to_model()
    parts = read_multipart(request.body, kind)
    # Python's SDK sends the JSON with filename="", Node's without one: only the name of the part tells.
    said = next((part for part in parts if part.name in _JSON_PARTS), None)
    if said is None:
        raise InvalidData("message: a multipart body has a part of this name, which holds the JSON.")
    body = data_plane.check(shape, read_json(said.content))
    return body, body.to_model([_file(part) for part in parts if part is not said])


def _file(part: Part) -> File:
    return file_of(part.name, part.filename, part.content_type, part.content)


async def read_mime(request: Request) -> bytes:
    """The message of a body that holds one: the part `mime`, a field or a file. Raises InvalidPayload, InvalidData."""
    kind = request.header(b"content-type") or ""
    if kind.strip().lower().startswith("message/rfc822"):
        return request.body
    parts = await asyncio.to_thread(read_multipart, request.body, kind) if is_multipart(kind) else []
    said = next((part for part in parts if part.name == "mime"), None)
    if said is None:
        raise InvalidData("mime: with type=mime the body is multipart, and has a part of this name: the message.")
    return said.content


async def fingerprint(request: Request) -> bytes:
    """What is the same whenever a client sends the same again: the boundary of a multipart body changes each time."""
    kind = request.header(b"content-type") or ""
    if is_multipart(kind):
        return await asyncio.to_thread(_fingerprint, request.body, kind)
    if len(request.body) > LOOP_LIMIT:
        return await asyncio.to_thread(lambda: hashlib.sha256(request.body).digest())
    return request.body


def _fingerprint(body: bytes, kind: str) -> bytes:
    digest = hashlib.sha256()
    for part in read_multipart(body, kind):
        for said in (part.name, part.filename or "", part.content_type or ""):
            digest.update(hashlib.sha256(said.encode("utf-8", "surrogatepass")).digest())
        digest.update(hashlib.sha256(part.content).digest())
    return digest.digest()
