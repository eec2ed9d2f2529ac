"""Bodies of the type multipart/form-data: their parts, in one pass over the bytes."""

from dataclasses import dataclass, field

from python_multipart.exceptions import MultipartParseError
from python_multipart.multipart import MultipartParser

from opengrant.errors import InvalidPayload
from opengrant.mail.mime.charsets import decode_brief
from opengrant.mail.mime.headers import parameterised

MOST_PARTS = 250
MOST_HEADERS = 20
MOST_HEADER = 8 * 1024
"""Bytes of a header of a part."""
_MALFORMED = "Invalid multipart payload: it is no multipart/form-data with the boundary that Content-Type names."


@dataclass(frozen=True, slots=True)
class Part:
    """content_type: as its header says it; None without one. filename: "" and None are what was sent."""

    name: str
    filename: str | None
    content_type: str | None
    content: bytes = field(repr=False)


def is_multipart(content_type: str | None) -> bool:
    return (content_type or "").strip().lower().startswith("multipart/")


def read_multipart(body: bytes, content_type: str) -> list[Part]:
    """The parts, in their order; of a body of more than some hundred kilobytes in a thread. Raises InvalidPayload."""
    boundary = parameterised(content_type)[1].get("boundary", "").encode("latin-1", "replace")
    if not boundary:
        raise InvalidPayload(_MALFORMED)
    reading = _Reading(body)
    try:
        parser = MultipartParser(
            boundary,
            {
                "on_part_begin": reading.begin,
                "on_header_field": reading.name,
                "on_header_value": reading.value,
                "on_header_end": reading.header,
                "on_part_data": reading.data,
                "on_part_end": reading.end,
                "on_end": reading.finish,
            },
            max_header_count=MOST_HEADERS,
            max_header_size=MOST_HEADER,
        )
        parser.write(body)
        parser.finalize()
    except MultipartParseError:
        raise InvalidPayload(_MALFORMED) from None
    if not reading.finished:
        raise InvalidPayload(_MALFORMED)
    return reading.parts


class _Reading:
    """What the parser tells. It is handed the whole body at once, so that places are places in the body."""

    def __init__(self, body: bytes) -> None:
        self._body = memoryview(body)
        self.parts = list[Part]()
        self.finished = False
        self._headers = dict[str, str]()
        self._name, self._value = b"", b""
        self._data = list[memoryview]()

    def begin(self) -> None:
        if len(self.parts) == MOST_PARTS:
            raise InvalidPayload(f"The body has more than {MOST_PARTS} parts.")
        self._headers, self._data = {}, []

    def name(self, data: bytes, start: int, end: int) -> None:
        self._name += data[start:end]

    def value(self, data: bytes, start: int, end: int) -> None:
        self._value += data[start:end]

    def header(self) -> None:
        self._headers[self._name.decode("latin-1").lower()] = decode_brief(self._value)
        self._name, self._value = b"", b""

    def data(self, _: bytes, start: int, end: int) -> None:
        self._data.append(self._body[start:end])

    def end(self) -> None:
        said = parameterised(self._headers.get("content-disposition", ""))[1]
        filename = said.get("filename")
        # Browsers, and what imitates them, encode these three in names.
        for encoded, mark in (("%22", '"'), ("%0D", " "), ("%0A", " ")):
            filename = filename and filename.replace(encoded, mark)
        self.parts.append(Part(said.get("name", ""), filename, self._headers.get("content-type"), b"".join(self._data)))

    def finish(self) -> None:
        self.finished = True
